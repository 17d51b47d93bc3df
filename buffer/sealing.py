"""From durable records to signed blocks. Pure: what a block says follows from its records and the header
before.

::

    header n-1  +  records  -->  header n: sums counted on, cfg and seen taken from config and receipt records
                                 note n: signed by identity and ratchet

Records that do not fit one block become several, in one go. Never changes, drops or reorders a record.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from buffer import note
from buffer.block import Header, Seen, Sums, count, encode_header, hash_text
from buffer.grammar import NO_HASH
from buffer.head import Head
from buffer.instant import Instant
from buffer.keys import Keys
from buffer.note import VerifierKey

BODY_BYTES: Final = 96 * 1024  # a body over this is sealed at once ...
BODY_RECORDS: Final = 512  # ... and so is one with more records
MESSAGE_BYTES: Final = 30 * 1024  # note and zlib stream; more is sealed as two (DESIGN 8)
INDEXED: Final = frozenset(
    ("alarm", "order", "declaration", "summary")
)  # kinds the store finds without a scan
ZLIB_LEVEL: Final = 6  # the level of buffer.wire: the stored stream is the sent one


@dataclass(frozen=True, slots=True)
class Entry:
    """One record on its way: its number, its line, its fields, the text of its bus frames."""

    i: int
    row: bytes
    record: Mapping[str, Any]
    raw: bytes = b""


@dataclass(frozen=True, slots=True)
class Stamp:
    """What the sealing software says of itself. ``turn``: the last block of the next sealing names the
    ratchet key that is coming; ``hands_over``: the identity that takes over."""

    box: str
    epoch: str
    soft: str
    soft_digest: str
    keys: Keys
    turn: bool = False
    hands_over: bool = False


@dataclass(frozen=True, slots=True)
class Block:
    """A sealed block as it is stored; ``body`` and ``raw`` are zlib streams (``raw`` empty: no frames).
    ``alarms``: how many of its records are of the kinds ``INDEXED``."""

    header: Header
    hash: str
    note: bytes
    body: bytes
    raw: bytes
    alarms: int

    @property
    def head(self) -> Head:
        """What the journal shows when this is its newest block."""
        h = self.header
        return Head(h.epoch, h.n, self.hash, h.last, h.sums)


def seal_genesis(stamp: Stamp, entries: Sequence[Entry], now: Instant, life: Header | None = None) -> Block:
    """Block 0. It carries both verifier keys and is signed by both. ``life``: the last header known of an
    earlier epoch, whose sums and quotes go on."""
    return _seal(_Place(0, NO_HASH, life), stamp, entries, now)


def seal(
    before: Header, before_hash: str, stamp: Stamp, entries: Sequence[Entry], now: Instant
) -> list[Block]:
    """The block that follows ``before``, or several where one would pass a limit; none without records."""
    blocks: list[Block] = []
    place = _Place(before.n + 1, before_hash, before)
    for part in _parts(entries):
        for block in _fitting(place, replace(stamp, turn=False, hands_over=False), part, now):
            blocks.append(block)
            place = _after(block)
    if blocks and (stamp.turn or stamp.hands_over):  # the last one once more, with the names of new keys
        last = blocks.pop().header
        place = _after(blocks[-1]) if blocks else _Place(before.n + 1, before_hash, before)
        rest = [entry for entry in entries if entry.i >= last.first]
        blocks.append(_seal(place, stamp, rest, now))
    return blocks


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a block goes, and the header whose counts it carries on."""

    n: int
    prev: str
    before: Header | None


def _after(block: Block) -> _Place:
    return _Place(block.header.n + 1, block.hash, block.header)


def _parts(entries: Sequence[Entry]) -> Iterator[Sequence[Entry]]:
    start = size = 0
    for at, entry in enumerate(entries):
        if at > start and (at - start >= BODY_RECORDS or size + len(entry.row) > BODY_BYTES):
            yield entries[start:at]
            start, size = at, 0
        size += len(entry.row)
    if start < len(entries):
        yield entries[start:]


def _fitting(place: _Place, stamp: Stamp, entries: Sequence[Entry], now: Instant) -> list[Block]:
    block = _seal(place, stamp, entries, now)
    if len(block.note) + len(block.body) <= MESSAGE_BYTES or len(entries) == 1:
        return [block]
    half = len(entries) // 2
    first = _fitting(place, stamp, entries[:half], now)
    return first + _fitting(_after(first[-1]), stamp, entries[half:], now)


def _seal(place: _Place, stamp: Stamp, entries: Sequence[Entry], now: Instant) -> Block:
    before = place.before
    body = b"".join(entry.row for entry in entries)
    raw = b"".join(entry.raw for entry in entries)
    records = [entry.record for entry in entries]
    header = Header(
        box=stamp.box,
        epoch=stamp.epoch,
        n=place.n,
        prev=place.prev,
        body_bytes=len(body),
        body_hash=hash_text(body),
        first=entries[0].i,
        last=entries[-1].i,
        raw_bytes=len(raw),
        raw_hash=hash_text(raw) if raw else "-",
        boot=now.boot,
        boot_id=now.boot_id,
        mono_ms=now.mono_ms,
        utc_ms=now.utc_ms,
        letter=now.letter,
        soft=stamp.soft,
        soft_digest=stamp.soft_digest,
        cfg=_cfg(records, "-" if before is None else before.cfg),
        sums=count(records, Sums() if before is None else before.sums),
        seen=_seen(records, () if before is None else before.seen),
        keys=_keys(stamp, genesis=place.n == 0),
    )
    text = encode_header(header)
    signed = note.encode(text, (stamp.keys.identity, stamp.keys.ratchet))
    alarms = sum(record["k"] in INDEXED for record in records)
    packed = zlib.compress(raw, ZLIB_LEVEL) if raw else b""
    return Block(header, hash_text(text), signed, zlib.compress(body, ZLIB_LEVEL), packed, alarms)


def _keys(stamp: Stamp, *, genesis: bool) -> tuple[VerifierKey, ...]:
    """The keys of the next block: the ratchet's, and before it the identity's where it is named."""
    coming, heir = stamp.keys.coming, stamp.keys.heir
    ratchet = coming if stamp.turn and coming is not None else stamp.keys.ratchet
    if genesis:
        return stamp.keys.identity.verifier, ratchet.verifier
    if stamp.hands_over and heir is not None:
        return heir.verifier, ratchet.verifier
    return (ratchet.verifier,)


def _cfg(records: Sequence[Mapping[str, Any]], before: str) -> str:
    """The configuration in force after these records."""
    digests = [record["digest"] for record in records if record["k"] == "config"]
    return digests[-1] if digests else before


def _seen(records: Sequence[Mapping[str, Any]], before: Sequence[Seen]) -> tuple[Seen, ...]:
    """The last receipt of each authority after these records, sorted."""
    quotes = {seen.authority: seen for seen in before}
    for record in records:
        if record["k"] == "receipt":
            quotes[record["by"]] = Seen(record["by"], record["n"], record["hash"], record["time"])
    return tuple(quotes[name] for name in sorted(quotes))
