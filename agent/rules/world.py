"""The world as the rules see it: good values of the meters, states of the points, orders, declarations.

It is built from observations alone and never sees a frame, a record or a clock. The engine owns it; what it
holds is immutable or belongs to it, and others get a ``Sight``.

Two times are passed in and never mixed. ``now_ms`` is the **axis**: ms that run with the monotonic clock and
go on over restarts; durations and hold times are differences of it, so a step of the wall clock changes none.
``utc_ms`` is the wall clock, for calendars only; None while it cannot be trusted, and then nothing that
depends on a calendar is judged."""

# budget: one picture of meters and points, read and changed together

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from operator import itemgetter
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from agent.rules.drawn import AMPERES, TOLD, drawn_a, drawn_kw, is_all_a, is_all_kw
from config.orders import Declaration, Order
from config.site import Meter, Point, SiteConfig

HOUR_MS = 3_600_000
TRAIL_STEP_MS = 30_000  # grid of the running sums that means are made of
COVERED = Decimal("0.8")  # of a mean's time must have been measured for it to say that all is well
_UNSOUGHT: tuple[Value | None, int] = (None, -1)
_KEPT = 3  # readings of a class: an item that one reading lacks may stand in the one before


class State(StrEnum):
    """UNKNOWN is not a kind of OFF: nothing may be concluded from it."""

    ON = "on"
    OFF = "off"
    UNKNOWN = "unknown"


class Moment(NamedTuple):
    """A moment on the axis; the wall clock if it can be trusted; the boot, for time off is a guess; what the
    wall clock shows, trusted or not."""

    ms: int
    utc_ms: int | None = None
    boot: str = ""
    wall_ms: int | None = None


class Observation(NamedTuple):
    """One reading: the good values of a meter (empty: it failed, ``error`` says why) and its record."""

    meter: str
    at_ms: int
    record: int
    values: Mapping[str, Decimal]
    slow: bool = False
    error: str | None = None


class Value(NamedTuple):
    """A good value, when it was read and in which record it stands."""

    value: Decimal
    at_ms: int
    record: int


class Gauge(NamedTuple):
    """What a meter shows of its equipment: the newest that is drawn at ``least``, and the newest that is the
    ``whole`` of it (``agent.rules.drawn``)."""

    least: Value | None = None
    whole: Value | None = None

    def after(self, value: Decimal | None, seen: Observation, *, whole: bool) -> Gauge:
        """With one reading more."""
        if value is None:
            return self
        new = Value(value, seen.at_ms, seen.record)
        return Gauge(new, new if whole else self.whole)


_NOTHING = Gauge()


class Sum(NamedTuple):
    """What a meter's power came to since watching began: kW ms, over how many ms it was measured."""

    at_ms: int
    work: Decimal
    covered_ms: int


class Mean(NamedTuple):
    """A mean power, kW, and the stretch it is of. ``least``: time that was not measured counts as nothing
    drawn. ``kw``: of the time that was measured; None where that is too little. ``most``: no more than this
    was drawn; None where anything was not measured, or was less than is drawn. Between two readings no
    further apart than a value speaks for its meter power goes evenly."""

    from_ms: int
    at_ms: int
    least: Decimal
    kw: Decimal | None
    most: Decimal | None


class PointView(NamedTuple):
    """A point's state, since when, the record that began it, and the state it is on the way to (hold time).

    ``sure`` is the last reading that says the state by itself: beyond its threshold, not between the two.
    ``known`` is the last other state that was not UNKNOWN, and ``known_ms`` when that was last seen.
    ``left_ms``: when this one was last seen before it went ``toward`` another."""

    state: State
    since_ms: int
    since_record: int = 0
    toward: State | None = None
    toward_ms: int = 0
    toward_record: int = 0
    power: Value | None = None
    sure: Value | None = None
    known: State = State.UNKNOWN
    known_ms: int = 0
    left_ms: int = 0


