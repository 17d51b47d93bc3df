"""Coded events for people, not more than one a minute for each code: a flood of forgeries is one line.

Counts everything, forgets nothing but the details of repeats.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from agent.errors import AgentError

QUIET_MS: Final = 60_000


class Remarks:
    """``put`` is ``Hooks.on_event``; each event carries ``count``, how often it has happened so far."""

    def __init__(self, put: Callable[[str, Mapping[str, str]], None]) -> None:
        self._put = put
        self._counts: dict[str, int] = {}
        self._said_ms: dict[str, int] = {}

    def add(self, error: AgentError, now_ms: int) -> None:
        """Say it, or only count it."""
        code = error.code
        self._counts[code] = self._counts.get(code, 0) + 1
        said = self._said_ms.get(code)
        if said is None or now_ms - said >= QUIET_MS:
            self._said_ms[code] = now_ms
            self._put(code, MappingProxyType({**error.args_, "count": str(self._counts[code])}))

    @property
    def counts(self) -> Mapping[str, int]:
        """By code, since start."""
        return MappingProxyType(dict(self._counts))
