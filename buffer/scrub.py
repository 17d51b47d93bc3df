"""The slow look at the whole store: what rots in silence is found within a week, and not when it is needed.

::

    minute of the week 0 ......... 10079       each minute every 10080th block, by a reader
       header: digest, signature, place in the chain      body, bus frames: digest

What rotted is taken out of the store, so that it is missing with a reason and nobody is made to look a
forger: its header stays, and a signed loss record names it. A header that rotted stays as it is: what it said
only a platform that has it can say. Stateless: which minute it is says where to look; each week the blocks
have other minutes, so that a box which is off each night, or restarts at noon, leaves none out for ever.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from buffer.block import decode_header, hash_text
from buffer.errors import FormatError, StoreDamaged
from buffer.head import BlockInfo
from buffer.note import VerifierKey, decode
from buffer.reader import JournalReader
from buffer.refill import sound
from buffer.store import Store
from buffer.verify import BlockData

MINUTE_MS: Final = 60_000
MINUTES: Final = 7 * 24 * 60
SHIFT: Final = 3407  # minutes by which a block moves each week; no divisor in common with a week's
Part = Literal["header", "body", "raw"]


@dataclass(frozen=True, slots=True)
class Rot:
    """A part of block ``n`` that is not what was stored; ``records`` that its body held."""

    n: int
    part: Part
    records: int

    def loss(self) -> Mapping[str, Any]:
        """The fields of its loss record; bus frames and headers hold no records."""
        said = {"reason": "rotten", "blocks": [[self.n, self.n]]}
        if self.part == "body":
            return {"what": "bodies", "count": self.records, "records": self.records, **said}
        return {"what": "headers" if self.part == "header" else "frames", "count": 0, **said}


def share(blocks: int, utc_ms: int) -> range:
    """The numbers whose turn it is in this minute. A calendar week of minutes is all of them, once,
    also while more are written."""
    week, minute = divmod(utc_ms // MINUTE_MS, MINUTES)
    return range((minute + week * SHIFT) % MINUTES, blocks, MINUTES)


def look(reader: JournalReader, numbers: range, identities: Sequence[VerifierKey]) -> Iterator[Rot]:
    """What is rotten among ``numbers``."""
    for n in numbers:
        infos = {info.n: info for info in reader.infos(n - 1, n)}
        info = infos.get(n)
        if info is None:
            yield Rot(n, "header", 0)
            continue
        before = infos.get(n - 1)
        try:
            block = reader.block(n)
        except (FormatError, StoreDamaged):  # a zlib stream, or SQLite's own pages
            yield Rot(n, "body", info.last - info.first + 1)
            continue
        if block is not None:
            yield from _parts(info, before, block, identities)


def _parts(
    info: BlockInfo, before: BlockInfo | None, block: BlockData, identities: Sequence[VerifierKey]
) -> Iterator[Rot]:
    try:
        note = decode(block.note)
        header = decode_header(note.text)
        good = bool(note.signed_by(identities)) and hash_text(note.text) == info.hash
    except FormatError:
        good = False
    if not good or (before is not None and header.prev != before.hash):
        yield Rot(info.n, "header", 0)
        return
    if block.body is not None and hash_text(block.body) != header.body_hash:
        yield Rot(info.n, "body", info.last - info.first + 1)
    if block.raw is not None and hash_text(block.raw) != header.raw_hash:
        yield Rot(info.n, "raw", 0)


class Caretaker:
    """The journal's hand in its store: takes out what rotted, puts back what a platform gave."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.doubt = store.doubt

    def can_take_out(self, rot: Rot) -> bool:
        """Not where pages of the database itself have rotted: what they held is said by the next start, which
        mends them."""
        return rot.part == "header" or self._store.can_strip(rot.n)

    def take_out(self, rot: Rot) -> None:
        """Bus frames go with their body; a header stays. Raises StoreFull, WriteFailed, StoreDamaged."""
        if rot.part != "header":
            self._store.strip([rot.n], "raw")
        if rot.part == "body":
            self._store.strip([rot.n], "body")

    def put_back(self, block: BlockData) -> int | None:
        """The number of a block that was given back; None for one that is not ours, or that retention let go
        of. Raises as `take_out`."""
        header = sound(block)
        if header is None or header.n > self._store.last():
            return None
        ours = self._store.hash(header.n) == hash_text(decode(block.note).text)
        if not ours or 0 < header.n < self._store.floor("body"):
            return None
        body, raw = (None if part is None else zlib.compress(part) for part in (block.body, block.raw))
        self._store.put_back(header.n, block.note, body, raw)
        return header.n
