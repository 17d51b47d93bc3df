"""What a meter has shown: its newest good readings, and the sums that means are made of. Values stay as they
are; of each meter there is one view, which the world owns and changes.

All moments lie on the axis of the rules, ms.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from operator import itemgetter
from typing import Any, NamedTuple

from agent.rules.drawn import AMPERES, TOLD, drawn_a, drawn_kw, is_all_a, is_all_kw
from config.site import Meter

HOUR_MS = 3_600_000
TRAIL_STEP_MS = 30_000  # grid of the running sums that means are made of; finer where a mean is short:
MEAN_STEPS = 10  # a mean may reach back further than it should by one step, a tenth of it
COVERED = Decimal("0.8")  # of a mean's time must have been measured for it to say that all is well
_UNSOUGHT: tuple[Value | None, int] = (None, -1)
KEPT = 3  # readings of a class: an item that one reading lacks may stand in the one before


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
    trail_step_ms: int = TRAIL_STEP_MS

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


def fresh_ms(every_s: int) -> int:
    """How long a value speaks for its meter: three periods and 5 s, so that one failed poll and its retry
    do not lose sight of a plant, and no more."""
    return (3 * every_s + 5) * 1000


def unread(meter: Meter, now_ms: int, means_s: Collection[int]) -> MeterView:
    """Of a meter whose power is asked for as means over so many seconds."""
    every, slow = fresh_ms(meter.every_s), fresh_ms(meter.slow_every_s)
    step, ratio, nothing = meter.every_s * 1500, meter.ct * meter.pt, Sum(now_ms, Decimal(0), 0)
    return MeterView(
        meter.id,
        meter.bus,
        meter.profile,
        step,
        every,
        slow,
        now_ms,
        nothing,
        ratio=ratio,
        trail_ms=max(means_s, default=0) * 1000,
        trail_step_ms=min((TRAIL_STEP_MS, *(mean_s * 1000 // MEAN_STEPS for mean_s in means_s))),
    )


def gauge(view: MeterView, seen: Observation) -> None:
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
    if not trail or view.sum.at_ms - trail[-1].at_ms >= view.trail_step_ms:
        trail.append(view.sum)
        while len(trail) > 2 and trail[1].at_ms <= view.sum.at_ms - view.trail_ms:
            trail.popleft()
