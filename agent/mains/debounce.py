"""A state counts when it has stayed for a while. Pure; "unknown" is a state like the others.

>>> held = Debounce(2_000)
>>> [held.take(on, ms) for on, ms in ((True, 0), (True, 1_000))]
[None, None]
>>> held.take(True, 2_000)
Settled(on=True, since_ms=0)
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Settled:
    """What counts from now on, and since when it was seen (mono ms). None is unknown."""

    on: bool | None
    since_ms: int


class Debounce:
    """Nothing counts at first, so what is there at a start is a change as well."""

    def __init__(self, hold_ms: int) -> None:
        self._hold_ms = hold_ms
        self._seen: Settled | None = None
        self.settled: Settled | None = None

    def take(self, on: bool | None, now_ms: int) -> Settled | None:
        """A look at the source; the new state when it has just stayed long enough."""
        if self._seen is None or self._seen.on is not on:
            self._seen = Settled(on, now_ms)
        if self.settled is not None and self.settled.on is on:
            return None
        if now_ms - self._seen.since_ms < self._hold_ms:
            return None
        self.settled = self._seen
        return self.settled
