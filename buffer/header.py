"""The facts of one block header, and what no header may say. The text of it: ``buffer.block``.

Pure, and frozen: a Header that exists is one that can be written and read again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from buffer.errors import BlockError
from buffer.grammar import AUTHORITY, BOOT_ID, BOX, EPOCH, HASH, NO_HASH, NUMBER, WORD, is_number, is_word
from buffer.instant import ClockLetter
from buffer.note import VerifierKey
from buffer.rows import MAX_BODY, MAX_ROWS

FIRST_RECORD: Final = 1  # number of a box's first record; 0 stands for "none yet"
MAX_SEEN: Final = 16
MAX_RAW: Final = 4 * 1024 * 1024
DIGEST: Final = "(?:[0-9a-f]{7,64}|-)"
_RATCHET = re.compile(rf"({BOX})/r({NUMBER})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Seen:
    """The last receipt of one authority, quoted: the block was made after it (time is sandwiched)."""

    authority: str
    n: int
    hash: str
    time_ms: int


@dataclass(frozen=True, slots=True)
class Sums:
    """Counts since the box's birth."""

    reads_ok: int = 0
    reads_failed: int = 0
    alarms: int = 0
    boots: int = 0
    lost: int = 0

    def values(self) -> tuple[int, ...]:
        return (self.reads_ok, self.reads_failed, self.alarms, self.boots, self.lost)


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """All facts of one header. Raises BlockError when made of what no header may say."""

    box: str
    epoch: str
    n: int
    prev: str
    body_bytes: int
    body_hash: str
    first: int
    last: int  # first - 1: no records
    raw_bytes: int = 0
    raw_hash: str = "-"
    boot: int
    boot_id: str
    mono_ms: int
    utc_ms: int
    letter: ClockLetter
    soft: str  # version of the software, one word
    soft_digest: str = "-"
    cfg: str  # digest of the effective configuration, or "-"
    sums: Sums
    ext: int | None = None
    seen: tuple[Seen, ...] = ()
    keys: tuple[VerifierKey, ...]  # [identity, where it is named,] and the ratchet key of block n + 1

    def __post_init__(self) -> None:
        _check_words(self)
        _check_numbers(self)
        _check_meaning(self)
        _check_keys(self)

    @property
    def next_key(self) -> VerifierKey:
        """The ratchet key that signs block n + 1 (the genesis: also itself)."""
        return self.keys[-1]

    @property
    def identity(self) -> VerifierKey | None:
        """The identity that signs from block n + 1 on (the genesis: also itself), if this header names it."""
        return self.keys[0] if len(self.keys) == 2 else None

    @property
    def heir(self) -> VerifierKey | None:
        """The new identity that a hand-over names here; None in every other block."""
        return self.identity if self.n else None


def _check_words(h: Header) -> None:
    words = (
        (BOX, h.box),
        (EPOCH, h.epoch),
        (HASH, h.prev),
        (HASH, h.body_hash),
        (f"{HASH}|-", h.raw_hash),
        (BOOT_ID, h.boot_id),
        ("[SRMI]", h.letter),
        (WORD, h.soft),
        (DIGEST, h.soft_digest),
        (DIGEST, h.cfg),
    )
    for pattern, word in words:
        if not is_word(pattern, word):
            raise BlockError(f"header: {word[:80]!r} has not the form {pattern}")


def _check_numbers(h: Header) -> None:
    numbers = (h.n, h.body_bytes, h.first, h.last, h.raw_bytes, h.boot, h.mono_ms, h.utc_ms)
    if not all(map(is_number, (*numbers, *h.sums.values(), h.ext or 0))):
        raise BlockError("header: a number below 0 or beyond 2^53")
    if h.body_bytes > MAX_BODY or h.last - h.first >= MAX_ROWS or h.raw_bytes > MAX_RAW:
        raise BlockError("header: body or raw frames over their limit")


def _check_meaning(h: Header) -> None:
    _check_seen(h.seen)
    if h.first < FIRST_RECORD or h.last < h.first - 1:
        raise BlockError("header: impossible range of records")
    if (h.last < h.first) != (h.body_bytes == 0):
        raise BlockError("header: records without body, or body without records")
    if (h.n == 0) != (h.prev == NO_HASH):
        raise BlockError("header: the genesis alone has no predecessor")
    if (h.raw_bytes == 0) != (h.raw_hash == "-"):
        raise BlockError('header: no raw frames are written "raw 0 -"')


def _check_seen(quotes: tuple[Seen, ...]) -> None:
    names = [seen.authority for seen in quotes]
    if names != sorted(set(names)) or len(names) > MAX_SEEN:
        raise BlockError("header: seen lines not sorted, repeated or too many")
    for seen in quotes:
        if not (is_word(AUTHORITY, seen.authority) and is_word(HASH, seen.hash)):
            raise BlockError("header: bad seen line")
        if not (is_number(seen.n) and is_number(seen.time_ms)):
            raise BlockError("header: bad number in a seen line")


def _check_keys(h: Header) -> None:
    if len(h.keys) not in ((2,) if h.n == 0 else (1, 2)):
        raise BlockError("header: one key line; two in the genesis and at a hand-over")
    if h.identity is not None and h.identity.name != h.box:
        raise BlockError("header: the first of two keys is the identity")
    if ratchet_counter(h.box, h.next_key) is None:
        raise BlockError("header: key line is not of this box's ratchet")


def ratchet_counter(box: str, key: VerifierKey) -> int | None:
    """The counter of a ratchet key of this box (``<box>/r<counter>``), None for any other key."""
    found = _RATCHET.fullmatch(key.name)
    return int(found[2]) if found is not None and found[1] == box else None
