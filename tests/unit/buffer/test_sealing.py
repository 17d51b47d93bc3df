"""Sealing: what a header says follows from the records, and no block passes a limit."""

from __future__ import annotations

import random
import zlib
from pathlib import Path
from typing import Any

import pytest

from buffer.block import Seen, hash_text
from buffer.instant import Instant
from buffer.keys import Keys
from buffer.note import decode
from buffer.recovery import entry
from buffer.rows import decode_body
from buffer.sealing import BODY_BYTES, BODY_RECORDS, MESSAGE_BYTES, Block, Entry, Stamp, seal, seal_genesis
from buffer.wire import unpack_block
from tests.support.powercut import MemoryDisk

NOW = Instant(1_795_000_000_000, 5_000, "S", 3, "boot-3")
KEYS = Keys.open(Path("/keys"), "SB-1", MemoryDisk())
STAMP = Stamp("SB-1", "e1", "1.2.3", "abcdef0", KEYS)


def made(kind: str, i: int, raw: bytes = b"", **fields: Any) -> Entry:
    """One record."""
    return entry(i, kind, fields, NOW, raw)


def reading(i: int, text: str = "") -> Entry:
    return made("reading", i, m="kiln", s=f"f{i}", src="live", v={"p": "1.0"}, x={}, note=text)


def genesis() -> Block:
    config = made("config", 1, digest="aa" * 32, old="-")
    return seal_genesis(STAMP, [config, made("boot", 2)], NOW)


def sealed(entries: list[Entry]) -> list[Block]:
    first = genesis()
    return seal(first.header, first.hash, STAMP, entries, NOW)


def random_text(rng: random.Random, length: int) -> str:
    return "".join(rng.choices("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+/", k=length))


def test_the_genesis_names_and_is_signed_by_both_keys() -> None:
    block = genesis()
    assert block.header.keys == (KEYS.identity.verifier, KEYS.ratchet.verifier)
    assert decode(block.note).signed_by(block.header.keys) == block.header.keys
    assert (block.header.n, block.header.first, block.header.last) == (0, 1, 2)
    assert block.header.cfg == "aa" * 32


def test_a_header_follows_from_its_records_and_the_one_before() -> None:
    entries = [
        reading(3),
        made("reading", 4, m="kiln", s="f4", src="live", v={}, x={}, e="no_reply"),
        made("alarm", 5, id="a", state="raised"),
        made("alarm", 6, id="a", state="cleared"),
        made("loss", 7, what="records", count=5, reason="queue full"),
        made("config", 8, digest="bb" * 32, old="aa" * 32),
        made("receipt", 9, by="county", uplink="u2", n=0, hash="0" * 64, time=7),
        made("receipt", 10, by="city", uplink="u1", n=0, hash="1" * 64, time=8),
    ]
    (block,) = sealed(entries)
    assert block.header.sums.values() == (1, 1, 1, 1, 5)
    assert block.header.cfg == "bb" * 32
    assert block.header.seen == (Seen("city", 0, "1" * 64, 8), Seen("county", 0, "0" * 64, 7))
    assert block.alarms == 2
    assert block.header.prev == genesis().hash
    assert (block.header.soft, block.header.soft_digest) == ("1.2.3", "abcdef0")
    (after,) = seal(block.header, block.hash, STAMP, [reading(11)], NOW)
    assert after.header.seen == block.header.seen
    assert after.header.cfg == block.header.cfg
    assert after.header.sums.values() == (2, 1, 1, 1, 5)


def test_body_and_frames_are_what_the_header_says() -> None:
    entries = [made("reading", 3, b"3 5 > 6811\n", m="a", v={"p": "1"}, x={}), reading(4)]
    (block,) = sealed(entries)
    body, raw = zlib.decompress(block.body), zlib.decompress(block.raw)
    assert (block.header.body_bytes, block.header.body_hash) == (len(body), hash_text(body))
    assert (block.header.raw_bytes, block.header.raw_hash) == (len(raw), hash_text(raw))
    assert body == entries[0].row + entries[1].row
    (plain,) = sealed([reading(3)])
    assert (plain.header.raw_bytes, plain.header.raw_hash, plain.raw) == (0, "-", b"")


def test_the_stored_stream_is_the_one_that_is_sent() -> None:
    (block,) = sealed([reading(3)])
    assert unpack_block(block.note + block.body) == (block.note, reading(3).row)


@pytest.mark.parametrize("seed", range(3))
def test_no_block_passes_a_limit_and_none_is_lost_between(seed: int) -> None:
    """A tail half full of records that do not compress becomes many blocks, one chain."""
    rng = random.Random(seed)
    entries = [reading(3 + at, random_text(rng, rng.randrange(2000))) for at in range(700)]
    blocks = sealed(entries)
    before = genesis()
    for block in blocks:
        body = zlib.decompress(block.body)
        rows = list(decode_body(body))
        assert len(block.note) + len(block.body) <= MESSAGE_BYTES
        assert len(body) <= BODY_BYTES
        assert len(rows) <= BODY_RECORDS
        assert (rows[0]["i"], rows[-1]["i"]) == (block.header.first, block.header.last)
        assert (block.header.n, block.header.prev) == (before.header.n + 1, before.hash)
        assert block.header.first == before.header.last + 1
        before = block
    assert len(blocks) > 20
    assert b"".join(zlib.decompress(block.body) for block in blocks) == b"".join(one.row for one in entries)


@pytest.mark.parametrize(("count", "blocks"), [(512, 1), (513, 2), (1025, 3)])
def test_records_of_one_block(count: int, blocks: int) -> None:
    assert len(sealed([made("step", 3 + at, delta_ms=1) for at in range(count)])) == blocks


def test_one_record_too_long_for_a_message_stands_alone() -> None:
    """It cannot be: a row ends at 8 KiB. The rule holds all the same."""
    rng = random.Random(1)
    blocks = sealed([reading(3, random_text(rng, 8000)), reading(4, random_text(rng, 8000))] * 1)
    assert [block.header.first for block in blocks] == [3]


def test_a_later_epoch_carries_the_sums_on() -> None:
    (last,) = sealed([reading(3)])
    stamp = Stamp("SB-1", "e2", "1.2.3", "-", KEYS)
    block = seal_genesis(stamp, [made("boot", 9)], NOW, last.header)
    assert (block.header.n, block.header.first, block.header.prev) == (0, 9, "0" * 64)
    assert block.header.sums.values() == (1, 0, 0, 2, 0)
    assert len(block.header.keys) == 2


def test_nothing_to_seal() -> None:
    assert sealed([]) == []
