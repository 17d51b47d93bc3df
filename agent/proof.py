"""The smallest evidence for one point and one stretch of time: bodies where it was read, headers around.

::

    n-1    n ........ m     m+1 ........ r
    header whole blocks     headers up to the first block that a platform's receipt names
           (header alone where nothing of it is about the point)

The header before carries the key that signs the first; those behind lead to the receipt, which makes it
final. A block covers the time from the block before to its own, by the wall clock as it was sealed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, replace

from buffer.reader import JournalReader
from buffer.receipt import Receipt
from buffer.rows import decode_body
from buffer.verify import BlockData

_STEP = 1_000  # headers looked at in one read
_EVERYBODYS = frozenset(
    (
        *("boot", "down", "config", "step", "anchor", "loss", "key", "receipt", "audit", "mains"),
        *("order", "declaration"),
    )
)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Blocks ``first``..``last`` hold the time asked for; ``end``: the last header that is needed;
    ``anchored``: whether a receipt names it."""

    first: int
    last: int
    end: int
    anchored: bool


def stretch(reader: JournalReader, from_ms: int, to_ms: int, receipts: Sequence[Receipt]) -> Stretch | None:
    """The blocks whose time overlaps [from_ms, to_ms]; None if none does."""
    head, before_ms = reader.head(), 0
    found: list[int] = []
    for start in range(0, head.n + 1, _STEP):
        for info in reader.infos(start, min(head.n, start + _STEP - 1)):
            if info.n and info.utc_ms >= from_ms and before_ms <= to_ms:
                found.append(info.n)
            before_ms = info.utc_ms
    if not found:
        return None
    last = max(found)
    named = [one.stored_n for one in receipts if one.epoch == head.epoch and one.stored_n >= last]
    return Stretch(min(found), last, min(named, default=last), bool(named))


def blocks(reader: JournalReader, wanted: Stretch, names: Set[str]) -> Iterator[BlockData]:
    """From the header before the first to the last that is needed; ``names`` of the meter and its points."""
    begin = max(0, wanted.first - 1)
    for n, block in enumerate(reader.blocks(begin, wanted.end), begin):
        within = wanted.first <= n <= wanted.last and _is_about(block, names)
        yield block if within else replace(block, body=None, raw=None)


def _is_about(block: BlockData, names: Set[str]) -> bool:
    """Whether a body says anything of these, or of the box and the plant as a whole."""
    if not block.body:
        return False
    return any(
        record.get("m") in names
        or record["k"] in _EVERYBODYS
        or not names.isdisjoint(record.get("subjects", ()))
        for record in decode_body(block.body)
    )
