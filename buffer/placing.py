"""Where records lie in time: from their monotonic time and the anchors of their boot. Pure.

::

    anchor at A: it was U +- e        record at M: U + (M - A) +- (e + drift x |M - A|)
    several anchors: what all of them allow; none: between the boot before and the boot behind
    a receipt of time T on record at M: not before T

The box's own clock while it was synchronised comes before the meters' clocks, which are asked only for a boot
that had no other. A boot is one of the machine: starts of the daemon within it share its monotonic time. Two
anchors that cannot both be right make the boot *disputed*: then any time that one of them allows is possible.
Signed times are not looked at, so a clock that was wrong, stepped or lied to changes nothing here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

DRIFT: Final = 5e-4  # 500 ppm: as much as the kernel lets a clock be slewed (adjtimex(2), tick and freq)
STRAY: Final = DRIFT / (1 - DRIFT)  # how far true time strays from the same clock, per ms that it shows
FLOOR_SLACK_MS: Final = 30_000  # an authority's clock may be so far ahead
METER: Final = "meter "  # how a meter's anchors begin

Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Anchor:
    """At ``at_ms`` of the boot's monotonic time it was ``utc_ms``, give or take ``error_ms``."""

    at_ms: int
    utc_ms: int
    error_ms: int
    source: str

    def allows(self, mono_ms: int) -> tuple[float, float]:
        """The times that ``mono_ms`` may have been."""
        utc_ms = self.utc_ms + (mono_ms - self.at_ms)
        slack = self.error_ms + STRAY * abs(mono_ms - self.at_ms)
        return utc_ms - slack, utc_ms + slack


@dataclass(frozen=True, slots=True)
class Placed:
    """A moment between ``low_ms`` and ``high_ms``, UTC; None: open to that side. ``sources``: who says so,
    empty when only the neighbouring boots do."""

    low_ms: int | None
    high_ms: int | None
    sources: tuple[str, ...]
    disputed: bool = False

    @property
    def utc_ms(self) -> int | None:
        """Its middle."""
        if self.low_ms is None or self.high_ms is None:
            return None
        return (self.low_ms + self.high_ms) // 2

    @property
    def error_ms(self) -> int | None:
        """Half its width."""
        if self.low_ms is None or self.high_ms is None:
            return None
        return (self.high_ms - self.low_ms + 1) // 2


@dataclass(slots=True)
class _Boot:
    """One boot of the machine, and the monotonic times of its first and last record."""

    anchors: list[Anchor] = field(default_factory=list)
    floors: list[tuple[int, int]] = field(default_factory=list)  # at this moment it was not before that
    first_ms: int | None = None
    last_ms: int = 0

    def floor_ms(self, mono_ms: int) -> int | None:
        """Not before this, by the receipts on record."""
        floors = [
            utc_ms + (mono_ms - at_ms) - STRAY * abs(mono_ms - at_ms) - FLOOR_SLACK_MS
            for at_ms, utc_ms in self.floors
        ]
        return int(max(floors) // 1) if floors else None

    def place(self, mono_ms: int) -> Placed:
        """By its anchors, the box's own first."""
        own = [anchor for anchor in self.anchors if not anchor.source.startswith(METER)]
        anchors = own or self.anchors
        allowed = [anchor.allows(mono_ms) for anchor in anchors]
        sources = tuple(dict.fromkeys(anchor.source for anchor in anchors))
        low, high = max(one[0] for one in allowed), min(one[1] for one in allowed)
        floor_ms = self.floor_ms(mono_ms)
        if low <= high and (floor_ms is None or floor_ms <= high):
            low = low if floor_ms is None else max(low, floor_ms)
            return Placed(int(low // 1), int(-(-high // 1)), sources)
        if floor_ms is not None:  # whoever says that it was earlier is wrong
            allowed = [one for one in allowed if one[1] >= floor_ms] or [(floor_ms, float("inf"))]
        low, high = min(one[0] for one in allowed), max(one[1] for one in allowed)
        return Placed(
            int(low // 1), None if high == float("inf") else int(-(-high // 1)), sources, disputed=True
        )


class Places:
    """Takes all records in their order, then places any of them."""

    def __init__(self, records: Iterable[Record]) -> None:
        self._machine: dict[int, str] = {}  # boot counter -> the machine's boot id
        self._boots: dict[str, _Boot] = {}
        for record in records:
            self._take(record)
        self._order: Sequence[str] = tuple(self._boots)

    def place(self, record: Record) -> Placed:
        """When a record was made."""
        name = self._name(record["boot"])
        boot = self._boots.get(name)
        if boot is None:
            return Placed(None, None, ())
        if boot.anchors:
            return boot.place(record["mono"])
        at = self._order.index(name)
        low = next((end for one in reversed(self._order[:at]) if (end := self._edge(one, last=True))), None)
        high = next((end for one in self._order[at + 1 :] if (end := self._edge(one, last=False))), None)
        floor = boot.floor_ms(record["mono"])
        lows = [one for one in (None if low is None else low.low_ms, floor) if one is not None]
        return Placed(max(lows, default=None), None if high is None else high.high_ms, ())

    def _take(self, record: Record) -> None:
        if record["k"] == "boot":
            self._machine[record["boot"]] = record["id"]
        boot = self._boots.setdefault(self._name(record["boot"]), _Boot())
        mono = record["mono"]
        boot.first_ms = mono if boot.first_ms is None else min(boot.first_ms, mono)
        boot.last_ms = max(boot.last_ms, mono)
        if record["k"] == "receipt":
            boot.floors.append((mono, record["time"]))
        if record["k"] == "anchor":
            boot.anchors.append(
                Anchor(record["at"], record["utc"], record["error_ms"], str(record["source"]))
            )

    def _name(self, counter: int) -> str:
        """Without its ``boot`` record a start stands for itself."""
        return self._machine.get(counter, f"start {counter}")

    def _edge(self, name: str, *, last: bool) -> Placed | None:
        """The first or last moment of a boot that has anchors."""
        boot = self._boots[name]
        if not boot.anchors or boot.first_ms is None:
            return None
        return boot.place(boot.last_ms if last else boot.first_ms)
