"""Receipts: one spelling, and only the authority speaks for itself."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from buffer import note
from buffer.errors import NoteError, ReceiptError, UnknownVersion
from buffer.receipt import Receipt, decode_receipt, encode_receipt, open_receipt
from tests.support.journals import CITY, COUNTY, signer

FULL = Receipt(
    by="city",
    box="SB-7F3A-92",
    epoch="5f0c81d2a94be736",
    stored_n=41,
    stored_hash="1a" * 32,
    also=((44, 47, "2b" * 32), (50, 50, "3c" * 32)),
    want=((42, 43), (48, 49)),
    heads=(("county", 40, "4d" * 32), ("province", 39, "5e" * 32)),
    time_ms=1_795_000_000_000,
)
NOTHING = replace(FULL, stored_n=-1, stored_hash="", also=(), want=(), heads=())
TEXT = f"""sitebox/receipt/v1
by city
box SB-7F3A-92 epoch 5f0c81d2a94be736
stored 0..41 {"1a" * 32}
also 44..47 {"2b" * 32}
also 50..50 {"3c" * 32}
want 42..43
want 48..49
heads county 40 {"4d" * 32}
heads province 39 {"5e" * 32}
time 1795000000000
""".encode()


def test_text_of_every_line() -> None:
    assert encode_receipt(FULL) == TEXT
    assert decode_receipt(TEXT) == FULL


def test_nothing_stored() -> None:
    assert b"\nstored -\ntime " in encode_receipt(NOTHING)
    assert decode_receipt(encode_receipt(NOTHING)) == NOTHING


def test_everything_it_speaks_of() -> None:
    assert [one.n for one in FULL.quoted()] == [41, 47, 50, 40, 39]
    assert [one.whole for one in FULL.quoted()] == [True, False, False, False, False]
    assert [one.holder == FULL.by for one in FULL.quoted()] == [True, True, True, False, False]
    assert NOTHING.quoted() == ()


def test_unknown_version_is_said_before_corrupt() -> None:
    with pytest.raises(UnknownVersion):
        decode_receipt(b"sitebox/receipt/v2\nwhatever\n")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"sitebox/receipt", b"sitebox/block"),
        (b"by city", b"by city "),
        (b"by city", b"by "),
        (b" epoch", b"  epoch"),
        (b"stored 0..41", b"stored 0..041"),
        (b"stored 0..41", b"stored 1..41"),
        (b"stored 0..41 ", b"stored - "),
        (b"also 44..47", b"also 42..47"),
        (b"also 44..47", b"also 47..44"),
        (b"also 50..50", b"also 48..50"),
        (b"want 42..43", b"want 44..43"),
        (b"want 48..49", b"want 44..49"),
        (b"also 50", b"want 50"),
        (b"heads county", b"heads quito"),
        (b"heads province", b"heads county"),
        (b"heads county 40", b"heads county 9007199254740993"),
        (b"time 1795000000000", b"time -1"),
        (b"time 1795000000000", b"time 9007199254740993"),
        (b"\n", b"\r\n"),
    ],
)
def test_other_spellings_are_refused(old: bytes, new: bytes) -> None:
    assert old in TEXT
    with pytest.raises(ReceiptError):
        decode_receipt(TEXT.replace(old, new, 1))


def test_lines_added_repeated_moved_or_left_out_are_refused() -> None:
    rows = TEXT.splitlines(keepends=True)
    for at in range(len(rows)):
        for forged in ([*rows[:at], b"note x\n", *rows[at:]], [*rows[:at], rows[at], *rows[at:]]):
            with pytest.raises(ReceiptError):
                decode_receipt(b"".join(forged))
    for at in range(1, len(rows) - 1):
        with pytest.raises(ReceiptError):
            decode_receipt(b"".join([*rows[:at], rows[at + 1], rows[at], *rows[at + 2 :]]))
    for at in (0, 1, 2, 3, len(rows) - 1):
        with pytest.raises(ReceiptError):
            decode_receipt(b"".join([*rows[:at], *rows[at + 1 :]]))


@pytest.mark.parametrize(
    "changes",
    [
        {"by": "a b"},
        {"box": "x" * 33},
        {"epoch": ""},
        {"stored_n": -2},
        {"stored_n": -1},
        {"stored_hash": ""},
        {"time_ms": -1},
        {"also": tuple((n, n, "2b" * 32) for n in range(100, 100 + 2 * 65, 2))},
        {"want": tuple((n, n) for n in range(100, 100 + 2 * 65, 2))},
        {"heads": tuple((f"a{n:02}", 1, "2b" * 32) for n in range(17))},
        {"heads": (("county", -1, "2b" * 32),)},
        {"also": ((50, 2**53 + 1, "2b" * 32),)},
    ],
)
def test_facts_that_no_receipt_may_hold(changes: dict[str, Any]) -> None:
    with pytest.raises(ReceiptError):
        replace(FULL, **changes)


def test_most_ranges_that_fit() -> None:
    also = tuple((n, n, "2b" * 32) for n in range(100, 100 + 2 * 64, 2))
    want = tuple((n, n) for n in range(101, 101 + 2 * 64, 2))
    full = replace(FULL, also=also, want=want)
    assert decode_receipt(encode_receipt(full)) == full


def test_open() -> None:
    assert open_receipt(note.encode(TEXT, [CITY]), CITY.verifier) == FULL


def test_open_refuses_other_signers() -> None:
    with pytest.raises(ReceiptError, match="not signed by city"):
        open_receipt(note.encode(TEXT, [signer("city", "thief")]), CITY.verifier)
    with pytest.raises(ReceiptError, match="alone"):
        open_receipt(note.encode(TEXT, [CITY, COUNTY]), CITY.verifier)
    with pytest.raises(ReceiptError, match="may not speak for"):
        open_receipt(note.encode(TEXT, [COUNTY]), COUNTY.verifier)
    with pytest.raises(NoteError, match="bad signature"):
        open_receipt(note.encode(TEXT, [CITY]).replace(b"0..41", b"0..42"), CITY.verifier)
