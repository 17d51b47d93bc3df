"""The summaries of past days in the journal, found without reading what lies between them. Reads only.

::

    head ... block 9000 [day 25, prev_n 7560] ... block 7560 [day 24, prev_n 6120] ... block 6120 ...

Only the newest has to be looked for: block by block from the head, and a block is taken apart only when its
text names one. A day's rows may end in the block behind the one that ``prev_n`` names.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from agent.dayrecords import KEPT_DAYS
from agent.history import MOST_BLOCKS, Record, records_of, records_of_kinds
from agent.rules.baseline import Baseline
from buffer.reader import JournalReader

Rows = tuple[Record, ...]  # of one day, the record ``day`` first
_LOOK = MOST_BLOCKS  # blocks looked through for the newest: a day of them and more
_ROOM = 4  # blocks that the rows of one day may lie in


def last_summary(reader: JournalReader, floor_n: int = 0) -> int:
    """The newest block that begins the summaries of a day, not below ``floor_n``; -1: none was found."""
    head = reader.head().n
    for n in range(head, max(floor_n, head - _LOOK) - 1, -1):
        if _day_in(reader, n) is not None:
            return n
    return -1


def walk(reader: JournalReader, n: int, most: int = KEPT_DAYS) -> Iterator[Rows]:
    """Day by day backwards from block ``n``, as far as bodies are kept."""
    for _ in range(most):
        first = _day_in(reader, n)
        if first is None:
            return
        yield (first, *_rest(reader, n, first))
        if not -1 < first["prev_n"] < n:
            return
        n = first["prev_n"]


def baselines(reader: JournalReader, n: int, days: Iterable[Rows]) -> Iterator[tuple[str, Baseline]]:
    """Baselines of orders that are on record: in the summaries, and in records since block ``n``."""
    for rows in days:
        for row in rows:
            if row["what"] == "order" and "kw" in row:
                yield row["order"], Baseline.take(row)
    for record, _ in records_of_kinds(reader, ("order",), n - 1):
        if record.get("op") == "baseline":
            yield record["id"], Baseline.take(record)


def _day_in(reader: JournalReader, n: int) -> Record | None:
    """The record ``day`` of a block; of several the last, which the others lead to."""
    block = reader.block(n) if n >= 0 else None
    if block is None or block.body is None or b'"what":"day"' not in block.body:
        return None
    found = [row for row in records_of(block) if row["k"] == "summary" and row.get("what") == "day"]
    return found[-1] if found else None


def _rest(reader: JournalReader, n: int, first: Record) -> Iterator[Record]:
    left = first["rows"]
    for number in range(n, n + _ROOM):
        block = reader.block(number)
        for row in records_of(block):
            if left and row["k"] == "summary" and row["i"] > first["i"]:
                left -= 1
                yield row
        if not left:
            return