@dataclass(slots=True)
class MeterView:
    """What is known of a meter. ``good_ms`` is the last good reading, or when watching began."""

    id: str
    bus: str
    profile: str
    step_ms: int  # two readings further apart have one missing between them
    fresh_ms: int
    slow_fresh_ms: int
    good_ms: int
    sum: Sum
    ever_read: bool = False
    error: str = ""  # why the newest poll failed
    ok: int = 0
    failed: int = 0
    fast: tuple[Observation, ...] = ()  # newest first
    slow: tuple[Observation, ...] = ()
    newest: dict[str, tuple[Value | None, int]] = field(default_factory=dict)  # what ``fresh`` has looked up
    kw: Gauge = _NOTHING
    amperes: Gauge = _NOTHING
    by_current: bool = False  # whether a point is judged by its currents
    gives: frozenset[str] = frozenset()  # of TOLD, what its fast readings ever had
    slow_gives: frozenset[str] = frozenset()
    part_ms: int | None = None  # when its power was last read and may have been less than is drawn
    trail: deque[Sum] = field(default_factory=deque)
    ratio: Decimal = Decimal(1)  # of its transformers, as the site file says
    memo: dict[str, Any] = field(default_factory=dict)  # what rules made of its newest readings
    trail_ms: int = 0  # how far back it reaches: the longest mean that a rule asks for

    @property
    def power(self) -> Value | None:
        """The newest power; it may be less than is drawn."""
        return self.kw.least

    def fresh(self, quantity: str, now_ms: int) -> Value | None:
        """The newest value of a quantity unless it is too old to speak for now."""
        found = self.newest.get(quantity, _UNSOUGHT)
        if found is _UNSOUGHT:
            found = self.newest[quantity] = self._newest(quantity)
        return found[0] if found[0] is not None and now_ms <= found[1] else None

    def speaks_ms(self, quantity: str) -> int:
        """How long a value of this quantity speaks for the meter: by the class that gave it last."""
        fast = any(quantity in seen.values for seen in self.fast) or not self.slow
        return self.fresh_ms if fast else self.slow_fresh_ms

    def _newest(self, quantity: str) -> tuple[Value | None, int]:
        """The newest value of a quantity, and until when it speaks."""
        for readings, age_ms in ((self.fast, self.fresh_ms), (self.slow, self.slow_fresh_ms)):
            for seen in readings:
                value = seen.values.get(quantity)
                if value is not None:
                    return Value(value, seen.at_ms, seen.record), seen.at_ms + age_ms
        return None, 0

    def mean(self, over_ms: int, now_ms: int) -> Mean | None:
        """The mean power of ``over_ms`` up to the newest reading, or to now where that is too old to speak
        for it; None: it has not been watched for so long."""
        end_ms = self.sum.at_ms if now_ms - self.sum.at_ms <= self.fresh_ms else now_ms
        index = bisect_right(self.trail, end_ms - over_ms, key=itemgetter(0)) - 1
        if index < 0:
            return None
        start = self.trail[index]
        span_ms = end_ms - start.at_ms
        work, covered_ms = self.sum.work - start.work, self.sum.covered_ms - start.covered_ms
        kw = work / covered_ms if covered_ms >= COVERED * span_ms else None
        whole = covered_ms == span_ms and (self.part_ms is None or self.part_ms < start.at_ms)
        return Mean(start.at_ms, end_ms, work / span_ms, kw, kw if whole else None)

    def sum_at(self, ms: int) -> Sum | None:
        """The sum at a moment; None where power was not measured around it, or nothing is known any more."""
        index = bisect_right(self.trail, ms, key=itemgetter(0)) - 1
        if index < 0:
            return None
        last = self.trail[index]
        if last.at_ms == ms:
            return last
        new = self.trail[index + 1] if index + 1 < len(self.trail) else self.sum
        passed_ms = new.at_ms - last.at_ms
        if new.at_ms < ms or new.covered_ms - last.covered_ms != passed_ms:
            return None
        part_ms = ms - last.at_ms
        work = last.work + (new.work - last.work) * part_ms / passed_ms
        return Sum(ms, work, last.covered_ms + part_ms)


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


def fresh_ms(every_s: int) -> int:
    """How long a value speaks for its meter: three periods and 5 s, so that one failed poll and its retry
    do not lose sight of a plant, and no more."""
    return (3 * every_s + 5) * 1000


class World:
    """Everything a rule may look at. Changed by the engine alone."""

    def __init__(self, config: SiteConfig, now_ms: int, mean_s: int = 0) -> None:
        self.now_ms = now_ms
        self.utc_ms: int | None = None
        self.vouched: Moment | None = None  # the last one at which the clock could be trusted
        self.unsettled = False  # yesterday is not summed up yet: the history lacks it
        self.boot = ""
        self.record = 0  # the newest one taken in
        self.watched_ms = now_ms  # since when the box watches without a break
        self.zone = ZoneInfo(config.site.timezone)
        self.config: Mapping[str, Point] = {point.id: point for point in config.points}
        self.meters = {meter.id: _unread(meter, now_ms, mean_s * 1000) for meter in config.meters}
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
            view.slow = (seen, *view.slow[: _KEPT - 1])
        else:
            view.fast = (seen, *view.fast[: _KEPT - 1])
        _gauge(view, seen)
        for point in self._of_meter[seen.meter]:
            self.points[point.id] = _point(point, self.points[point.id], view, self.now_ms)

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
                self.points[point.id] = _point(point, view, meter, self.now_ms)


