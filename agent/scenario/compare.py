"""Expected against actual: each expected change is matched with one that happened, nothing may be left over.

Same verb and key, within the tolerance, and what the line says of level, code, fault and declaration. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from agent.scenario.model import Expected, Happened

_SAID = ("level", "code", "fault", "declared")


@dataclass(frozen=True, slots=True)
class Row:
    """One of both is None where the other side has nothing to match it."""

    expected: Expected | None
    actual: Happened | None

    @property
    def agrees(self) -> bool:
        """Whether both are there: a pair is only made of what agrees."""
        return self.expected is not None and self.actual is not None

    @property
    def at_ms(self) -> int:
        """Where it stands in the order of things."""
        one = self.actual or self.expected
        assert one is not None, "a row has at least one side"
        return one.at_ms


def compare(expected: Iterable[Expected], actual: Iterable[Happened]) -> tuple[Row, ...]:
    """All rows, in time. Of several that would do, the earliest is taken: for lines of one tolerance no other
    choice matches more."""
    left = list(actual)
    rows = []
    for line in sorted(expected, key=lambda one: one.at_ms + one.within_ms):
        match = next((one for one in left if _fits(line, one)), None)
        if match is not None:
            left.remove(match)
        rows.append(Row(line, match))
    rows += [Row(None, one) for one in left]
    return tuple(sorted(rows, key=lambda row: row.at_ms))


def _fits(line: Expected, one: Happened) -> bool:
    if (line.verb, line.key) != (one.verb, one.key) or abs(line.at_ms - one.at_ms) > line.within_ms:
        return False
    return all(getattr(line, name) in ("", getattr(one, name)) for name in _SAID)
