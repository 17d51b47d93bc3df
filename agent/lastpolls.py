"""The newest poll of each meter, as status shows it. Kept by the recorder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from drivers.samples import PollResult


@dataclass(frozen=True, slots=True)
class LastPoll:
    """``good_ms`` is the last poll with a value, ``values`` the newest value of each quantity."""

    mono_ms: int
    error: str | None
    good_ms: int | None
    values: Mapping[str, str]
    utc_ms: int


class LastPolls:
    """One `LastPoll` a meter."""

    def __init__(self) -> None:
        self._polls: dict[str, LastPoll] = {}

    def take(self, result: PollResult, utc_ms: int) -> None:
        """A poll ended; ``utc_ms``: when, by the wall clock."""
        before = self._polls.get(result.meter)
        values = dict(before.values) if before else {}
        values.update({s.quantity: f"{s.value:f}" for s in result.samples if s.value is not None})
        good_ms = result.mono_ms if result.error is None else before.good_ms if before else None
        self._polls[result.meter] = LastPoll(
            result.mono_ms, result.error, good_ms, MappingProxyType(values), utc_ms
        )

    def view(self) -> Mapping[str, LastPoll]:
        """As it is now; does not change any more."""
        return MappingProxyType(dict(self._polls))
