"""The plant's day end: what the daybook counted goes into the journal, signed and sent like every record.

Belongs to the recorder and runs in its thread. The summaries of a day stand together in a block of their own
beginning, so that ``prev_n`` can name the ones before without anybody scanning; what a full card does not
take is tried again each minute.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from agent.dayrecords import Fields, Known, first_row, remembered, rows
from agent.days import Days, Kept
from agent.rules.daycount import DayCount
from agent.supervision import Supervision
from buffer.errors import StoreFull
from buffer.instant import Instant
from buffer.journal import Journal
from config.site import SiteConfig

AGAIN_MS = 60_000


class Daily:
    """``step`` with every step of the recorder."""

    def __init__(self, journal: Journal, rules: Supervision, config: SiteConfig, kept: Kept) -> None:
        self._journal = journal
        self._rules = rules
        self._config = config
        self._days = Days(kept)
        self._begun = False
        self._rest: deque[Fields] = deque()  # what a full card did not take
        self._tried_ms: int | None = None

    def step(self, now: Instant) -> None:
        """Write the summaries of a day that is over."""
        book = self._rules.engine.daybook
        if book is None or book.today is None:
            return
        if not self._begun:
            self._begun = True
            self._days.begin(book.today.day, self._journal.head)
        over = self._rules.over(now)
        if not over and not self._rest:
            return
        if self._tried_ms is not None and now.mono_ms - self._tried_ms < AGAIN_MS:
            return
        try:
            self._append(now)
            for day in over:
                self._sum_up(day, now)
        except StoreFull:
            self._tried_ms = now.mono_ms
        else:
            self._tried_ms = None

    def _append(self, now: Instant) -> None:
        while self._rest:
            self._journal.append("summary", self._rest[0], now)
            self._rest.popleft()

    def _sum_up(self, day: DayCount, now: Instant) -> None:
        self._journal.seal(now)  # so that all of them stand behind one border
        head, engine = self._journal.head, self._rules.engine
        book = engine.daybook
        assert book is not None
        assert book.today is not None
        self._rules.blocked(head.n)
        cursors = {name: cursor.n for name, cursor in self._journal.cursors().items()}
        found = rows(day, self._config, Known(cursors, engine.baselines))
        sums = self._days.turn(book.today.day, head)
        self._rest += [first_row(day, sums, book.last_n, len(found)), *found]
        book.written(day.day, head.n + 1)
        engine.recall(remembered(engine.history, _plain(found), engine.zone))
        self._append(now)


def _plain(found: list[Fields]) -> list[dict[str, Any]]:
    return [dict(row) for row in found]
