"""Holes in a meter's energy register: found when they end, and closed from what the meter stored. Pure.

::

    ep_imp 120.00 kWh ...... no reading ...... ep_imp 134.50 kWh     gap: total 14.50
               e1 123.00   e2 126.10   e3 133.90                     stored 10.90, rest 3.60, closes

Register values add up by themselves; what can be wrong is their order. So a gap *closes* when no value,
stored or live, is lower than the one before it; ``rest`` is the energy at its two ends that no stored value
places.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any, Final

from drivers.memory import Source

REGISTER: Final = "ep_imp"
MOST_BACK_MS: Final = 31 * 86_400_000  # no meter is asked for more
Key = tuple[Source, datetime]


@dataclass(frozen=True, slots=True)
class Mark:
    """A good reading of the register: record ``i``, at ``mono_ms`` of boot ``boot_id`` of the machine."""

    i: int
    utc_ms: int
    mono_ms: int
    boot_id: str
    energy: Decimal

    def until_ms(self, later: Mark) -> int:
        """Time between two marks: by the monotonic clock within a boot of the machine, else by the wall. A
        wall clock that went back says nothing: then it counts as long, and the meter's own clock tells."""
        if self.boot_id == later.boot_id:
            return later.mono_ms - self.mono_ms
        between_ms = later.utc_ms - self.utc_ms
        return between_ms if between_ms >= 0 else MOST_BACK_MS


@dataclass(frozen=True, slots=True)
class Gap:
    """A hole between two marks; ``have``: what the meter's memory gave of it, and its register then;
    ``lacks``: where in its memory it was found to keep nothing."""

    meter: str
    begin: Mark
    end: Mark
    have: Mapping[Key, Decimal | None] = field(default_factory=dict)
    lacks: frozenset[Source] = frozenset()

    @property
    def number(self) -> int:
        """Its name for life: the record before it."""
        return self.begin.i

    @property
    def hours(self) -> str:
        """How long, for people."""
        length_ms = self.begin.until_ms(self.end)
        return "?" if length_ms == MOST_BACK_MS else f"{length_ms / 3_600_000:.1f}"

    def opened(self) -> dict[str, object]:
        """The fields of its ``meter-event``."""
        return {
            "m": self.meter,
            "what": "gap",
            "name": REGISTER,
            "from_i": self.begin.i,
            "from_t": self.begin.utc_ms,
            "to_i": self.end.i,
            "to_t": self.end.utc_ms,
            "old": f"{self.begin.energy:f}",
            "new": f"{self.end.energy:f}",
        }

    def filled(self, ended: str) -> dict[str, object]:
        """The fields of the ``meter-event`` that closes it. ``ended``: "done", "no memory" or "given up"."""
        stored = [value for _, value in sorted(self.have.items(), key=_moment) if value is not None]
        total = self.end.energy - self.begin.energy
        placed = stored[-1] - stored[0] if stored else Decimal(0)
        series = [self.begin.energy, *stored, self.end.energy]
        counts = {
            source: sum(key[0] == source for key in self.have) for source in ("load", "hourly", "daily")
        }
        return {
            "m": self.meter,
            "what": "filled",
            "from_i": self.begin.i,
            "ended": ended,
            **counts,
            "total": f"{total:f}",
            "stored": f"{placed:f}",
            "rest": f"{total - placed:f}",
            "closes": all(before <= after for before, after in pairwise(series)),
        }


def _moment(item: tuple[Key, Decimal | None]) -> datetime:
    return item[0][1]


def dump(gap: Gap) -> dict[str, Any]:
    """As a logbook document."""
    return {
        "m": gap.meter,
        "begin": _dump_mark(gap.begin),
        "end": _dump_mark(gap.end),
        "have": [
            [source, at.isoformat(" ", "minutes"), None if value is None else f"{value:f}"]
            for (source, at), value in gap.have.items()
        ],
        "lacks": sorted(gap.lacks),
    }


def load(document: Mapping[str, Any]) -> Gap:
    """From a logbook document. Raises KeyError, TypeError, ValueError, ArithmeticError for any other."""
    have: dict[Key, Decimal | None] = {
        (source, datetime.fromisoformat(at)): None if value is None else Decimal(value)
        for source, at, value in document["have"]
    }
    lacks = frozenset[Source](document.get("lacks", ()))
    return Gap(document["m"], _load_mark(document["begin"]), _load_mark(document["end"]), have, lacks)


def _dump_mark(mark: Mark) -> Sequence[Any]:
    return [mark.i, mark.utc_ms, mark.mono_ms, mark.boot_id, f"{mark.energy:f}"]


def _load_mark(parts: Sequence[Any]) -> Mark:
    i, utc_ms, mono_ms, boot_id, energy = parts
    return Mark(int(i), int(utc_ms), int(mono_ms), str(boot_id), Decimal(energy))
