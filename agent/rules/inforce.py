"""Which orders are in force, for which points, and since when. Strictest wins.

::

    stop order on a point, its grace over     the point is judged by it, and by no limit order
    several of them on a point                by the one with the least exempt load, then the oldest
    several limits on the same points         by the lowest allowed power (agent.rules.kinds.limit_order)

Only what must be obeyed already can be the strictest: an order in its grace hides no other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from agent.rules.world import World
from config.calendar import holding
from config.orders import Order


class Term(NamedTuple):
    """One stretch in which an order holds, UTC ms; ``since_ms`` is its beginning on the axis, after its
    grace: from then on it must be obeyed. ``obeyed`` is false while the grace lasts."""

    order: Order
    from_ms: int
    since_ms: int
    points: tuple[str, ...]

    def due(self, now_ms: int) -> bool:
        """Whether the grace is over."""
        return now_ms >= self.since_ms


def points_of(order: Order, world: World) -> tuple[str, ...]:
    """The points an order speaks of: those named that the site has, or every production point."""
    if order.points:
        return tuple(name for name in order.points if name in world.config)
    return tuple(point.id for point in world.config.values() if point.role == "production")


def earlier(order: Order, world: World) -> Order | None:
    """The order that it goes on from, if that is known: the one it replaces, or one of the same issuer that
    ends as it begins; for the same points or more."""
    names = set(points_of(order, world))
    for other in sorted(world.orders, key=lambda one: one.id != order.replaces):
        adjoins = other.source == order.source and other.to_ms == order.from_ms
        follows = other.from_ms < order.from_ms and (adjoins or other.id == order.replaces)
        if follows and names <= set(points_of(other, world)):
            return other
    return None


def terms(world: World) -> Iterator[Term]:
    """The orders in force now. Nothing while the clock cannot be trusted: see ``blind``."""
    found: tuple[Term, ...] | None = world.memo.get("terms")
    if found is None:
        found = world.memo["terms"] = tuple(_terms(world))
    yield from found


def _terms(world: World) -> Iterator[Term]:
    if world.utc_ms is None:
        return
    for order in world.orders:
        span_from = in_force(order, world.utc_ms, world)
        if span_from is None:
            continue
        heard_ms = order.heard_ms if order.heard_ms <= world.utc_ms else 0  # the clock was ahead then
        ago_ms = world.utc_ms - max(span_from, heard_ms) - order.grace_s * 1000
        yield Term(order, span_from, world.now_ms - ago_ms, points_of(order, world))


def in_force(order: Order, utc_ms: int, world: World) -> int | None:
    """Since when, UTC ms, the order holds without a break; None: it does not hold."""
    if not order.from_ms <= utc_ms or (order.to_ms is not None and utc_ms >= order.to_ms):
        return None
    if order.daily is None:
        return order.from_ms
    span = holding(order.daily, utc_ms, world.zone)
    return None if span is None else max(order.from_ms, span[0])


def stopped(world: World) -> dict[str, Term]:
    """The points that must stand still now, each with the strictest stop order on it."""
    known: dict[str, Term] | None = world.memo.get("stopped")
    if known is not None:
        return known
    due = [term for term in terms(world) if term.order.kind == "stop" and term.due(world.now_ms)]
    found: dict[str, Term] = {}
    for term in sorted(due, key=lambda one: (one.order.exempt_kw, one.from_ms, one.order.id)):
        for name in term.points:
            found.setdefault(name, term)
    world.memo["stopped"] = found
    return found


def blind(world: World, kind: str) -> Iterable[Order]:
    """Orders that might be in force now, for all we know of the time."""
    return [] if world.utc_ms is not None else [order for order in world.orders if order.kind == kind]
