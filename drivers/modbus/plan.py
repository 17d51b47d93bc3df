"""Which registers are read together. Pure: items and limits in, ranges out.

::

    items   2006+2 2008+2 200A+2    200C+2   2012+2          max_gap 0: two ranges
    ranges  [03:0x2006+8          ]          [03:0x2012+2]

Neighbouring registers in one request are the biggest lever on a slow line. A value is never cut: all
its words come from one reply. A range that the meter is known to refuse is read item by item.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from config.profile import ModbusItem, most_cells
from drivers.modbus.pdu import MAX_REGISTERS
from drivers.modbus.values import WORDS

Place = tuple[int, int, int]  # function, address, registers: what belongs to one value


def place(item: ModbusItem) -> Place:
    """Where a meter keeps ``item``."""
    return item.fc, item.address, WORDS[item.type]


@dataclass(frozen=True, slots=True)
class Range:
    """Registers, or bits, read in one request, and the items in them."""

    fc: int
    address: int
    count: int
    items: tuple[ModbusItem, ...]

    def cuts(self) -> tuple[tuple[Place, slice], ...]:
        """Which of the bytes read are whose."""
        starts = ((place(item), 2 * (item.address - self.address)) for item in self.items)
        return tuple((where, slice(start, start + 2 * where[2])) for where, start in starts)

    @property
    def label(self) -> str:
        """As people and the learnt list name it: ``03:0x2006+8``."""
        return f"{self.fc:02d}:0x{self.address:04X}+{self.count}"

    @property
    def merged(self) -> bool:
        """True if smaller reads would do as well."""
        return any(WORDS[item.type] != self.count for item in self.items)

    def split(self) -> tuple[Range, ...]:
        """One range per value; items of the same registers stay together."""
        spans: dict[tuple[int, int], list[ModbusItem]] = {}
        for item in self.items:
            spans.setdefault((item.address, WORDS[item.type]), []).append(item)
        return tuple(
            Range(self.fc, address, count, tuple(items)) for (address, count), items in spans.items()
        )


def plan(
    items: Iterable[ModbusItem], max_registers: int, max_gap: int, unsupported: frozenset[str]
) -> tuple[Range, ...]:
    """Ranges in the order of function and address; those in ``unsupported`` are split."""
    limit = min(max_registers, MAX_REGISTERS)
    ordered = sorted(items, key=lambda item: (item.fc, item.address))
    merged: list[Range] = []
    for item in ordered:
        joined = _join(merged[-1], item, limit, max_gap) if merged else None
        if joined is None:
            merged.append(Range(item.fc, item.address, WORDS[item.type], (item,)))
        else:
            merged[-1] = joined
    return tuple(_without(merged, unsupported))


def _join(left: Range, item: ModbusItem, limit: int, max_gap: int) -> Range | None:
    """``left`` with ``item`` in it, or None if they cannot be read together."""
    end = left.address + left.count
    count = max(end, item.address + WORDS[item.type]) - left.address
    if left.fc != item.fc or item.address - end > max_gap or count > most_cells(item.fc, limit):
        return None
    return Range(left.fc, left.address, count, (*left.items, item))


def _without(ranges: Sequence[Range], unsupported: frozenset[str]) -> Iterable[Range]:
    for span in ranges:
        if span.merged and span.label in unsupported:
            yield from span.split()
        else:
            yield span
