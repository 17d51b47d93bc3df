"""Which alarms are up, as notices see it, and what a LED shows for them. Pure; of one owner.

::

    raised, escalated, acknowledged --> up          cleared --> gone
    an alarm up: steady      only warnings up: blink      nothing: dark
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

from agent.notices import Document

Pattern = Literal["dark", "blink", "steady"]


class Board:
    """``levels``: alarms of other levels do not count. An alarm whose level changed counts with the
    new one."""

    def __init__(self, levels: Collection[str]) -> None:
        self._levels = frozenset(levels)
        self._up: dict[str, Document] = {}

    @property
    def up(self) -> tuple[Document, ...]:
        """The newest document of each alarm that is up, oldest first."""
        return tuple(self._up.values())

    def take(self, document: Document) -> bool:
        """A change; whether it is of this board's levels, or takes away what was of them."""
        alarm = document["alarm"]
        known = self._up.pop(alarm["id"], None)
        if alarm["level"] not in self._levels:
            return known is not None
        if alarm["state"] != "cleared":
            self._up[alarm["id"]] = document
        return True

    def counts(self) -> dict[str, int]:
        """How many alarms are up, by level."""
        found = {level: 0 for level in sorted(self._levels)}
        for document in self._up.values():
            found[document["alarm"]["level"]] += 1
        return found

    def pattern(self) -> Pattern:
        """What a LED shows."""
        counts = self.counts()
        if counts.get("alarm"):
            return "steady"
        return "blink" if counts.get("warning") else "dark"
