"""What is counted of one day of the plant: hours of states, energy, alarms, orders, polls. Data and sums.

Times are ms that passed on the axis, so that a step of the wall clock changes no sum; energy is kW ms.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from decimal import Decimal
from typing import Any

from agent.rules.page import plain
from config.calendar import Span

CLASSES = ("f", "s")  # of polls, as in records: fast and slow
READ, FAILED, STORED = range(3)
_MARKS = 48  # seals that are kept in mind, so that a receipt can say what of the day it confirms

Counts = dict[str, int]
Drawn = tuple[Decimal, int]  # kW ms, over how many ms it was measured
_NOTHING: Drawn = (Decimal(0), 0)


@dataclass(slots=True)
class DayCount:
    """One day, or what the clock took for one. ``serial`` tells two of the same date apart; ``span`` is the
    whole local day in UTC ms; ``begin_ms`` and ``end_ms`` are when its counting began and ended.

    ``points``, ``pairs``, ``orders`` and ``declared``: ms by name and state. ``alarms``: by rule how many
    were raised, how many of them as warnings, how long they lasted, and how much of that a declaration
    lowered them; ``subjects``: the same by subject, then by rule. ``polls``: by ``meter/class``.
    ``hours`` and ``shifts``: by meter, then by hour or shift. ``marks``: of some seals, the block and what
    was stored by then.
    """

    serial: int
    day: str
    span: Span
    begin_ms: int
    end_ms: int | None = None
    points: dict[str, Counts] = field(default_factory=dict)
    pairs: dict[str, Counts] = field(default_factory=dict)
    orders: dict[str, Counts] = field(default_factory=dict)
    declared: Counts = field(default_factory=dict)
    alarms: dict[str, Counts] = field(default_factory=dict)
    subjects: dict[str, dict[str, Counts]] = field(default_factory=dict)
    polls: dict[str, list[int]] = field(default_factory=dict)
    drawn: dict[str, Drawn] = field(default_factory=dict)
    hours: dict[str, dict[str, Drawn]] = field(default_factory=dict)
    shifts: dict[str, dict[str, Drawn]] = field(default_factory=dict)
    marks: list[tuple[int, Counts]] = field(default_factory=list)

    @property
    def hour_count(self) -> int:
        """23, 24 or 25."""
        return -(-(self.span[1] - self.span[0]) // 3_600_000)

    def draw(self, meter: str, work: Decimal, covered_ms: int) -> None:
        """Energy of the day as a whole."""
        self.drawn[meter] = _more(self.drawn.get(meter, _NOTHING), work, covered_ms)

    def draw_in(
        self, table: dict[str, dict[str, Drawn]], where: tuple[str, str], work: Decimal, covered_ms: int
    ) -> None:
        """Energy of a meter's hour or shift."""
        meter, name = where
        cells = table.setdefault(meter, {})
        cells[name] = _more(cells.get(name, _NOTHING), work, covered_ms)

    def poll(self, meter: str, slow: bool, good: bool, stored: bool) -> None:
        """One slot that ended, well or not; ``stored``: its record is in the journal."""
        counts = self.polls.setdefault(f"{meter}/{CLASSES[slow]}", [0, 0, 0])
        counts[READ if good else FAILED] += 1
        counts[STORED] += stored

    def mark(self, n: int) -> None:
        """Block ``n`` holds what is stored so far."""
        if len(self.marks) >= _MARKS:
            del self.marks[1:-1:2]
        self.marks.append((n, {name: counts[STORED] for name, counts in self.polls.items()}))

    def confirmed(self, n: int) -> Mapping[str, int]:
        """Of the polls stored, those that block ``n`` and the ones before it surely hold."""
        return next((counts for at, counts in reversed(self.marks) if at <= n), {})

    def page(self) -> Mapping[str, Any]:
        """For the logbook; of the marks the newest is enough."""
        found = {part.name: plain(getattr(self, part.name)) for part in fields(self)}
        return {**found, "marks": plain(self.marks[-1:])}

    @classmethod
    def take(cls, page: Mapping[str, Any]) -> DayCount:
        """The same back, its numbers brought back already. TypeError for one of another version."""
        found = dict(page)
        found["span"] = tuple(found["span"])
        found["drawn"] = _pairs(found["drawn"])
        for name in ("hours", "shifts"):
            found[name] = {meter: _pairs(cells) for meter, cells in found[name].items()}
        found["marks"] = [(n, counts) for n, counts in found["marks"]]
        return cls(**found)


def count(table: dict[str, Counts], key: str, name: str, ms: int) -> None:
    """Add to one number of a table."""
    counts = table.setdefault(key, {})
    counts[name] = counts.get(name, 0) + ms


def _more(before: Drawn, work: Decimal, covered_ms: int) -> Drawn:
    return before[0] + work, before[1] + covered_ms


def _pairs(cells: Mapping[str, Any]) -> dict[str, Drawn]:
    return {name: (work, covered_ms) for name, (work, covered_ms) in cells.items()}
