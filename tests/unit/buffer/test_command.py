"""Commands: one spelling, and only the issuer speaks for itself."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from buffer import note
from buffer.command import MAX_OBJECT, Command, decode_command, encode_command, open_command, sign_command
from buffer.errors import CommandError, NoteError, UnknownVersion
from buffer.note import Ed25519Signer
from tests.support.journals import CITY, COUNTY, signer

FULL = Command(
    by="city",
    box="SB-7F3A-92",
    epoch="5f0c81d2a94be736",
    head_n=41,
    head_hash="1a" * 32,
    number=7,
    time_ms=1_795_000_000_000,
    verb="order-put",
    object={"id": "2026-031", "kind": "stop", "from_ms": 1_795_000_000_000, "title": "红色预警"},
)
TEXT = f"""sitebox/command/v1
by city
box SB-7F3A-92 epoch 5f0c81d2a94be736
head 41 {"1a" * 32}
number 7
time 1795000000000
verb order-put
{{"from_ms":1795000000000,"id":"2026-031","kind":"stop","title":"红色预警"}}
""".encode()


def test_text_of_every_line() -> None:
    assert encode_command(FULL) == TEXT
    assert decode_command(TEXT) == FULL


def test_unknown_version_is_said_before_corrupt() -> None:
    with pytest.raises(UnknownVersion):
        decode_command(b"sitebox/command/v2\nwhatever\n")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"number 7", b"number 07"),
        (b"number 7", b"number -7"),
        (b"number 7", b"number  7"),
        (b"number 7", "number ７".encode()),
        (b"by city", b"by city "),
        (b"by city", b"by ci ty"),
        (b"1a1a", b"1A1a"),
        (b"order-put", b"Order-put"),
        (b"order-put", b"order-"),
        (b'"from_ms":1795', b'"from_ms": 1795'),
        (b'"from_ms":1795000000000', b'"from_ms":1795000000000.0'),
        (b'"kind":"stop"', b'"kind":null'),
        (b'"id":"2026-031"', b'"id":"\\u0032026-031"'),
        (b'{"from_ms":1795000000000,"id":"2026-031"', b'{"id":"2026-031","from_ms":1795000000000'),
        (b"command/v1", b"receipt/v1"),
        (b"\ntime 1795000000000", b""),
        (b"\nverb", b"\nspeed 1\nverb"),
        (b"\n{", b"\n\n{"),
    ],
)
def test_other_spellings_are_refused(old: bytes, new: bytes) -> None:
    assert old in TEXT
    with pytest.raises(CommandError):
        decode_command(TEXT.replace(old, new, 1))


@pytest.mark.parametrize("cut", range(0, len(TEXT), 7))
def test_what_was_cut_off_is_refused(cut: int) -> None:
    with pytest.raises(CommandError):
        decode_command(TEXT[:cut])


@pytest.mark.parametrize(
    "changes",
    [
        {"by": "ci ty"},
        {"by": ""},
        {"box": "SB 1"},
        {"epoch": "E"},
        {"head_hash": "1a"},
        {"head_n": -1},
        {"number": 2**53 + 1},
        {"time_ms": -1},
        {"verb": "order put"},
        {"object": {"x": 1.5}},
        {"object": {"x": "y" * MAX_OBJECT}},
    ],
)
def test_facts_that_no_command_may_hold(changes: dict[str, Any]) -> None:
    with pytest.raises(CommandError):
        replace(FULL, **changes)


def test_open() -> None:
    raw = sign_command(FULL, CITY)
    assert open_command(raw, [COUNTY.verifier, CITY.verifier]) == FULL


def test_only_the_issuer_speaks_for_itself() -> None:
    with pytest.raises(CommandError, match="may not speak"):
        sign_command(FULL, COUNTY)
    with pytest.raises(CommandError, match="county may not speak for city"):
        open_command(note.encode(TEXT, [COUNTY]), [COUNTY.verifier, CITY.verifier])


def test_open_refuses_other_signers() -> None:
    raw = sign_command(FULL, CITY)
    for keys in ([], [COUNTY.verifier], [signer("city", "another").verifier]):
        with pytest.raises(NoteError):
            open_command(raw, keys)
    both = note.encode(TEXT, [CITY, COUNTY])
    with pytest.raises(NoteError):
        open_command(both, [CITY.verifier])
    with pytest.raises(NoteError):
        open_command(raw.replace(b"number 7", b"number 8"), [CITY.verifier])


def test_a_key_for_receipts_signs_no_command() -> None:
    receipts_only = Ed25519Signer("city", bytes(range(32)), kinds=("sitebox/receipt/v1",))
    with pytest.raises(NoteError, match="does not sign this kind"):
        sign_command(FULL, receipts_only)
