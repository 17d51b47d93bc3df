"""A program of the plant as a notice: what to run when is ``course``'s, how is ``program``'s.

One run at a time, in this notice's own thread; the recorder only puts a change into a bounded queue.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from agent.check import Check
from agent.notices import Document, Outcome, program
from agent.notices.board import Board
from agent.notices.course import Course
from agent.notices.document import Plant, encode, trial
from config.site import NotifyCommand

PATIENCE_S: Final = 5.0  # of a test, beyond the run in progress and its own
WAIT_S: Final = 1.0


@dataclass(slots=True)
class _Asked:
    """A person waits for a test."""

    done: threading.Event = field(default_factory=threading.Event)
    outcome: Outcome | None = None


class CommandNotice:
    """A ``Notice``. ``report`` is told how each run ended."""

    kind = "command"

    def __init__(
        self,
        config: NotifyCommand,
        plant: Plant,
        report: Callable[[Outcome], None],
        mono_ms: Callable[[], int],
    ) -> None:
        self._config = config
        self._plant = plant
        self._report = report
        self._mono_ms = mono_ms
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._course = Course(Board(config.levels), config.most_per_hour)
        self._asked: _Asked | None = None
        self._last: Outcome | None = None
        self._running = False

    def tell(self, document: Document) -> None:
        """An alarm changed. Never waits."""
        with self._lock:
            self._course.take(document)
        self._wake.set()

    def test(self) -> Outcome | None:
        """Run it once with a document that says so; it counts as no run of the hour."""
        asked = _Asked()
        self._asked = asked
        self._wake.set()
        asked.done.wait(2 * self._config.timeout_s + PATIENCE_S)
        return asked.outcome

    def checks(self) -> tuple[Check, ...]:
        """The last run, if it failed; changes that wait for the next hour."""
        found = []
        if self._last is not None and not self._last.ok:
            found.append(Check("notify", "warn", self._last.code, self._last.facts, self._hint()))
        with self._lock:
            waiting = self._course.waiting
        if waiting and not self._running:
            facts = {
                "notice": self._config.id,
                "count": str(waiting),
                "most": str(self._config.most_per_hour),
            }
            found.append(Check("notify", "warn", "SBX-NTF-008", facts, "sitebox alarms"))
        return tuple(found)

    def row(self) -> dict[str, Any]:
        """How it stands."""
        last = self._last
        with self._lock:
            waiting, held = self._course.waiting, self._course.held
        return {
            "id": self._config.id,
            "kind": self.kind,
            "levels": list(self._config.levels),
            "does": " ".join(self._config.command),
            "state": "running" if self._running else "waiting" if waiting else "idle",
            "held": held,
            "ok": last is None or last.ok,
            "code": None if last is None else last.code,
            "facts": {} if last is None else dict(last.facts),
        }

    def run(self, stop: threading.Event) -> None:
        """Run what is due until ``stop``; a program that runs then is killed."""
        while not stop.is_set():
            due_ms = self.step(stop)
            self._wake.wait(min(WAIT_S, max(0, due_ms - self._mono_ms()) / 1000))
            self._wake.clear()

    def step(self, stop: threading.Event) -> int:
        """At most one run; when to come again, mono ms."""
        asked, self._asked = self._asked, None
        if asked is not None:
            asked.outcome = self._start(trial(self._plant, self._config.id), stop)
            asked.done.set()
        with self._lock:
            document = self._course.turn(self._mono_ms())
        if document is not None:
            self._start(document, stop)
        now_ms = self._mono_ms()
        with self._lock:
            due_ms = self._course.due(now_ms)
        return now_ms + int(WAIT_S * 1000) if due_ms is None else due_ms

    def _start(self, document: Document, stop: threading.Event) -> Outcome:
        self._running = True
        limits = program.Limits(self._config.timeout_s, stop, self._mono_ms)
        begun_ms = self._mono_ms()
        ended = program.run(self._config.command, encode(document), limits)
        self._running = False
        alarm = document["alarm"]
        facts = {
            "notice": self._config.id,
            "alarm": str(alarm["id"]),
            "state": str(alarm["state"]),
            "held": str(document["held"]),
            "ms": str(self._mono_ms() - begun_ms),
            "program": self._config.command[0],
        }
        self._last = self._judge(ended, facts)
        self._report(self._last)
        return self._last

    def _judge(self, ended: program.Ended, facts: dict[str, str]) -> Outcome:
        line = ended.line or "-"
        if ended.how == "unstartable":
            return Outcome(False, "SBX-NTF-007", {**facts, "reason": line})
        if ended.how == "late":
            return Outcome(
                False, "SBX-NTF-006", {**facts, "limit": f"{self._config.timeout_s:g}", "line": line}
            )
        if ended.how == "stopped":
            return Outcome(False, "SBX-NTF-009", facts)
        if ended.status != 0:
            return Outcome(False, "SBX-NTF-005", {**facts, "status": str(ended.status), "line": line})
        return Outcome(True, "SBX-NTF-003", facts)

    def _hint(self) -> str:
        return f"sitebox notify test {self._config.id}"
