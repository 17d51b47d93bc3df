"""Headers: one spelling, every line, and what no header may say."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from buffer.block import Header, Seen, Sums, count, decode_header, encode_header, ratchet_counter
from buffer.errors import BlockError, RowError, UnknownVersion
from tests.support.journals import BOX, IDENTITY, ratchet

NEXT = ratchet(4).verifier
FULL = Header(
    box=BOX,
    epoch="5f0c81d2a94be736",
    n=41,
    prev="1a" * 32,
    body_bytes=18220,
    body_hash="2b" * 32,
    first=301,
    last=361,
    raw_bytes=5120,
    raw_hash="3c" * 32,
    boot=17,
    boot_id="0b5c2d3e-1111-4222-8333-444455556666",
    mono_ms=86_400_123,
    utc_ms=1_795_000_000_000,
    letter="R",
    soft="0.1.0",
    soft_digest="4d" * 32,
    cfg="5e" * 32,
    sums=Sums(300, 12, 1, 17, 5),
    ext=99,
    seen=(Seen("city", 39, "6f" * 32, 1_794_999_999_000), Seen("county", 12, "70" * 32, 1_794_000_000_000)),
    keys=(NEXT,),
)
GENESIS = replace(
    FULL,
    n=0,
    prev="0" * 64,
    first=1,
    last=0,
    body_bytes=0,
    body_hash="e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    raw_bytes=0,
    raw_hash="-",
    soft_digest="-",
    cfg="-",
    ext=None,
    seen=(),
    keys=(IDENTITY.verifier, ratchet(0).verifier),
)
TEXT = f"""sitebox/block/v1
box SB-7F3A-92  epoch 5f0c81d2a94be736  n 41
prev {"1a" * 32}
body rows/1 18220 {"2b" * 32}  records 301..361
raw 5120 {"3c" * 32}
boot 17 0b5c2d3e-1111-4222-8333-444455556666  mono 86400123  utc 1795000000000 R
soft 0.1.0 {"4d" * 32}  cfg {"5e" * 32}
sum reads 300 12  alarms 1  boots 17  lost 5
ext 99
seen city 39 {"6f" * 32} 1794999999000
seen county 12 {"70" * 32} 1794000000000
key {NEXT}
""".encode()


def test_text_of_every_line() -> None:
    assert encode_header(FULL) == TEXT
    assert decode_header(TEXT) == FULL


def test_genesis() -> None:
    text = encode_header(GENESIS)
    assert b"  records 1..0\nraw 0 -\n" in text
    assert text.endswith(f"ext -\nkey {IDENTITY.verifier}\nkey {ratchet(0).verifier}\n".encode())
    assert decode_header(text) == GENESIS
    assert (GENESIS.next_key, FULL.next_key) == (ratchet(0).verifier, NEXT)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"sitebox/block/v1", b"sitebox/block/v2"),
        (b"sitebox/block/v1", b"sitebox/block/v12"),
        (b"body rows/1 ", b"body rows/2 "),
    ],
)
def test_unknown_version_is_said_before_corrupt(old: bytes, new: bytes) -> None:
    with pytest.raises(UnknownVersion):
        decode_header(TEXT.replace(old, new).replace(b"sum reads", b"something new"))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"sitebox/block/v1", b"sitebox/receipt/v1"),
        (b"sitebox/block/v1", b"sitebox/block/v01"),
        (b"sitebox/block/v1", b"Sitebox/block/v1"),
        (b"  epoch", b" epoch"),
        (b"  epoch", b"   epoch"),
        (b" n 41\n", b" n 041\n"),
        (b" n 41\n", b" n +41\n"),
        (b" n 41\n", b" n 41 \n"),
        (b" n 41\n", b" n 9007199254740993\n"),
        (b" n 41\n", b" n 0\n"),
        (b"1a" * 32, b"1A" * 32),
        (b"1a" * 32, b"00" * 32),
        (b" 301..361", b" 301..299"),
        (b" 301..361", b" 0..361"),
        (b" 301..361", b" 301..300"),
        (b" 301..361", b" 301..5000"),
        (b" 18220 ", b" 0 "),
        (b" 18220 ", b" 9999999 "),
        (b"raw 5120", b"raw 0"),
        (b"raw 5120", b"raw 99999999"),
        (b"5120 " + b"3c" * 32, b"5120 -"),
        (b" R\n", b" Q\n"),
        (b"soft 0.1.0", b"soft 0.1 0"),
        (b"ext 99", b"ext"),
        (b"ext 99", b"ext 099"),
        (b"seen city", b"seen county"),
        (b"seen city", b"seen zulu"),
        (b"seen city 39", b"seen city 9007199254740993"),
        (b"seen city 39", b"seen city -"),
        (b"key ", b"kex "),
        (b"key ", b"key  "),
        (b"/r4+", b"/r5+"),
        (b"key SB-7F3A-92/r4", b"key SB-0000-00/r4"),
        (b"\n", b"\r\n"),
        (b"sum reads", "sum reads".replace("a", "а").encode()),
        (b"alarms 1", "alarms １".encode()),
    ],
)
def test_other_spellings_are_refused(old: bytes, new: bytes) -> None:
    assert old in TEXT
    with pytest.raises(BlockError):
        decode_header(TEXT.replace(old, new, 1))


@pytest.mark.parametrize("cut", range(1, len(TEXT), 37))
def test_cut_off_texts_are_refused(cut: int) -> None:
    with pytest.raises(BlockError):
        decode_header(TEXT[:cut])


def test_lines_added_repeated_or_left_out_are_refused() -> None:
    rows = TEXT.splitlines(keepends=True)
    for at in range(1, len(rows)):
        for forged in (
            [*rows[:at], b"hw 1\n", *rows[at:]],
            [*rows[:at], rows[at], *rows[at:]],
            [*rows[:at], b"\n", *rows[at:]],
        ):
            with pytest.raises(BlockError):
                decode_header(b"".join(forged))
        if not rows[at].startswith(b"seen "):
            with pytest.raises(BlockError):
                decode_header(b"".join([*rows[:at], *rows[at + 1 :]]))
    with pytest.raises(BlockError):
        decode_header(TEXT + b"\n")


@pytest.mark.parametrize(
    "changes",
    [
        {"box": "a" * 33},
        {"box": "三号"},
        {"epoch": "E"},
        {"n": -1},
        {"boot_id": ""},
        {"soft": "a b"},
        {"cfg": "xyz"},
        {"mono_ms": -1},
        {"utc_ms": 2**53 + 1},
        {"sums": Sums(reads_ok=-1)},
        {"ext": -1},
        {"keys": ()},
        {"keys": (NEXT, NEXT)},
        {"keys": (IDENTITY.verifier,)},
        {"seen": tuple(Seen(f"a{at:02}", 1, "6f" * 32, 1) for at in range(17))},
        {"seen": (Seen("a b", 1, "6f" * 32, 1),)},
        {"seen": (Seen("city", 1, "6f", 1),)},
    ],
)
def test_facts_that_no_header_may_hold(changes: dict[str, Any]) -> None:
    with pytest.raises(BlockError):
        replace(FULL, **changes)


@pytest.mark.parametrize("keys", [(NEXT,), (NEXT, IDENTITY.verifier), (IDENTITY.verifier, IDENTITY.verifier)])
def test_keys_that_no_genesis_may_hold(keys: Any) -> None:
    with pytest.raises(BlockError):
        replace(GENESIS, keys=keys)


def test_ratchet_counter() -> None:
    assert ratchet_counter(BOX, NEXT) == 4
    assert ratchet_counter("SB-0000-00", NEXT) is None
    assert ratchet_counter(BOX, IDENTITY.verifier) is None


def test_count() -> None:
    rows: list[dict[str, Any]] = [
        {"k": "boot"},
        {"k": "reading", "v": {"p": "1"}, "x": {}},
        {"k": "reading", "v": {"p": "1"}, "x": {"u_a": "missing"}},
        {"k": "reading", "v": {}, "e": "no_reply"},
        {"k": "alarm", "state": "raised"},
        {"k": "alarm", "state": "cleared"},
        {"k": "loss", "count": 7},
        {"k": "something new"},
    ]
    assert count(rows, Sums(10, 20, 30, 40, 50)) == Sums(12, 21, 31, 41, 57)


@pytest.mark.parametrize(
    "row",
    [
        {"k": "reading"},
        {"k": "reading", "v": {}},
        {"k": "loss"},
        {"k": "loss", "count": -1},
        {"k": "loss", "count": True},
    ],
)
def test_records_that_cannot_be_counted(row: dict[str, Any]) -> None:
    with pytest.raises(RowError):
        count([row], Sums())
