"""Sets of block numbers as sorted, separate ranges ``(a, b)``, both ends inside. Pure.

>>> add(((0, 3), (7, 9)), 4, 6)
((0, 9),)
"""

from __future__ import annotations

from bisect import bisect_right

Ranges = tuple[tuple[int, int], ...]


def find(ranges: Ranges, n: int) -> tuple[int, int] | None:
    """The range that holds ``n``."""
    at = bisect_right(ranges, n, key=lambda one: one[0]) - 1
    return ranges[at] if at >= 0 and n <= ranges[at][1] else None


def add(ranges: Ranges, a: int, b: int) -> Ranges:
    """The ranges with a..b taken in; what touches becomes one."""
    before = tuple(one for one in ranges if one[1] < a - 1)
    after = tuple(one for one in ranges if one[0] > b + 1)
    inside = ranges[len(before) : len(ranges) - len(after)]
    if inside:
        a, b = min(a, inside[0][0]), max(b, inside[-1][1])
    return (*before, (a, b), *after)


def count(ranges: Ranges, a: int, b: int) -> int:
    """How many of a..b they hold."""
    return sum(max(0, min(b, high) - max(a, low) + 1) for low, high in ranges)