def _unread(meter: Meter, now_ms: int, trail_ms: int) -> MeterView:
    every, slow = fresh_ms(meter.every_s), fresh_ms(meter.slow_every_s)
    step, ratio, nothing = meter.every_s * 1500, meter.ct * meter.pt, Sum(now_ms, Decimal(0), 0)
    return MeterView(
        meter.id, meter.bus, meter.profile, step, every, slow, now_ms, nothing, ratio=ratio, trail_ms=trail_ms
    )


def _gauge(view: MeterView, seen: Observation) -> None:
    """What one reading shows of the equipment."""
    told = TOLD.intersection(seen.values)
    if seen.slow:
        view.slow_gives |= told
    else:
        view.gives = view.gives if told <= view.gives else view.gives | told
        power = drawn_kw(seen.values)
        if power is not None:
            before, whole = view.power, is_all_kw(seen.values, view.gives)
            view.part_ms = view.part_ms if whole else seen.at_ms
            view.kw = view.kw.after(power, seen, whole=whole)
            _integrate(view, power, before, seen)
    gives = view.slow_gives if seen.slow else view.gives
    if view.by_current and (not seen.slow or view.gives.isdisjoint(AMPERES)):
        view.amperes = view.amperes.after(drawn_a(seen.values), seen, whole=is_all_a(seen.values, gives))


def _integrate(view: MeterView, power: Decimal, before: Value | None, seen: Observation) -> None:
    if before is None:
        view.sum = view.sum._replace(at_ms=seen.at_ms)
    elif 0 < seen.at_ms - before.at_ms <= view.fresh_ms:
        passed = seen.at_ms - before.at_ms
        work = view.sum.work + (before.value + power) * passed / 2
        view.sum = Sum(seen.at_ms, work, view.sum.covered_ms + passed)
    else:
        view.sum = view.sum._replace(at_ms=max(seen.at_ms, view.sum.at_ms))
    trail = view.trail
    if not trail or view.sum.at_ms - trail[-1].at_ms >= TRAIL_STEP_MS:
        trail.append(view.sum)
        while len(trail) > 2 and trail[1].at_ms <= view.sum.at_ms - view.trail_ms:
            trail.popleft()


def _point(point: Point, view: PointView, meter: MeterView, now_ms: int) -> PointView:
    power = _measure(point, view, meter, now_ms)
    if power is None:
        if view.state is State.UNKNOWN:
            return view._replace(toward=None, power=None)
        last_ms = now_ms if view.power is None else view.power.at_ms
        last_ms = last_ms if view.toward is None else view.left_ms
        return PointView(State.UNKNOWN, now_ms, view.since_record, known=view.state, known_ms=last_ms)
    wanted = _wanted(point, power.value)
    if wanted is view.state:
        return view._replace(toward=None, power=power, sure=power)
    if wanted is None:
        return view._replace(toward=None, power=power)
    # A hold time must be seen whole: a reading that is missing begins it anew.
    before = view.power
    whole = before is not None and power.at_ms - before.at_ms <= meter.step_ms
    going = view.toward is wanted and whole
    began, record = (view.toward_ms, view.toward_record) if going else (power.at_ms, power.record)
    last_ms = began if before is None else before.at_ms
    last_ms = last_ms if view.toward is None else view.left_ms
    if power.at_ms - began < point.hold_s * 1000:
        return view._replace(
            toward=wanted, toward_ms=began, toward_record=record, power=power, left_ms=last_ms
        )
    unsure = view.state is State.UNKNOWN
    known, known_ms = (view.known, view.known_ms) if unsure else (view.state, last_ms)
    return PointView(wanted, began, record, power=power, sure=power, known=known, known_ms=known_ms)


def _measure(point: Point, view: PointView, meter: MeterView, now_ms: int) -> Value | None:
    """What the point's thresholds are compared with: kW, or the largest phase current in A. The newest value
    if it is ON; else the newest that was all of it, however little a later one showed; but never one from
    before that by which the point was judged last."""
    gauge, age_ms = meter.kw, meter.fresh_ms
    if point.on_above_a is not None:
        gauge = meter.amperes
        age_ms = meter.slow_fresh_ms if meter.gives.isdisjoint(AMPERES) else age_ms
    seen = gauge.least
    if seen is not None and _wanted(point, seen.value) is not State.ON:
        seen = gauge.whole
        if view.power is not None and (seen is None or seen.at_ms < view.power.at_ms):
            seen = view.power
    return None if seen is None or now_ms - seen.at_ms > age_ms else seen


def _wanted(point: Point, value: Decimal) -> State | None:
    """The state a measure asks for; None inside the hysteresis band."""
    in_kw = point.on_above_a is None
    on, off = (point.on_above_kw, point.off_below_kw) if in_kw else (point.on_above_a, point.off_below_a)
    assert on is not None
    assert off is not None, "config.load refuses a point with half a pair"
    if value > on:
        return State.ON
    if value < off:
        return State.OFF
    return None
