"""The baseline of a reduction order: the mean power of its points in the same hours of the days before.

::

    baseline kW = sum over points of  mean of (kWh of an hour)  over the hours that the order's window has,
                                                                on the last reference_days before it

A day counts for a point when at least ``ENOUGH`` of those hours were measured. A point without any such day
has no baseline, and then the order has none: nothing is guessed. Days are the plant's own.
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple

from agent.rules.inforce import Term
from agent.rules.world import World
from config.calendar import day_of
from config.orders import Order

ENOUGH = Decimal("0.75")
_DIGITS = Decimal("0.001")


class Baseline(NamedTuple):
    """What was found, and the days it was found on."""

    kw: Decimal
    days: tuple[str, ...]


def baseline(term: Term, world: World) -> Baseline | None:
    """For all points of the term together (``per`` "total") or the lowest of theirs; None without days."""
    first = day_of(term.order.from_ms, world.zone)
    found = [_point_kw(name, term.order, first, world) for name in term.points]
    known = [one for one in found if one is not None]
    if not known or len(known) < len(found):
        return None
    values = [one.kw for one in known]
    kw = sum(values, Decimal(0)) if term.order.per == "total" else min(values)
    days = sorted({day for one in known for day in one.days})
    return Baseline(kw.quantize(_DIGITS), tuple(days))


def _point_kw(name: str, order: Order, first: date, world: World) -> Baseline | None:
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
    return Baseline(sum(means, Decimal(0)) / len(means), tuple(days)) if means else None


def _hours(order: Order) -> tuple[int, ...]:
    """The hours of the day that the order's window touches."""
    if order.daily is None:
        return tuple(range(24))
    start, length = order.daily.start, order.daily.minutes
    return tuple(sorted({(start + minute) // 60 % 24 for minute in range(0, length, 30)}))
