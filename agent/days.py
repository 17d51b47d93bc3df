"""The sums of a day, as the difference of the journal's birth-to-now sums.

The day is the plant's own; when it turns, the daybook says. The sums at its start are kept in the logbook, so
that a restart inside a day changes nothing; without them counting starts anew, and ``from_n`` says where.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from buffer.head import Head


class Kept(Protocol):
    """Where the start of the running day is kept: one small document."""

    def load(self) -> Mapping[str, Any] | None: ...

    def store(self, document: Mapping[str, Any]) -> None: ...


class Days:
    """``begin`` where nothing is kept yet; ``turn`` when a day is over."""

    def __init__(self, kept: Kept) -> None:
        self._kept = kept

    def begin(self, day: str, head: Head) -> None:
        """The first day of all."""
        if self._kept.load() is None:
            self._store(day, head)

    def turn(self, day: str, head: Head) -> dict[str, object]:
        """What the journal took in since the last turn; from now on it is ``day``. Nothing where the turn was
        kept already and only its record is missing."""
        begun = self._kept.load()
        self._store(day, head)
        if begun is None or begun["day"] == day:
            return {}
        names = ("reads_ok", "reads_failed", "alarms", "boots", "lost")
        pairs = zip(head.sums.values(), begun["sums"], strict=True)
        differences = [after - before for after, before in pairs]
        counted: dict[str, object] = dict(zip(names, differences, strict=True))
        counted["alarms_raised"] = counted.pop("alarms")
        return {"from_n": begun["n"] + 1, "to_n": head.n, **counted}

    def _store(self, day: str, head: Head) -> None:
        self._kept.store({"day": day, "n": head.n, "sums": list(head.sums.values())})
