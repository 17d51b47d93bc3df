"""What a box does beside its evidence: it warns the plant and watches the mains.

The daemon sees none of the parts, only this: threads to run, verbs to answer, checks to show. Nothing here is
waited for, and nothing here can end the daemon.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from agent.check import Check
from agent.clock import mono_ms
from agent.control import Verb
from agent.errors import AgentError
from agent.inbox import Inbox
from agent.log import Log
from agent.mains.watch import MainsWatch, source_of
from agent.notices import Notice, Outcome
from agent.notices.announcer import Announcer, Listener
from agent.notices.command import CommandNotice
from agent.notices.document import Plant
from agent.notices.led import LedNotice
from agent.paths import Paths
from agent.rules.alarms import Alarm
from agent.status import alarm_row
from config.site import Notify, NotifyLed, SiteConfig


@dataclass(frozen=True, slots=True)
class Beside:
    """Made once, before anything runs."""

    plant: Plant
    notices: Mapping[str, Notice]
    mains: MainsWatch | None = None  # None: the meters tell

    @classmethod
    def of(cls, config: SiteConfig, paths: Paths, inbox: Inbox, log: Log) -> Beside:
        """The parts that the site file asks for."""
        plant = Plant(config.site.id, config.site.name)
        notices = {one.id: _notice(one, plant, paths, log) for one in config.notify}
        source = source_of(config.power, paths.sysfs)
        if source is None:
            return cls(plant, notices)
        return cls(plant, notices, MainsWatch(config.power, source, inbox.put, partial(_report, log)))

    def announcer(self, up: Iterable[Alarm], more: Sequence[Listener] = ()) -> Announcer:
        """Who passes alarm records on, to the notices and to ``more``; ``up`` at this start."""
        return Announcer(self.plant, (*self.notices.values(), *more), map(alarm_row, up))

    def threads(self) -> dict[str, Callable[[threading.Event], None]]:
        """Name of the thread -> what it runs until the event is set."""
        found: dict[str, Callable[[threading.Event], None]] = {
            f"notice-{name}": notice.run for name, notice in self.notices.items()
        }
        if self.mains is not None:
            found["mains"] = partial(self.mains.run, mono_ms=mono_ms)
        return found

    def checks(self) -> tuple[Check, ...]:
        """What is wrong, for the status."""
        found = [check for notice in self.notices.values() for check in notice.checks()]
        return (*found, *(self.mains.checks() if self.mains is not None else ()))

    def verbs(self) -> dict[str, Verb]:
        """``notices``: how they stand; ``notice-test``: try one, an act."""
        return {"notices": Verb(self._list), "notice-test": Verb(self._test, act=True)}

    def _list(self, args: Mapping[str, Any]) -> dict[str, Any]:
        del args
        return {"notices": [notice.row() for notice in self.notices.values()]}

    def _test(self, args: Mapping[str, Any]) -> dict[str, Any]:
        name = str(args.get("notice", ""))
        notice = self.notices.get(name)
        if notice is None:
            raise AgentError("SBX-NTF-011", 64, notice=name[:40])
        outcome = notice.test()
        if outcome is None:
            raise AgentError("SBX-NTF-012", 69, notice=name)
        return {
            "notice": name,
            "kind": notice.kind,
            "ok": outcome.ok,
            "code": outcome.code,
            "facts": dict(outcome.facts),
        }


def _notice(config: Notify, plant: Plant, paths: Paths, log: Log) -> Notice:
    report = partial(_report, log)
    if isinstance(config, NotifyLed):
        return LedNotice(config, paths.sysfs, report, mono_ms)
    return CommandNotice(config, plant, report, mono_ms)


def _report(log: Log, outcome: Outcome) -> None:
    log.put("info" if outcome.ok else "warn", outcome.code, **outcome.facts)
