"""What a meter keeps of itself, and its clock: questions beside the polls. Types only; no IO, no clock.

::

    recall(spec, span, tell)   yields exchanges, tells each stored record, returns how it ended
    clock(spec)                yields exchanges, returns the meter's date and time
    events(spec, counts, tell) yields exchanges, tells the newest event records, returns how it ended

All times here are the meter's own: naive, as it shows them. What a driver's meters do not keep it does not
offer: `Driver.recall`, `Driver.clock` and `Driver.events` give None.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from drivers.samples import Sample

Source = Literal["load", "hourly", "daily"]  # load records, hourly freezes, daily freezes
Ended = Literal["done", "interrupted"]  # "interrupted": the line failed; asking again goes on from there


@dataclass(frozen=True, slots=True)
class Stored:
    """What the meter stored at one moment ``at`` of its own clock."""

    source: Source
    at: datetime
    samples: tuple[Sample, ...]


@dataclass(frozen=True, slots=True)
class Span:
    """From ``begin`` to ``end``, both within, on the meter's clock. ``have``: what is known of it already,
    and is neither asked for nor told again. ``lacks``: sources that are not asked for."""

    begin: datetime
    end: datetime
    have: frozenset[tuple[Source, datetime]] = frozenset()
    lacks: frozenset[Source] = frozenset()


@dataclass(frozen=True, slots=True)
class Nothing:
    """The meter was found to keep nothing of a source, or not to give it."""

    source: Source


@dataclass(frozen=True, slots=True)
class Happened:
    """An event record of a meter, by the counter that counted it. ``end``: when it was over, or what its
    clock showed then, where the record says so. ``facts``: what else it says, as people read it."""

    counter: str
    begin: datetime
    end: datetime | None
    facts: Mapping[str, str]


Tell = Callable[[Stored | Nothing], None]
TellEvent = Callable[[Happened], None]
