"""When two orders contradict each other: same issuer, same points, same time, another measure.

Orders of different issuers may overlap: the strictest wins, which ``agent.rules`` decides. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

from config.calendar import Span, day_of
from config.orders import Order
from config.site import Point

FOREVER_MS = 2**53
_DAYS = 9  # windows repeat each week: so many days of two orders show whether they ever meet


def scope(order: Order, points: Iterable[Point]) -> frozenset[str]:
    """The points an order speaks of: those it names, else every production point."""
    return frozenset(order.points or (point.id for point in points if point.role == "production"))


def cut(order: Order, at_ms: int) -> Order | None:
    """An order that another replaces ends where that one begins; None where nothing is left of it."""
    if at_ms <= order.from_ms:
        return None
    return order if order.to_ms is not None and order.to_ms <= at_ms else replace(order, to_ms=at_ms)


def heard(order: Order, before: Order | None, at_ms: int) -> Order:
    """With the moment from which a plant can know of it: its time to shut down safely begins no earlier. One
    that comes while ``before``, the order that it replaces, still holds goes on with what was known of that;
    one that is carried into another epoch keeps its own."""
    if order.heard_ms:
        return order
    holds = before is not None and (before.to_ms is None or at_ms < before.to_ms)
    return replace(order, heard_ms=before.heard_ms if before is not None and holds else at_ms)


def measure(order: Order) -> tuple[object, ...]:
    """What it demands of them."""
    return (
        order.kind,
        order.reduce_percent,
        order.baseline_kw,
        order.limit_kw,
        order.limit_kwh,
        order.per,
        order.exempt_kw,
    )


def contradicted(
    order: Order, others: Iterable[Order], points: Iterable[Point], zone: ZoneInfo
) -> str | None:
    """The id of the first of ``others`` that it cannot hold beside, of the same issuer; the one it replaces
    never counts."""
    known = tuple(points)
    for other in others:
        if other.source != order.source or other.id in (order.id, order.replaces):
            continue
        if measure(other) == measure(order) or not scope(other, known) & scope(order, known):
            continue
        if _meet(order, other, zone):
            return other.id
    return None


def _meet(one: Order, other: Order, zone: ZoneInfo) -> bool:
    """Whether there is a moment in which both hold."""
    start = max(one.from_ms, other.from_ms)
    end = min(_end(one), _end(other))
    if start >= end or (one.daily is None and other.daily is None):
        return start < end
    theirs = tuple(_spans(other, start, end, zone))
    return any(a < d and c < b for a, b in _spans(one, start, end, zone) for c, d in theirs)


def _spans(order: Order, start: int, end: int, zone: ZoneInfo) -> Iterator[Span]:
    """Its stretches within [start, end), for as long as it takes to repeat."""
    if order.daily is None:
        yield start, end
        return
    first = day_of(start, zone) - timedelta(days=1)
    for number in range(_DAYS):
        span = order.daily.begun_on(first + timedelta(days=number), zone)
        if span is not None and max(start, span[0]) < min(end, span[1]):
            yield max(start, span[0]), min(end, span[1])


def _end(order: Order) -> int:
    return FOREVER_MS if order.to_ms is None else order.to_ms
