"""Wall-clock chores on the ``schedule`` library, fenced.

A chore that raises is counted, reported and planned again as usual; it never starves the others
(``schedule`` alone would leave the pass and skip the rest). A clock step plans them all anew: ``schedule``
would otherwise sleep as long as the clock was set back. Nothing that measures time runs here (DESIGN 4).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import schedule

from agent.errors import AgentError
from buffer.errors import JournalError


@dataclass(frozen=True, slots=True)
class Chore:
    """``every_min`` minutes, at whole minutes of the wall clock; ``work`` takes nothing."""

    name: str
    every_min: int
    work: Callable[[], None]


class Chores:
    """Runs from the main thread; ``report`` is told of each chore that failed."""

    def __init__(self, chores: tuple[Chore, ...], report: Callable[[str, str], None]) -> None:
        self._chores = chores
        self._report = report
        self._scheduler = schedule.Scheduler()
        self.replan()

    def replan(self) -> None:
        """Plan everything anew from the present wall clock: at start and after each clock step."""
        self._scheduler.clear()
        for chore in self._chores:
            self._scheduler.every(chore.every_min).minutes.at(":00").do(self._fenced, chore)

    def step(self) -> None:
        """Run what is due."""
        self._scheduler.run_pending()

    def _fenced(self, chore: Chore) -> None:
        try:
            chore.work()
        except (OSError, ValueError, JournalError, AgentError) as error:
            self._report(chore.name, f"{type(error).__name__}: {error}")
