"""The recipe of docs/uplink-mqtt.md is run as it stands there, on blocks and receipts of this project."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature

from agent.demo.broker import acl_text
from buffer import wire
from buffer.note import decode
from buffer.receipt import open_receipt
from receiver.service import VERBS
from tests.support.journals import CITY, IDENTITY, T0, Life, header_of, make, signer

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "uplink-mqtt.md").read_text(encoding="utf-8")
BLOCKS = make(Life(blocks=6))


@pytest.fixture(scope="module")
def recipe() -> Mapping[str, Any]:
    code = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert len(code) == 1
    space: dict[str, Any] = {}
    exec(compile(code[0], "uplink-mqtt.md", "exec"), space)  # the page's own text, from this tree
    return space


@pytest.mark.parametrize("n", range(6))
def test_it_opens_our_blocks(recipe: Mapping[str, Any], n: int) -> None:
    message = wire.pack_block(BLOCKS[n].note, BLOCKS[n].body)
    text, body = recipe["open_block"](message, str(IDENTITY.verifier))
    assert text == decode(BLOCKS[n].note).text
    assert body == BLOCKS[n].body


def test_it_refuses_what_is_not_ours(recipe: Mapping[str, Any]) -> None:
    message = bytearray(wire.pack_block(BLOCKS[3].note, BLOCKS[3].body))
    message[60] ^= 1
    with pytest.raises(InvalidSignature):
        recipe["open_block"](bytes(message), str(IDENTITY.verifier))
    other = wire.pack_block(BLOCKS[3].note, BLOCKS[2].body)
    with pytest.raises(AssertionError):
        recipe["open_block"](other, str(IDENTITY.verifier))


def test_its_receipt_is_one(recipe: Mapping[str, Any]) -> None:
    import hashlib

    seed = hashlib.sha256(b"vectors/city").digest()
    assert signer("city").verifier == CITY.verifier
    text = decode(BLOCKS[4].note).text
    receipt = open_receipt(recipe["make_receipt"]("city", seed, text, T0), CITY.verifier)
    assert (receipt.stored_n, receipt.box, receipt.epoch) == (
        4,
        header_of(BLOCKS[4]).box,
        header_of(BLOCKS[4]).epoch,
    )


def test_every_topic_stands_in_the_page() -> None:
    told = set(re.findall(r"`sb/1/<box>/((?:up|dn)/[a-z]+)`", PAGE))
    known = {f"{way}/{name}" for way, names in wire.NAMES.items() for name in names}
    assert told | {"up/reply"} == known  # replies answer commands, which this version ignores


def test_the_examples_of_birth_and_state_have_the_fields_of_this_version() -> None:
    lines = re.findall(r"^\{.*\}$", PAGE, re.MULTILINE)
    examples = [set(re.findall(r'"([a-z_]+)":', line)) for line in lines]
    assert examples[0] == set(wire.Birth.__dataclass_fields__) | {"v"}
    assert examples[1] == set(wire.State.__dataclass_fields__) | {"v"}


def test_the_access_list_is_the_one_we_use() -> None:
    assert acl_text("platform").strip() in PAGE


def test_each_verb_of_the_receiver_is_shown() -> None:
    shown = set(re.findall(r"`sitebox-receiver ([a-z]+) --config", PAGE))
    assert shown | {"run"} == set(VERBS)
