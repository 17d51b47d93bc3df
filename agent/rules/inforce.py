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
from config.orderchecks import measure
from config.orders import Order


class Term(NamedTuple):
    """One stretch in which an order holds without a break. ``from_ms``: since when, UTC ms, and ``window_ms``
    its present window: windows of whole days adjoin. ``since_ms``: from when, on the axis, it must be obeyed,
    for its grace is over then."""

    order: Order
    from_ms: int
    window_ms: int
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
    before = [other for other in world.orders if other.from_ms < order.from_ms and _follows(order, other)]
    names = set(points_of(order, world)) if before else set()
    for other in sorted(before, key=lambda one: one.id != order.replaces):
        if names <= set(points_of(other, world)):
            return other
    return None


def _follows(order: Order, other: Order) -> bool:
    adjoins = other.to_ms == order.from_ms and other.source == order.source
    return adjoins or other.id == order.replaces


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
        window_ms = in_force(order, world.utc_ms, world)
        if window_ms is None:
            continue
        from_ms = _unbroken(order, window_ms, world)
        due_ms = max(from_ms, _told_ms(order, from_ms, world.utc_ms, world) + order.grace_s * 1000)
        since_ms = world.now_ms - (world.utc_ms - due_ms)
        yield Term(order, from_ms, window_ms, since_ms, points_of(order, world))


def _unbroken(order: Order, window_ms: int, world: World) -> int:
    """Since when a window, and those that adjoin it, hold."""
    from_ms = window_ms
    for _ in range(7):
        before_ms = in_force(order, from_ms - 1, world)
        if before_ms is None:
            return from_ms
        from_ms = before_ms
    return order.from_ms  # whole days, each day of the week


def _told_ms(order: Order, from_ms: int, utc_ms: int, world: World) -> int:
    """From when its grace runs: from its beginning, or from when it was heard. Who had to obey the order that
    it goes on from has had his time: from then."""
    heard_ms = order.heard_ms if order.heard_ms <= utc_ms else 0  # the clock was ahead then
    if max(from_ms, heard_ms) > order.from_ms:
        return max(from_ms, heard_ms)
    before = earlier(order, world)
    if before is None or not _enough(before, order):
        return from_ms
    window_ms = in_force(before, from_ms - 1, world)
    if window_ms is None:
        return from_ms
    return _told_ms(before, _unbroken(before, window_ms, world), utc_ms, world)


def _enough(before: Order, order: Order) -> bool:
    """Whether who obeys the one obeys the other as well."""
    same = before.kind == "stop" or measure(before) == measure(order)
    return same and before.exempt_kw <= order.exempt_kw


def in_force(order: Order, utc_ms: int, world: World) -> int | None:
    """Since when, UTC ms, the window lasts in which the order holds; None: it does not hold."""
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
