"""Poll slots: within one life of the daemon the slots of each (meter, class) run on by one.

::

    f8640  f8641  f8643 ...     8642 is missing, unless it comes late or a loss record of this boot counts it

A boot, a stop (``down``), a damaged stretch and a changed configuration start the count anew; a clock step
moves the slots once. Nothing else excuses a hole. Memory is bounded by MAX_SERIES and MAX_HOLES; what would
pass them is said, not dropped.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from buffer.rows import Record
from buffer.verify.report import Findings, Wrong

MAX_SERIES: Final = 4096
MAX_HOLES: Final = 4096
SETTLE_MS: Final = 60_000  # so long after a change, readings of the old plan may still come in
SILENT_MS: Final = (
    120_000  # and three periods: then a series that ends before its boot does has fallen silent
)

_SLOT = re.compile(r"([fs])(0|[1-9][0-9]{0,15})", re.ASCII)


@dataclass(slots=True)
class _Series:
    first: tuple[int, int]  # slot, mono
    last: tuple[int, int]
    n: int  # block of the last
    fresh: bool  # one jump is allowed


@dataclass(slots=True)
class _Hole:
    key: tuple[str, str]
    a: int
    b: int
    n: int
    order: int


class Slots:
    """Follows all series of one box through its records, in their order."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._series: dict[tuple[str, str], _Series] = {}
        self._holes: list[_Hole] = []
        self._credit = 0  # readings that loss records of this boot account for
        self._mono = 0
        self._changed_ms: int | None = None
        self.checked = 0
        self.overflow = False

    def take(self, n: int, record: Record) -> None:
        """The next record, of block ``n``."""
        kind = record["k"]
        if kind in ("boot", "down"):
            self.clear()
        self._mono = max(self._mono, record["mono"])
        if kind == "reading" and "s" in record:
            self._reading(n, record)
        elif kind == "loss" and record.get("what") != "bodies":
            self._credit += record["count"]
        elif kind == "config":
            self.clear(changed=True)
        elif kind == "step":
            self._changed_ms = record["mono"]
            for series in self._series.values():
                series.fresh = True

    def clear(self, *, changed: bool = False) -> None:
        """Settle what is open and begin anew; ``changed``: in the same boot, under another plan."""
        self._settle()
        self._series.clear()
        self._changed_ms = self._mono if changed else None
        if not changed:
            self._mono = 0
            self._credit = 0

    def _reading(self, n: int, record: Record) -> None:
        found = _SLOT.fullmatch(record["s"])
        if found is None:
            self._findings.add(Wrong.BAD_ROW, n, f"slot {record['s'][:20]!r}")
            return
        self.checked += 1
        key, slot, mono = (record["m"], found[1]), int(found[2]), record["mono"]
        series = self._series.get(key)
        if series is None:
            self._begin(key, slot, mono, n)
        elif slot == series.last[0] + 1:
            series.fresh &= self._settling(mono)
            series.last, series.n = (slot, mono), n
        elif series.fresh or self._settling(mono):
            series.fresh = self._settling(mono)
            series.first = series.last = (slot, mono)
        elif slot > series.last[0]:
            self._open(_Hole(key, series.last[0] + 1, slot - 1, n, self._findings.order))
            series.last, series.n = (slot, mono), n
        elif not self._late(key, slot):
            self._findings.add(Wrong.SLOT_REPEATED, n, f"{key[0]} {record['s']}")

    def _begin(self, key: tuple[str, str], slot: int, mono: int, n: int) -> None:
        if len(self._series) < MAX_SERIES:
            self._series[key] = _Series((slot, mono), (slot, mono), n, self._settling(mono))
        else:
            self.overflow = True

    def _settling(self, mono: int) -> bool:
        return self._changed_ms is not None and mono <= self._changed_ms + SETTLE_MS

    def _open(self, hole: _Hole) -> None:
        if len(self._holes) < MAX_HOLES:
            self._holes.append(hole)
        else:
            self._missing(hole)

    def _late(self, key: tuple[str, str], slot: int) -> bool:
        for at, hole in enumerate(self._holes):
            if hole.key == key and hole.a <= slot <= hole.b:
                parts = (
                    _Hole(key, hole.a, slot - 1, hole.n, hole.order),
                    _Hole(key, slot + 1, hole.b, hole.n, hole.order),
                )
                self._holes[at : at + 1] = [part for part in parts if part.a <= part.b]
                return True
        return False

    def _settle(self) -> None:
        """Holes, oldest first, against the readings that are known lost; then the series that fell silent."""
        for hole in self._holes:
            size = hole.b - hole.a + 1
            paid = min(self._credit, size)
            self._credit -= paid
            hole.a += paid
            if hole.a <= hole.b:
                self._missing(hole)
        self._holes.clear()
        for key, series in self._series.items():
            slots = series.last[0] - series.first[0]
            if not slots or self._credit:
                continue
            period = (series.last[1] - series.first[1]) // slots
            if self._mono - series.last[1] > 3 * period + SILENT_MS:
                self._findings.add(Wrong.SLOT_MISSING, series.n, f"{key[0]} {key[1]}{series.last[0] + 1}..")

    def _missing(self, hole: _Hole) -> None:
        meter, name = hole.key
        self._findings.add(
            Wrong.SLOT_MISSING,
            hole.n,
            f"{meter} {name}{hole.a}..{name}{hole.b}",
            order=hole.order,
            times=hole.b - hole.a + 1,
        )
