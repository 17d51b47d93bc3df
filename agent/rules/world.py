"""The world as the rules see it: good values of the meters, states of the points, orders, declarations.

It is built from observations alone and never sees a frame, a record or a clock. The engine owns it; what it
holds is immutable or belongs to it, and others get a ``Sight``.

Two times are passed in and never mixed. ``now_ms`` is the **axis**: ms that run with the monotonic clock and
go on over restarts; durations and hold times are differences of it, so a step of the wall clock changes none.
``utc_ms`` is the wall clock, for calendars only; None while it cannot be trusted, and then nothing that
depends on a calendar is judged."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from agent.rules.metering import KEPT, MeterView, Observation, gauge, unread
from agent.rules.points import PointView, State, moved
from config.orders import Declaration, Order
from config.site import Point, SiteConfig


class Moment(NamedTuple):
    """A moment on the axis; the wall clock if it can be trusted; the boot, for time off is a guess; what the
    wall clock shows, trusted or not."""

    ms: int
    utc_ms: int | None = None
    boot: str = ""
    wall_ms: int | None = None


class DayUse(NamedTuple):
    """What a point drew on one local day, kWh by hour; None: too little of the hour was measured."""

    day: str
    hours: tuple[Decimal | None, ...]


@dataclass(frozen=True, slots=True)
class Sight:
    """What others may see of the world: a copy that stays as it is."""

    now_ms: int
    points: Mapping[str, PointView]
    orders: tuple[Order, ...] = ()
    declarations: tuple[Declaration, ...] = ()
    utc_ms: int | None = None


class World:
    """Everything a rule may look at. Changed by the engine alone."""

    def __init__(self, config: SiteConfig, now_ms: int, means_s: Collection[int] = ()) -> None:
        """``means_s``: how long the means are that rules ask for."""
        self.now_ms = now_ms
        self.utc_ms: int | None = None
        self.vouched: Moment | None = None  # the last one at which the clock could be trusted
        self.unsettled = False  # yesterday is not summed up yet: the history lacks it
        self.boot = ""
        self.record = 0  # the newest one taken in
        self.watched_ms = now_ms  # since when the box watches without a break
        self.zone = ZoneInfo(config.site.timezone)
        self.config: Mapping[str, Point] = {point.id: point for point in config.points}
        self.meters = {meter.id: unread(meter, now_ms, means_s) for meter in config.meters}
        self.buses = {
            bus: tuple(view for view in self.meters.values() if view.bus == bus)
            for bus in dict.fromkeys(view.bus for view in self.meters.values())
        }
        for point in config.points:
            self.meters[point.meter].by_current |= point.on_above_a is not None
        self.points = {point.id: PointView(State.UNKNOWN, now_ms) for point in config.points}
        self.orders: tuple[Order, ...] = ()
        self.declarations: tuple[Declaration, ...] = ()
        self.mains: bool | None = None  # as a contact or supply says; None: nothing says
        self.mains_ms = now_ms
        self.history: dict[str, tuple[DayUse, ...]] = {}  # by point, the newest day first
        # By uplink that carries blocks: age of the oldest one it has not confirmed; None: not known yet.
        self.owed_ms: dict[str, int | None] = {one.id: None for one in config.uplinks if one.blocks}
        self.memo: dict[str, Any] = {}  # what was found out of this moment, for several rules
        self._slowest: dict[tuple[str, ...], int] = {}
        self._of_meter: dict[str, tuple[Point, ...]] = {
            meter.id: tuple(point for point in config.points if point.meter == meter.id)
            for meter in config.meters
        }

    def sight(self) -> Sight:
        """A copy for other threads."""
        return Sight(self.now_ms, dict(self.points), self.orders, self.declarations, self.utc_ms)

    def meter_of(self, point: str) -> MeterView:
        """The meter that watches a point."""
        return self.meters[self.config[point].meter]

    def slowest_ms(self, points: tuple[str, ...]) -> int:
        """As long as the slowest value of some points speaks for its meter."""
        found = self._slowest.get(points)
        if found is None:
            found = max((self.meter_of(name).fresh_ms for name in points), default=0)
            self._slowest[points] = found
        return found

    def observe(self, seen: Observation) -> None:
        """Take one reading in; a failed one changes nothing but counts and the reason."""
        self.now_ms = max(self.now_ms, seen.at_ms)
        self.record = max(self.record, seen.record)
        view = self.meters.get(seen.meter)
        if view is None:
            return
        self._age(self._of_meter[seen.meter])
        if not seen.values:
            view.failed += 1
            view.error = seen.error or view.error
            return
        view.ok += 1
        view.error, view.good_ms, view.ever_read = "", seen.at_ms, True
        view.memo.clear()
        view.newest.clear()
        if seen.slow:
            view.slow = (seen, *view.slow[: KEPT - 1])
        else:
            view.fast = (seen, *view.fast[: KEPT - 1])
        gauge(view, seen)
        for point in self._of_meter[seen.meter]:
            self.points[point.id] = moved(point, self.points[point.id], view, self.now_ms)

    def advance(self, moment: Moment) -> None:
        """Let time pass: values that go stale leave a state unknown."""
        self.now_ms = max(self.now_ms, moment.ms)
        self.utc_ms, self.boot = moment.utc_ms, moment.boot
        self.vouched = self.vouched if moment.utc_ms is None else moment
        self.memo.clear()
        self._age(self.config.values())

    def _age(self, points: Iterable[Point]) -> None:
        for point in points:
            view, meter = self.points[point.id], self.meters[point.meter]
            if view.state is not State.UNKNOWN and self.now_ms - meter.good_ms > meter.fresh_ms:
                self.points[point.id] = moved(point, view, meter, self.now_ms)
