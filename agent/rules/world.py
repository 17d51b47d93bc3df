"""The world as the rules see it: the newest good values of each meter and the three states of each point.

It is built from observations alone; it never sees a frame, a record or a clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType

from config.site import Meter, Point, SiteConfig


class State(StrEnum):
    """UNKNOWN is not a kind of OFF: nothing may be concluded from it."""

    ON = "on"
    OFF = "off"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Observation:
    """One reading: the good values of one meter (empty: the read failed) and its record number."""

    meter: str
    mono_ms: int
    record: int
    values: Mapping[str, Decimal]


@dataclass(frozen=True, slots=True)
class Value:
    """A good value, when it was read and in which record it stands."""

    value: Decimal
    mono_ms: int
    record: int


@dataclass(frozen=True, slots=True)
class MeterView:
    """What is known of a meter; ``good_ms`` is the last good reading, or when watching began."""

    good_ms: int
    ever_read: bool
    fresh_ms: int
    slow_fresh_ms: int
    values: Mapping[str, Value]

    def fresh(self, quantity: str, now_ms: int) -> Value | None:
        """The newest value of a quantity unless it is too old to speak for now."""
        found = self.values.get(quantity)
        if found is None or now_ms - found.mono_ms > self.fresh_ms:
            return None
        return found

    def fresh_any(self, quantity: str, now_ms: int) -> Value | None:
        """As ``fresh``, for a quantity of either class: the slow class may be older."""
        found = self.values.get(quantity)
        if found is None or now_ms - found.mono_ms > self.slow_fresh_ms:
            return None
        return found


@dataclass(frozen=True, slots=True)
class PointView:
    """A point's state, since when, and the state it is on the way to (hold time)."""

    state: State
    since_ms: int
    toward: State | None = None
    toward_ms: int = 0
    power: Value | None = None


@dataclass(frozen=True, slots=True)
class World:
    """Immutable: each observation and each tick makes the next one."""

    now_ms: int
    started_ms: int
    last_record: int
    meters: Mapping[str, MeterView]
    points: Mapping[str, PointView]


def fresh_ms(every_s: int) -> int:
    """How long a value speaks for its meter: three periods and 5 s, so that one failed poll and its retry
    do not lose sight of a plant, and no more."""
    return (3 * every_s + 5) * 1000


def begin(config: SiteConfig, now_ms: int) -> World:
    """The world before the first reading: every point UNKNOWN."""
    meters = {meter.id: _unread(meter, now_ms) for meter in config.meters}
    points = {point.id: PointView(State.UNKNOWN, now_ms) for point in config.points}
    return World(now_ms, now_ms, 0, MappingProxyType(meters), MappingProxyType(points))


def _unread(meter: Meter, now_ms: int) -> MeterView:
    nothing: Mapping[str, Value] = MappingProxyType({})
    return MeterView(now_ms, False, fresh_ms(meter.every_s), fresh_ms(meter.slow_every_s), nothing)


def observe(world: World, points: Iterable[Point], seen: Observation) -> World:
    """Take one reading in; a failed one changes nothing but the time."""
    now_ms = max(world.now_ms, seen.mono_ms)
    view = world.meters.get(seen.meter)
    if view is None or not seen.values:
        return advance(replace(world, last_record=seen.record), points, now_ms)
    fresh = {name: Value(value, seen.mono_ms, seen.record) for name, value in seen.values.items()}
    values = MappingProxyType({**view.values, **fresh})
    meters = MappingProxyType(
        {**world.meters, seen.meter: replace(view, good_ms=seen.mono_ms, ever_read=True, values=values)}
    )
    return advance(replace(world, meters=meters, last_record=seen.record), points, now_ms)


def advance(world: World, points: Iterable[Point], now_ms: int) -> World:
    """Let time pass: states change when values go stale or hold times end."""
    views = {
        point.id: _point(point, world.points[point.id], world.meters[point.meter], now_ms) for point in points
    }
    return replace(world, now_ms=now_ms, points=MappingProxyType(views))


def _point(point: Point, view: PointView, meter: MeterView, now_ms: int) -> PointView:
    power = meter.fresh("p", now_ms)
    if power is None:
        if view.state is State.UNKNOWN:
            return replace(view, toward=None, power=None)
        return PointView(State.UNKNOWN, now_ms)
    wanted = _wanted(point, power.value)
    if wanted is None or wanted is view.state:
        return replace(view, toward=None, power=power)
    began = view.toward_ms if view.toward is wanted else power.mono_ms
    if now_ms - began >= point.hold_s * 1000:
        return PointView(wanted, began, power=power)
    return replace(view, toward=wanted, toward_ms=began, power=power)


def _wanted(point: Point, power_kw: Decimal) -> State | None:
    """The state a power asks for; None inside the hysteresis band."""
    if power_kw > point.on_above_kw:
        return State.ON
    if power_kw < point.off_below_kw:
        return State.OFF
    return None
