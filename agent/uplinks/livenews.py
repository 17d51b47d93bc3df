"""What an uplink with ``levels`` has to say at once: alarm changes, and on each connection what is up now.

::

    recorder --tell--> news (at most NEWS) --take--> published, QoS 1
    connected --------> "up": the ids, then each alarm that is up, marked "again"

A change that no connection took is not kept for the next one: that one begins with what is up, and an id that
is missing there has been cleared. The evidence goes its own way, in blocks. Thread-safe; never waits.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Collection
from typing import Any, Final

from agent.notices import Document
from agent.notices.board import Board

NEWS: Final = 256


class LiveNews:
    """``levels``: none means that there is never anything to say."""

    def __init__(self, levels: Collection[str]) -> None:
        self._wanted = bool(levels)
        self._board = Board(levels)
        self._news: deque[Document] = deque(maxlen=NEWS)
        self._overrun = False
        self._lock = threading.Lock()

    def tell(self, document: Document) -> bool:
        """A change of an alarm; whether there is something to say now."""
        with self._lock:
            if not self._board.take(document):
                return False
            self._overrun |= len(self._news) == NEWS
            self._news.append({**document, "up": self._board.counts()})
            return True

    def connected(self) -> tuple[Document, ...]:
        """The first words of a connection; what was waiting is in them."""
        with self._lock:
            self._news.clear()
            self._overrun = False
            return self._everything() if self._wanted else ()

    def take(self) -> tuple[Document, ...]:
        """What changed since; after an overrun everything that is up instead."""
        with self._lock:
            if self._overrun:
                self._overrun = False
                self._news.clear()
                return self._everything()
            found = tuple(self._news)
            self._news.clear()
            return found

    def _everything(self) -> tuple[Document, ...]:
        up, counts = self._board.up, self._board.counts()
        ids: dict[str, Any] = {
            "v": 1,
            "kind": "up",
            "ids": [document["alarm"]["id"] for document in up],
            "up": counts,
        }
        return (ids, *({**document, "again": True, "up": counts} for document in up))
