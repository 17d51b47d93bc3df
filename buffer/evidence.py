"""Which blocks an alarm stands on: from the first record behind it to the alarm itself; and where orders and
declarations are, which alarms are judged by.

::

    block 40   block 41   block 42
    since_i ------------> alarm raised        40, 41 and 42 are evidence; of a cleared one its own block is,
                                              so is the one of an order; a daily summary is none

Reads only blocks that the store's index names (``sealing.INDEXED``); never walks the store.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from buffer.errors import FormatError, StoreDamaged
from buffer.rows import Record, decode_body
from buffer.shelf import Shelf

LASTING: Final = frozenset(("order", "declaration"))  # their bodies never go: what is in force stands in them


def evidence(shelf: Shelf, a: int, b: int) -> frozenset[int]:
    """The numbers among a..b of blocks that an alarm stands on, wherever behind them it was raised."""
    found: set[int] = set()
    for n in shelf.alarm_blocks(a - 1):
        firsts = [n if i is None else block_of(shelf, i) for i in _begins(shelf, n)]
        if firsts:
            found.update(range(max(a, min(*firsts, n)), min(b, n) + 1))
    return frozenset(found)


def lasting(shelf: Shelf, a: int, b: int) -> frozenset[int]:
    """The numbers among a..b of blocks that hold the signed note of an order or a declaration."""
    return frozenset(
        n
        for n in shelf.alarm_blocks(a - 1)
        if n <= b and any(record["k"] in LASTING and "note" in record for record in _records(shelf, n) or ())
    )


def block_of(shelf: Shelf, i: int) -> int:
    """The block that holds record ``i``, or the nearest there is: found by halving."""
    low, high = 0, shelf.last()
    while low < high:
        middle = (low + high + 1) // 2
        info = shelf.info(middle)
        if info is not None and info.first <= i:
            low = middle
        else:
            high = middle - 1
    return low


def _begins(shelf: Shelf, n: int) -> Iterator[int | None]:
    """First records behind what block ``n`` is evidence of, None where that is the block alone. One whose
    body is gone or rotten may have been evidence."""
    records = _records(shelf, n)
    if records is None:
        yield None
        return
    for record in records:
        since = record.get("since_i")
        if record["k"] == "alarm" and record.get("state") == "raised" and type(since) is int:
            yield since
        elif record["k"] == "alarm" or record["k"] in LASTING:
            yield None


def _records(shelf: Shelf, n: int) -> tuple[Record, ...] | None:
    """Those of a block; None where its body is gone or rotten."""
    try:
        block = shelf.block(n)
    except (FormatError, StoreDamaged):
        return None
    return None if block is None or block.body is None else tuple(decode_body(block.body))
