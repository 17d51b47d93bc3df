"""The engine: feeds observations to the world, asks every rule, and keeps the alarms' latches.

Alarm life::

    idle --violated--> pending --lasted hold--> ACTIVE (raised) --fine--> idle (cleared)
              ^            |                       |
              |         fine/unknown            unknown: stays active, no data never clears
              +------------+
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import agent.rules
from agent.rules import world as worlds
from agent.rules.finding import Finding, Verdict
from agent.rules.world import Observation, World
from config.orders import Declaration, Order
from config.site import Level, Rule, SiteConfig

Judge = Callable[[Any, SiteConfig, World], tuple[Finding, ...]]


@dataclass(frozen=True, slots=True)
class Active:
    """An alarm that is up. ``since_ms`` is None when it began under another boot of the machine."""

    key: str
    rule: str
    code: str
    level: Level
    subjects: tuple[str, ...]
    facts: Mapping[str, str]
    since_ms: int | None
    since_record: int
    record: int = 0  # the record that raised it, filled in by the recorder


@dataclass(frozen=True, slots=True)
class AlarmChange:
    """An alarm went up (``raised``) or down; ``dur_ms`` only when it is known."""

    raised: bool
    alarm: Active
    dur_ms: int | None = None


@dataclass(frozen=True, slots=True)
class _Pending:
    """A violation that has not lasted long enough yet."""

    began_ms: int
    since_record: int


def judges() -> Mapping[str, Judge]:
    """All rule kinds: every module of this folder that holds ``KIND`` and ``judge``."""
    found: dict[str, Judge] = {}
    for info in pkgutil.iter_modules(agent.rules.__path__):
        module = importlib.import_module(f"agent.rules.{info.name}")
        kind = getattr(module, "KIND", None)
        if kind is not None:
            found[kind] = module.judge
    return MappingProxyType(found)


class Engine:
    """Rules of one site. ``observe`` and ``tick`` give the alarms that changed; nothing else has effect."""

    def __init__(self, config: SiteConfig, now_ms: int) -> None:
        self._config = config
        self._judges = judges()
        self._world = worlds.begin(config, now_ms)
        self._pending: dict[str, _Pending] = {}
        self._active: dict[str, Active] = {}
        self.orders: tuple[Order, ...] = ()
        self.declarations: tuple[Declaration, ...] = ()

    @property
    def world(self) -> World:
        """The present world, immutable."""
        return self._world

    @property
    def active(self) -> tuple[Active, ...]:
        """The alarms that are up, oldest record first."""
        return tuple(sorted(self._active.values(), key=lambda alarm: (alarm.since_record, alarm.key)))

    def restore(self, alarms: Iterable[Active]) -> None:
        """The alarms that were up before a restart, all of them: they are not raised a second time. One whose
        rule no longer exists is cleared by the next tick."""
        self._active = {alarm.key: alarm for alarm in alarms}
        self._pending.clear()

    def know(self, orders: tuple[Order, ...], declarations: tuple[Declaration, ...]) -> None:
        """What is in force, will be, or was of late."""
        self.orders, self.declarations = orders, declarations

    def undo(self, change: AlarmChange) -> None:
        """The change could not be recorded: as if it had not happened, so that it comes again."""
        if change.raised:
            self._active.pop(change.alarm.key, None)
        else:
            self._active[change.alarm.key] = change.alarm

    def numbered(self, key: str, record: int) -> None:
        """Tell the engine in which record an alarm was raised."""
        alarm = self._active.get(key)
        if alarm is not None:
            self._active[key] = replace(alarm, record=record)

    def observe(self, seen: Observation) -> tuple[AlarmChange, ...]:
        """Take one reading in."""
        self._world = worlds.observe(self._world, self._config.points, seen)
        return self._judge()

    def tick(self, now_ms: int) -> tuple[AlarmChange, ...]:
        """Let time pass without a reading."""
        self._world = worlds.advance(self._world, self._config.points, max(now_ms, self._world.now_ms))
        return self._judge()

    def _judge(self) -> tuple[AlarmChange, ...]:
        changes: list[AlarmChange] = []
        judged: set[str] = set()
        for rule in self._config.rules:
            for finding in self._judges[rule.kind](rule, self._config, self._world):
                judged.add(finding.key)
                change = self._latch(rule, finding)
                if change is not None:
                    changes.append(change)
        for key in [key for key in self._active if key not in judged]:
            changes.append(AlarmChange(False, self._active.pop(key)))  # its rule is gone
        return tuple(changes)

    def _latch(self, rule: Rule, finding: Finding) -> AlarmChange | None:
        if finding.key in self._active:
            return self._clear(finding) if finding.verdict is Verdict.FINE else None
        if finding.verdict is not Verdict.VIOLATED:
            self._pending.pop(finding.key, None)
            return None
        first = _Pending(finding.began_ms, self._world.last_record)
        pending = self._pending.setdefault(finding.key, first)
        began_ms = min(pending.began_ms, finding.began_ms)
        if self._world.now_ms - began_ms < finding.hold_ms:
            return None
        del self._pending[finding.key]
        alarm = Active(
            finding.key,
            rule.id,
            finding.code,
            rule.level,
            finding.subjects,
            MappingProxyType(dict(finding.facts)),
            began_ms,
            pending.since_record,
        )
        self._active[finding.key] = alarm
        return AlarmChange(True, alarm)

    def _clear(self, finding: Finding) -> AlarmChange:
        alarm = self._active.pop(finding.key)
        duration = None if alarm.since_ms is None else self._world.now_ms - alarm.since_ms
        return AlarmChange(False, alarm, duration)
