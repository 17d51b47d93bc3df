"""The baseline of a reduction order: the mean power of its points in the same hours of the days before.

::

    baseline kW of a point = mean of (kWh of an hour)  over the hours that the order's window has,
                                                       on the last reference_days before it
             of the order  = sum over its points; with per = "point" each point has its own

It is fixed once. An order that goes on from another takes over what was fixed for that one, else the days
before the first of them count: those between are days of the reduction.

Nothing is guessed. A day counts for a point when at least ``ENOUGH`` of those hours were measured; a point
needs ``FEWEST`` such days, or as many as the order asks for; an order of whose points one has no baseline has
none, and neither has a point, or an order, that stood still on all of them. Days are the plant's own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from agent.rules.inforce import earlier, points_of
from agent.rules.world import World
from config.calendar import day_of
from config.orders import Order

ENOUGH = Decimal("0.75")
FEWEST = 3  # days: a weekend alone says nothing of a week
_DIGITS = Decimal("0.001")

Memory = Mapping[str, Any]  # of the rule, for one order


class Baseline(NamedTuple):
    """kW of all points together, the days it was found on, and the kW of each point. No points: an order
    gave it, for all together or for each."""

    kw: Decimal
    days: tuple[str, ...]
    points: Mapping[str, Decimal]

    @property
    def whole(self) -> bool:
        """False of an older record: for several points each it has one number, the lowest of theirs."""
        return bool(self.points or not self.days)

    def fields(self) -> dict[str, object]:
        """As a record holds it."""
        points = {name: f"{kw:f}" for name, kw in self.points.items()}
        return {"kw": f"{self.kw:f}", "days": list(self.days), "points": points}

    @classmethod
    def take(cls, fields: Mapping[str, Any]) -> Baseline:
        """The same back; older records say nothing of each point."""
        points = {name: Decimal(kw) for name, kw in fields.get("points", {}).items()}
        return cls(Decimal(fields["kw"]), tuple(fields["days"]), points)


def held(memory: Memory) -> Baseline | None:
    """What the rule remembers as fixed."""
    if "days" not in memory:
        return None
    return Baseline(memory["kw"], tuple(memory["days"]), memory.get("points", {}))


def remembered(found: Baseline) -> dict[str, Any]:
    """For the rule's memory."""
    return {"kw": found.kw, "days": list(found.days), "points": dict(found.points)}


def fixed(order: Order, memories: Mapping[str, Memory], world: World) -> Memory:
    """The order's memory, with its baseline where one can be fixed; ``memories`` of all orders. Nothing is
    sought before yesterday is summed up; what was sought in vain is sought again when another day is."""
    memory = memories.get(order.id, {})
    known = held(memory)
    if known is not None and (known.whole or order.per == "total" or len(points_of(order, world)) == 1):
        return memory
    found = _taken_over(order, memories, world)
    newest = max((uses[0].day for uses in world.history.values() if uses), default="")
    if found is None and memory.get("sought") == newest:
        return memory
    if found is None and world.unsettled:
        return {}
    found = found or baseline(order, world)
    return {"sought": newest} if found is None else remembered(found)


def _taken_over(order: Order, memories: Mapping[str, Memory], world: World) -> Baseline | None:
    """What holds of the order that it goes on from. Of one whose place it takes from the beginning nothing
    is known any more but what was fixed."""
    before = earlier(order, world)
    names = points_of(order, world)
    found = held(memories.get(order.replaces or "" if before is None else before.id, {}))
    if found is not None and found.points:
        return _together(order, found.days, {name: found.points.get(name) for name in names})
    if before is None or before.per != order.per or set(points_of(before, world)) != set(names):
        return None
    return Baseline(before.baseline_kw, (), {}) if before.baseline_kw else found


def baseline(order: Order, world: World) -> Baseline | None:
    """From the days on record; None where they do not say it."""
    first = order
    while (before := earlier(first, world)) is not None:
        first = before
    begin = day_of(first.from_ms, world.zone)
    means = {name: _mean(name, order, begin, world) for name in points_of(order, world)}
    days = sorted({day for days, _ in means.values() for day in days})
    return _together(order, days, {name: kw for name, (_, kw) in means.items()})


def _together(order: Order, days: Iterable[str], kw: Mapping[str, Decimal | None]) -> Baseline | None:
    """Of the points' own baselines; None: not known."""
    known = {name: one for name, one in kw.items() if one is not None and (one or order.per == "total")}
    total = sum(known.values(), Decimal(0))
    if not total or (order.per == "total" and len(known) < len(kw)):
        return None
    return Baseline(total, tuple(days), known)


def _mean(name: str, order: Order, first: date, world: World) -> tuple[list[str], Decimal | None]:
    """Of one point, kW, and the days it stands on."""
    wanted = _hours(order)
    oldest = (first - timedelta(days=order.reference_days)).isoformat()
    means, days = [], []
    for use in world.history.get(name, ()):
        if not oldest <= use.day < first.isoformat():
            continue
        hours = [use.hours[hour] for hour in wanted if hour < len(use.hours)]
        known = [hour for hour in hours if hour is not None]
        if len(known) >= ENOUGH * len(wanted):
            means.append(sum(known, Decimal(0)) / len(known))  # kWh of an hour is kW
            days.append(use.day)
    if len(means) < min(FEWEST, order.reference_days):
        return [], None
    return days, (sum(means, Decimal(0)) / len(means)).quantize(_DIGITS)


def _hours(order: Order) -> tuple[int, ...]:
    """The hours of the day that the order's window touches."""
    if order.daily is None:
        return tuple(range(24))
    start, length = order.daily.start, order.daily.minutes
    return tuple(sorted({(start + minute) // 60 % 24 for minute in range(0, length, 30)}))
