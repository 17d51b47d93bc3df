"""The journal vectors: sound and forged, judged by the verifier and by one that shares no code with it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from buffer.note import VerifierKey
from buffer.verify import BlockData, Wrong, verify
from tests.support.journal_vectors import FOLDER, cases, rendered
from tests.support.tiny_verifier import judge

FILES = sorted(FOLDER.glob("*.json"))


def loaded(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return content


def blocks_of(content: dict[str, Any]) -> list[tuple[bytes, bytes | None, bytes | None]]:
    return [
        tuple(None if part is None else part.encode() for part in (one["note"], one["body"], one["raw"]))  # type: ignore[misc]  # three parts
        for one in content["blocks"]
    ]


def test_every_case_has_its_file_and_every_file_its_case() -> None:
    assert [file.stem for file in FILES] == sorted(cases())


@pytest.mark.parametrize("name", sorted(cases()))
def test_the_formats_still_write_the_same_bytes(name: str) -> None:
    assert (FOLDER / f"{name}.json").read_text(encoding="utf-8") == rendered(name)


@pytest.mark.parametrize("name", sorted(cases()))
def test_verifier(name: str) -> None:
    content = loaded(name)
    report = verify(
        [BlockData(*parts) for parts in blocks_of(content)],
        identity=VerifierKey.parse(content["identity"]),
        receipts=[(one["note"].encode(), VerifierKey.parse(one["key"])) for one in content["receipts"]],
    )
    found = {"exit": report.exit_code(), "kind": report.wrong_kind, "first_wrong": report.first_wrong}
    assert found == content["expect"]


@pytest.mark.parametrize("name", sorted(cases()))
def test_second_verifier(name: str) -> None:
    content = loaded(name)
    receipts = [(one["note"].encode(), one["key"]) for one in content["receipts"]]
    code, first = judge(blocks_of(content), content["identity"], receipts)
    expect = content["expect"]
    assert code == expect["exit"]
    # a copy and a second history are met one block later by a reader that only counts
    assert first in (
        expect["first_wrong"],
        (expect["first_wrong"] or 0) + (expect["kind"] in ("duplicated block", "fork")),
    )


def test_every_kind_that_a_file_can_show_has_a_vector() -> None:
    shown = {content["expect"]["kind"] for content in map(loaded, cases())}
    elsewhere = {
        Wrong.UNREADABLE,  # tests/unit/buffer/test_attacks.py
        Wrong.UNKNOWN_VERSION,
        Wrong.FALLING,
        Wrong.VALUE_DIFFERS,  # needs a decoder
        Wrong.NEW_EPOCH,
        Wrong.CFG_UNSAID,
        Wrong.BOOT_WRONG,  # tests/attacks
        Wrong.LOSS_WRONG,
        Wrong.BODY_UNSAID,
        Wrong.BOOT_SKIPPED,
        Wrong.REGISTER_FALLS,
        Wrong.BAD_HANDOVER,
        Wrong.QUOTE_UNSAID,
    }
    assert shown - {None} == set(Wrong) - elsewhere
