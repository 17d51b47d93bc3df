"""Which blocks an alarm stands on: from the first record behind it to the alarm itself.

::

    block 40   block 41   block 42
    since_i ------------> alarm raised        40, 41 and 42 are evidence; of a cleared one its own block is

Reads only blocks with an alarm in them; never walks the store.
"""

from __future__ import annotations

from collections.abc import Iterator

from buffer.errors import FormatError
from buffer.rows import decode_body
from buffer.shelf import Shelf


def evidence(shelf: Shelf, a: int, b: int) -> frozenset[int]:
    """The numbers among a..b of blocks that an alarm stands on, wherever behind them it was raised."""
    found: set[int] = set()
    for n in shelf.alarm_blocks(a - 1):
        first = min((block_of(shelf, i) for i in _begins(shelf, n)), default=n)
        found.update(range(max(a, min(first, n)), min(b, n) + 1))
    return frozenset(found)


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


def _begins(shelf: Shelf, n: int) -> Iterator[int]:
    """First records behind the alarms raised in block ``n``; none where its body is gone or rotten."""
    try:
        block = shelf.block(n)
    except FormatError:
        return
    for record in decode_body(block.body) if block is not None and block.body else ():
        since = record.get("since_i")
        if record["k"] == "alarm" and record.get("state") == "raised" and type(since) is int:
            yield since
