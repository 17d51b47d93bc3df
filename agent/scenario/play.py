"""Plays a scenario: its meters are polled, the engine judges at each step, a restart goes through its page.

The box has what the daemon has: a monotonic clock of the boot, a wall clock that may be wrong, the axis and
what is known of UTC (``agent.axis``). What is expected never gets here. Pure.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from dataclasses import replace

from agent.axis import Axis, Wall
from agent.rules.alarms import Alarm, AlarmChange
from agent.rules.engine import Engine
from agent.rules.metering import Observation
from agent.scenario.meters import SimMeter
from agent.scenario.model import (
    Act,
    Answers,
    ClockSet,
    Dark,
    Happened,
    Item,
    Lose,
    Mains,
    Owed,
    Power,
    Restart,
    Scenario,
    Verb,
    Whole,
)
from agent.scenario.told import Told
from buffer.instant import ClockLetter, Instant

UP_MS = 3_600_000  # how long the machine has been up when a scenario begins
BOOT_MS = 30_000  # of a new boot, when the daemon starts to read
_VERBS: Mapping[str, Verb] = {
    "raised": "raise",
    "escalated": "escalate",
    "cleared": "clear",
    "excused": "excuse",
}


def play(scenario: Scenario) -> tuple[Happened, ...]:
    """Every change of an alarm, in order."""
    box = _Box(scenario)
    events = list(scenario.events)
    for at_ms in range(0, scenario.end_ms + 1, scenario.step_ms):
        while events and events[0].at_ms <= at_ms:
            box.act(events.pop(0).act, at_ms)
        box.step(at_ms)
    return tuple(box.happened)


class _Box:
    def __init__(self, scenario: Scenario) -> None:
        self.happened: list[Happened] = []
        self._scenario = scenario
        self._meters = {meter.id: SimMeter(meter.id) for meter in scenario.config.meters}
        self._told = Told(scenario.orders, scenario.declarations, scenario.events)
        self._owed: dict[str, tuple[int, int]] = {}
        self._mains: tuple[bool | None, int] | None = None
        self._loss = Lose(0.0, 0)
        self._dice = random.Random(0)
        self._boot, self._started_ms, self._off_until_ms = 1, -UP_MS, 0
        self._wrong_ms, self._sure = 0, True
        self._born = False
        self._record = 0
        self._up: dict[str, Alarm] = {}
        now = self._now(0)
        self._axis, self._wall = Axis.begin(now), Wall()
        self._engine = Engine(scenario.config, self._axis.at(now.mono_ms))
        self._wanted = sorted(self._engine.wanted | {"ep_imp"})
        self._tell()

    def act(self, act: Act, at_ms: int) -> None:
        """One line of the timeline."""
        if isinstance(act, Power | Item | Whole | Answers | Dark):
            self._plant(act, at_ms)
        elif isinstance(act, Lose):
            self._loss, self._dice = act, random.Random(act.seed)
        elif isinstance(act, Restart):
            self._restart(act, at_ms)
        elif isinstance(act, ClockSet):
            self._set_clock(act, at_ms)
        elif isinstance(act, Owed):
            self._owed[act.uplink] = act.age_ms, at_ms
        elif isinstance(act, Mains):
            self._mains = act.on, self._axis.at(self._now(at_ms).mono_ms)
            self._engine.mains(*self._mains)
        else:
            self._told.hear(act, self._scenario.begin_ms + at_ms)
            self._tell()

    def step(self, at_ms: int) -> None:
        """Poll what is due, judge."""
        for meter in self._meters.values():
            meter.run_to(at_ms)
        if at_ms < self._off_until_ms:
            return
        now = self._now(at_ms)
        if self._born:  # the rules are asked before the first poll has ended
            self._born = False
            self._judge(now, at_ms)
        for config in self._scenario.config.meters:
            for slow, every_s in ((False, config.every_s), (True, config.slow_every_s)):
                before_ms = at_ms - self._scenario.step_ms
                if at_ms == 0 or at_ms // (every_s * 1000) > before_ms // (every_s * 1000):
                    self._poll(self._meters[config.id], now, at_ms, slow)
        for uplink, (age_ms, since_ms) in self._owed.items():
            self._engine.owed(uplink, age_ms + at_ms - since_ms if age_ms else 0)
        self._judge(now, at_ms)

    def _judge(self, now: Instant, at_ms: int) -> None:
        self._wall.look(now)
        for change in self._engine.tick(self._axis.moment(now.mono_ms, self._wall)):
            self._note(change, at_ms)

    def _now(self, at_ms: int) -> Instant:
        utc_ms = self._scenario.begin_ms + at_ms + self._wrong_ms
        letter: ClockLetter = "S" if self._sure else "R"
        return Instant(utc_ms, at_ms - self._started_ms, letter, self._boot, f"boot-{self._boot}")

    def _plant(self, act: Power | Item | Whole | Answers | Dark, at_ms: int) -> None:
        if isinstance(act, Answers):
            for name in act.meters:
                setattr(self._meters[name], "bus_answer" if act.bus else "answer", act.how)
        elif isinstance(act, Dark):
            for meter in self._meters.values():
                meter.run_to(at_ms)
                meter.darken(act.dark)
        elif isinstance(act, Power):
            self._meters[act.meter].run_to(at_ms)
            self._meters[act.meter].draw(act, at_ms)
        elif isinstance(act, Item):
            self._meters[act.meter].set_item(act)
        else:
            self._meters[act.meter].set(act)

    def _poll(self, meter: SimMeter, now: Instant, at_ms: int, slow: bool) -> None:
        error = meter.error()
        if self._loss.percent and self._dice.random() * 100 < self._loss.percent:
            error = error or "no_reply"
        values = {} if error else meter.read(at_ms, slow, self._wanted)
        self._record += 1
        seen = Observation(meter.id, self._axis.at(now.mono_ms), self._record, values, slow, error)
        self._engine.observe(seen)

    def _note(self, change: AlarmChange, at_ms: int) -> None:
        alarm, self._record = change.alarm, self._record + 1
        if change.raised:
            alarm = replace(alarm, record=self._record)
            self._engine.numbered(alarm.key, self._record)
        if change.change == "cleared":
            self._up.pop(alarm.key, None)
        elif change.change != "excused":
            self._up[alarm.key] = alarm
        verb = _VERBS[change.change]
        self.happened.append(
            Happened(at_ms, verb, alarm.key, alarm.level, alarm.code, alarm.fault, alarm.declared)
        )

    def _tell(self) -> None:
        self._engine.know(*self._told.known())

    def _set_clock(self, act: ClockSet, at_ms: int) -> None:
        self._wrong_ms = 0 if act.by_ms is None else self._wrong_ms + act.by_ms
        self._sure = act.sure
        self._wall.stepped(self._now(at_ms))

    def _restart(self, act: Restart, at_ms: int) -> None:
        """As ``agent.restore`` does it from the page that a clean stop wrote."""
        page = json.loads(json.dumps(self._engine.page()))
        last_ms = self._axis.at(self._now(at_ms).mono_ms)
        if act.off_ms is not None:
            self._off_until_ms = at_ms + act.off_ms
            self._boot += 1
            self._started_ms = self._off_until_ms - BOOT_MS
            now = self._now(self._off_until_ms)
            self._axis, self._wall = Axis.begin(now, self._axis, last_ms), Wall()
        self._born = True
        self._engine = Engine(self._scenario.config, page["world"]["now"])
        self._engine.turn_to(page)
        self._engine.restore(self._up.values())
        self._tell()
        if self._mains is not None:
            self._engine.mains(*self._mains)
