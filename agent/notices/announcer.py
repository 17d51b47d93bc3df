"""Passes each alarm record on to those who warn the plant: notices, and uplinks with levels.

Called by the recorder's thread, so it does nothing that could wait: words are filled in, queues are filled.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from agent.notices import Document
from agent.notices.document import Plant, document


class Listener(Protocol):
    """A notice or an uplink."""

    def tell(self, document: Document) -> None:
        """An alarm changed. Must not wait."""


class Announcer:
    """``up``: the alarms that were up before this start, as rows of ``status.alarm_row``; the listeners are
    told of them at once, so that a LED is right before the first reading."""

    def __init__(
        self, plant: Plant, listeners: Sequence[Listener], up: Iterable[Mapping[str, Any]] = ()
    ) -> None:
        self._plant = plant
        self._listeners = tuple(listeners)
        for row in up:
            record = {**row, "state": "raised", "i": row["record"]}
            self._tell(document(record, plant, again=True))

    def __call__(self, record: Mapping[str, Any]) -> None:
        """An alarm record as it was appended, with its number ``i``."""
        if self._listeners:
            self._tell(document(record, self._plant))

    def _tell(self, found: Document) -> None:
        for listener in self._listeners:
            listener.tell(found)
