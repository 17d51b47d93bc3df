"""Doubling waits after failures: for a port that is gone and for a meter that is silent. Pure.

>>> tried = Backoff(first_ms=1000, most_ms=30_000)
>>> [(tried := tried.failed(0)).until_ms for _ in range(7)]
[1000, 2000, 4000, 8000, 16000, 30000, 30000]
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

_DOUBLINGS: Final = 16  # enough for any ratio of most_ms to first_ms; keeps the number small


@dataclass(frozen=True, slots=True)
class Backoff:
    """How often something failed in a row and until when it is left alone (mono ms).

    ``active``: it failed often enough for that."""

    first_ms: int
    most_ms: int
    after: int = 1  # failures in a row before anything is left alone
    failures: int = 0
    until_ms: int = 0
    active: bool = False

    def failed(self, now_ms: int) -> Backoff:
        """One more failure, ``now_ms``."""
        failures = self.failures + 1
        if failures < self.after:
            return replace(self, failures=failures)
        wait = min(self.first_ms << min(failures - self.after, _DOUBLINGS), self.most_ms)
        return replace(self, failures=failures, until_ms=now_ms + wait, active=True)

    def good(self) -> Backoff:
        """It works: everything is forgotten."""
        return replace(self, failures=0, until_ms=0, active=False) if self.failures else self


PORT: Final = Backoff(first_ms=1_000, most_ms=30_000)  # 1, 2, 4 ... 30 s between attempts to open
METER: Final = Backoff(first_ms=10_000, most_ms=120_000, after=3)  # probes at 10, 20, 40 ... 120 s
