"""The daybook: how the plant's day goes, counted as it passes. Pure; fed as the engine is.

::

    observe(meter)  ->  energy by hour and shift            (agent.rules.dayenergy)
    tick(moment)    ->  time by state of points, pairs, orders
    ended(now)      ->  days that are over, once the last reading before midnight has its neighbour

A day turns by the wall clock, by what it reads where nothing better is known; what passes is measured on the
axis. So a step of the clock ends an hour early or late, and neither loses nor doubles what was drawn. While
the clock cannot be trusted, time and energy count for the day and for no hour and no shift of it. Time that
nobody watched is unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from agent.rules.alarms import Alarm, AlarmChange
from agent.rules.dayalarms import DayAlarms
from agent.rules.daycount import DayCount, count
from agent.rules.dayenergy import Cell, Energy
from agent.rules.daywords import pair_words, worked
from agent.rules.finding import Verdict
from agent.rules.metering import HOUR_MS
from agent.rules.page import back
from agent.rules.points import State
from agent.rules.world import Moment, World
from config.calendar import day_of, day_span
from config.rulekinds import TreatmentOff
from config.site import Shift, SiteConfig

STEP_MS = 1_000  # the wall clock and the axis drift apart by no more between two looks, else it was set
WEEK_MS = 7 * 86_400_000  # a longer pause is not counted hour by hour
SETTLED_MS = 3_600_000  # a day waits no longer than this for the readings behind its midnight
_PASSED: Mapping[Verdict, str] = {
    Verdict.FINE: "obeyed",
    Verdict.VIOLATED: "violated",
    Verdict.UNKNOWN: "unknown",
}


@dataclass(slots=True)
class _Clock:
    """The wall clock: UTC less axis, whether it is trusted, and the borders of the present cell in UTC."""

    offset_ms: int
    trusted: bool
    from_ms: int = 0
    to_ms: int = 0


class Daybook:
    """``up``: the alarms that are up now."""

    def __init__(self, config: SiteConfig, world: World, up: Callable[[], Iterable[Alarm]]) -> None:
        self._world = world
        self._up = up
        self._pairs = tuple(rule for rule in config.rules if isinstance(rule, TreatmentOff))
        self._shifts: tuple[Shift, ...] = config.shifts
        self._stale_ms = max((view.fresh_ms for view in world.meters.values()), default=0)
        self._energy = Energy(world.meters, self._draw)
        self._alarms = DayAlarms()
        self._days: dict[int, DayCount] = {}
        self._serial = -1
        self._cell = Cell(-1)
        self._clock: _Clock | None = None
        self._last_ms = 0
        self._same_ms = 0  # for so long nothing has changed
        self._states: dict[str, State] = {}
        self._orders: Mapping[str, Verdict] = {}
        self.last_n = -1  # the block with the summaries before, -1: there are none

    @property
    def today(self) -> DayCount | None:
        """The running day; None before the first tick."""
        self._book()
        return self._days.get(self._serial)

    def observe(self, meter: str, at_ms: int) -> None:
        """A meter was read well."""
        if self._clock is not None:
            self._roll(at_ms)
        self._energy.observe(self._world.meters[meter])

    def poll(self, meter: str, slow: bool, good: bool, stored: bool) -> None:
        """A slot ended."""
        today = self._days.get(self._serial)
        if today is not None:
            today.poll(meter, slow, good, stored)

    def alarm(self, change: AlarmChange) -> None:
        """An alarm changed, and that is on record."""
        today = self.today
        if today is not None:
            self._alarms.take(today, change)

    def tick(self, moment: Moment) -> None:
        """Time has passed, with all as it was ``noted`` last."""
        wall_ms = moment.utc_ms if moment.utc_ms is not None else moment.wall_ms
        if wall_ms is None:
            return
        self._see(moment.ms, wall_ms, moment.utc_ms is not None)
        self._roll(moment.ms)
        self._pass(moment.ms)
        self._world.unsettled = any(day.end_ms is not None for day in self._days.values())

    def noted(self, orders: Mapping[str, Verdict]) -> None:
        """How things are from here on; ``orders``: the verdict on each order in force."""
        states = {name: view.state for name, view in self._world.points.items()}
        if states != self._states or orders != self._orders:
            self._book()
            self._states, self._orders = states, orders

    def ended(self, now_ms: int) -> tuple[DayCount, ...]:
        """Days that are over and can be summed up, oldest first. They stay until ``written``."""
        wait_ms = min(self._stale_ms, SETTLED_MS)
        over = [
            day for day in self._days.values() if day.end_ms is not None and now_ms - day.end_ms > wait_ms
        ]
        for day in over:
            self._energy.close(day.serial)
        return tuple(over)

    def written(self, day: str, n: int) -> None:
        """The summaries of a day stand in block ``n``, and behind it; -1: it is not known where."""
        self.last_n = max(n, self.last_n)
        over = [one.serial for one in self._days.values() if one.end_ms is not None and one.day == day]
        for serial in over[:1]:
            del self._days[serial]

    def sealed(self, n: int) -> None:
        """Block ``n`` holds what was stored so far."""
        for day in self._days.values():
            day.mark(n)

    def page(self) -> Mapping[str, Any]:
        """For the logbook."""
        self._book()
        clock = self._clock
        return {
            "days": [day.page() for day in self._days.values()],
            "serial": self._serial,
            "cell": list(self._cell),
            "clock": None if clock is None else [clock.offset_ms, clock.trusted, clock.from_ms, clock.to_ms],
            "last": self._last_ms,
            "states": {name: state.value for name, state in self._states.items()},
            "orders": {name: verdict.value for name, verdict in self._orders.items()},
            "energy": self._energy.page(),
            "lowered": self._alarms.page,
            "last_n": self.last_n,
        }

    def turn_to(self, page: Mapping[str, Any]) -> None:
        """As a page says. KeyError, TypeError or ValueError for one of another version."""
        kept = back(page)
        days = [DayCount.take(one) for one in kept["days"]]
        self._energy.turn_to(kept["energy"])
        self._alarms.turn_to(kept.get("lowered", ()))
        day, hour, shifts = kept["cell"]
        self._days = {one.serial: one for one in days}
        self._serial, self._cell = kept["serial"], Cell(day, hour, tuple(shifts))
        self._clock = None if kept["clock"] is None else _Clock(*kept["clock"])
        self._last_ms = kept["last"]
        self._states = {
            name: State(state) for name, state in kept["states"].items() if name in self._world.points
        }
        self._orders = {name: Verdict(verdict) for name, verdict in kept["orders"].items()}
        self.last_n = kept["last_n"]

    def _see(self, ms: int, wall_ms: int, trusted: bool) -> None:
        """What the wall clock says now."""
        offset_ms = wall_ms - ms
        clock = self._clock
        if clock is None:
            self._clock = _Clock(offset_ms, trusted)
            self._last_ms = ms
            self._enter(ms)
            return
        if abs(offset_ms - clock.offset_ms) <= STEP_MS:
            self._roll(ms)
            changed = trusted != clock.trusted
        else:
            self._pass(ms)
            changed = True
        clock.offset_ms, clock.trusted = offset_ms, trusted
        if changed or not clock.from_ms <= wall_ms < clock.to_ms:
            self._leave(ms)

    def _roll(self, ms: int) -> None:
        """End the cells, and the days, whose time is over by ``ms``."""
        clock = self._clock
        assert clock is not None
        if ms + clock.offset_ms - clock.to_ms > WEEK_MS and self.today is not None:
            self._pass(min(ms, self.today.span[1] - clock.offset_ms))
            self._last_ms = ms
            self._leave(ms)
        while ms + clock.offset_ms >= clock.to_ms:
            self._leave(clock.to_ms - clock.offset_ms)

    def _leave(self, ms: int) -> None:
        self._energy.end(self._cell, ms)
        self._enter(ms)

    def _enter(self, ms: int) -> None:
        """Begin the cell that ``ms`` lies in, and its day where that is another one."""
        clock = self._clock
        assert clock is not None
        utc_ms = ms + clock.offset_ms
        today = self.today
        if today is None or not today.span[0] <= utc_ms < today.span[1]:
            today = self._turn(ms, utc_ms)
        hour = (utc_ms - today.span[0]) // HOUR_MS
        clock.from_ms = today.span[0] + hour * HOUR_MS
        clock.to_ms = min(clock.from_ms + HOUR_MS, today.span[1])
        if not clock.trusted:
            self._cell = Cell(today.serial)
            return
        shifts = []
        for shift in self._shifts:
            holds, change_ms = worked(shift, utc_ms, self._world.zone)
            clock.to_ms = min(clock.to_ms, change_ms)
            shifts += [shift.id] if holds else []
        self._cell = Cell(today.serial, hour, tuple(shifts))

    def _turn(self, ms: int, utc_ms: int) -> DayCount:
        """Another day begins."""
        old = self.today
        if old is not None:
            self._pass(ms)
            self._book()
            for alarm in self._up():
                self._alarms.lasted(old, alarm, ms)
            old.end_ms = ms
        date = day_of(utc_ms, self._world.zone)
        self._serial += 1
        begun = DayCount(self._serial, date.isoformat(), day_span(date, self._world.zone), ms)
        self._days[self._serial] = begun
        return begun

    def _pass(self, ms: int) -> None:
        """Book the time since the last look: the states of then, or unknown where nobody looked for long."""
        passed_ms = ms - self._last_ms
        if passed_ms <= 0:
            return
        self._last_ms = ms
        if self._world.declarations:
            self._pass_declared(passed_ms)
        if passed_ms <= self._stale_ms:
            self._same_ms += passed_ms
        else:
            self._book()
            self._count(passed_ms, watched=False)

    def _book(self) -> None:
        """Count the time for which nothing changed."""
        same_ms, self._same_ms = self._same_ms, 0
        if same_ms:
            self._count(same_ms, watched=True)

    def _count(self, passed_ms: int, *, watched: bool) -> None:
        today = self._days.get(self._serial)
        if today is None:
            return
        for name, state in self._states.items():
            count(today.points, name, state.value if watched else "unknown", passed_ms)
        for rule in self._pairs:
            for word in pair_words(rule, self._states) if watched else ("unknown",):
                count(today.pairs, rule.id, word, passed_ms)
        for order, verdict in self._orders.items():
            count(today.orders, order, _PASSED[verdict] if watched else "unknown", passed_ms)

    def _pass_declared(self, passed_ms: int) -> None:
        today, now = self._days.get(self._serial), self._world.utc_ms
        if now is None or today is None:
            return
        for one in self._world.declarations:
            if one.from_ms <= now < one.to_ms:
                today.declared[one.id] = today.declared.get(one.id, 0) + passed_ms

    def _draw(self, cell: Cell, meter: str, work: Decimal, covered_ms: int) -> None:
        day = self._days.get(cell.day)
        if day is None:
            return
        day.draw(meter, work, covered_ms)
        if cell.hour >= 0:
            day.draw_in(day.hours, (meter, str(cell.hour)), work, covered_ms)
        for shift in cell.shifts:
            day.draw_in(day.shifts, (meter, shift), work, covered_ms)
