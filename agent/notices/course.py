"""When a command runs, and of what it tells: the pure core of ``command``. Bounded in every direction.

::

    change --> waiting (at most WAITING) --turn--> run, one after another, at most so many an hour
                   |
                   +-- more waiting than runs left: the newest is told of, the others only counted ("held")

The newest change is never lost, so a siren ends in the right state: each document says how many alarms are
up. All times are mono ms.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from agent.notices import Document
from agent.notices.board import Board

HOUR_MS: Final = 3_600_000
WAITING: Final = 16


class Course:
    """Mutable, of one owner. ``most``: runs that may begin within an hour."""

    def __init__(self, board: Board, most: int) -> None:
        self._board = board
        self._most = most
        self._waiting: deque[Document] = deque()
        self._overflow = 0  # changes pushed out of the queue
        self._begun: deque[int] = deque()
        self.held = 0  # changes that no run of their own told of, since start

    @property
    def waiting(self) -> int:
        """Changes that no run has told of yet."""
        return len(self._waiting) + self._overflow

    def take(self, document: Document) -> None:
        """A change of an alarm; one of other levels is left out."""
        if not self._board.take(document):
            return
        self._waiting.append(document)
        if len(self._waiting) > WAITING:
            self._waiting.popleft()
            self._overflow += 1

    def turn(self, now_ms: int) -> Document | None:
        """What to run now, None for nothing; the caller runs it to its end before it asks again."""
        left = self._left(now_ms)
        if not self._waiting or left < 1:
            return None
        held, self._overflow = self._overflow, 0
        merge = held > 0 or len(self._waiting) > left
        while len(self._waiting) > 1 and (merge or self._waiting[0]["again"]):  # of a start one run tells all
            self._waiting.popleft()
            held += 1
        self._begun.append(now_ms)
        self.held += held
        return {**self._waiting.popleft(), "held": held, "up": self._board.counts()}

    def due(self, now_ms: int) -> int | None:
        """When ``turn`` will give something without a further change, None for never."""
        if not self._waiting:
            return None
        return now_ms if self._left(now_ms) > 0 else self._begun[0] + HOUR_MS

    def _left(self, now_ms: int) -> int:
        while self._begun and now_ms - self._begun[0] >= HOUR_MS:
            self._begun.popleft()
        return self._most - len(self._begun)
