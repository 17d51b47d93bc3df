"""Looks at the source of the mains each second and tells the recorder of changes, also of the first state.

In a thread of its own: a driver may take its time. What the inbox did not take is told again a second later.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

from agent.check import Check
from agent.inbox import Remark
from agent.mains import MainsUnknownError, Source
from agent.mains.debounce import Debounce
from agent.mains.gpio import GpioLine
from agent.mains.supply import Supply
from agent.notices import Outcome
from config.site import MainsSource, Power

EVERY_S: Final = 1.0


def source_of(config: Power, sysfs: Path) -> Source | None:
    """None where the meters tell."""
    if config.mains == "power_supply" and config.supply is not None:
        return Supply(sysfs, config.supply)
    if config.mains == "gpio" and config.chip is not None and config.line is not None:
        return GpioLine(Path(config.chip), config.line, config.active_low)
    return None


class MainsWatch:
    """``step`` and ``run`` belong to its thread, ``checks`` to any. ``put`` is the inbox's."""

    def __init__(
        self,
        config: Power,
        source: Source,
        put: Callable[[Remark], bool],
        report: Callable[[Outcome], None],
    ) -> None:
        self._kind: MainsSource = config.mains
        self._source = source
        self._put = put
        self._report = report
        self._debounce = Debounce(int(config.mains_debounce_s * 1000))
        self._owed: Remark | None = None
        self._fault: MainsUnknownError | None = None

    def run(self, stop: threading.Event, mono_ms: Callable[[], int]) -> None:
        """Look until ``stop``."""
        while not stop.is_set():
            self.step(mono_ms())
            stop.wait(EVERY_S)
        self._source.close()

    def step(self, now_ms: int) -> None:
        """One look."""
        settled = self._debounce.take(self._look(), now_ms)
        if settled is not None:
            state = "unknown" if settled.on is None else "on" if settled.on else "off"
            self._owed = Remark(
                "mains", {"state": state, "source": self._kind, "since_mono": settled.since_ms}
            )
            self._report(Outcome(True, "SBX-PWR-006", {"state": state, "source": self._kind}))
        if self._owed is not None and self._put(self._owed):
            self._owed = None

    def checks(self) -> tuple[Check, ...]:
        """One line: there, gone, or why nobody knows."""
        fault, settled = self._fault, self._debounce.settled
        if fault is not None:
            return (Check("mains", "warn", fault.code, fault.args_, f"sitebox help {fault.code}"),)
        if settled is None or settled.on is None:
            return ()
        facts = {"source": str(self._kind)}
        if settled.on:
            return (Check("mains", "ok", "SBX-PWR-007", facts),)
        return (Check("mains", "warn", "SBX-PWR-005", facts, "sitebox alarms"),)

    def _look(self) -> bool | None:
        before = self._fault
        try:
            on = self._source.read()
        except MainsUnknownError as error:
            self._fault = error
            if before is None or before.code != error.code:
                self._report(Outcome(False, error.code, error.args_))
            return None
        self._fault = None
        return on
