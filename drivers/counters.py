"""What happened on a line, counted: per meter and for the line as a whole. No judgement, no clock.

The numbers explain faults on site: timeouts of one meter are its address or its wire, checksum errors of all
meters are the line's ends, echo is the adapter, foreign frames are a second master or a repeated address.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class Counters:
    """Since start. All numbers only grow."""

    good: int = 0  # exchanges that ended with their reply
    timeouts: int = 0  # exchanges that ended without one
    checksum: int = 0  # candidates with a wrong checksum
    foreign: int = 0  # sound frames that were not the awaited reply
    echo: int = 0  # our own requests heard
    refused: int = 0  # items that the meter declined
    dropped: int = 0  # bytes that belong to no frame
    doubted: int = 0  # values that could not be and were read again (drivers.plausible)

    def __add__(self, other: Counters) -> Counters:
        return Counters(
            self.good + other.good,
            self.timeouts + other.timeouts,
            self.checksum + other.checksum,
            self.foreign + other.foreign,
            self.echo + other.echo,
            self.refused + other.refused,
            self.dropped + other.dropped,
            self.doubted + other.doubted,
        )


NOTHING: Final = Counters()
GOOD: Final = Counters(good=1)  # the whole of an exchange that went well
TIMEOUT: Final = Counters(timeouts=1)


@dataclass(frozen=True, slots=True)
class BusCounters:
    """One bus: ``line`` is the sum of ``meters`` and of what belongs to none of them."""

    line: Counters
    meters: Mapping[str, Counters]
    reopen: int  # times the port was opened again after a fault


class Tally:
    """The running counts of one bus. Written by its owner thread; ``snapshot`` may be taken by any thread."""

    def __init__(self, meters: Iterable[str]) -> None:
        self._meters = {meter: Counters() for meter in meters}
        self._good = dict.fromkeys(self._meters, 0)  # exchanges that went well, as nearly all do
        self._stray = Counters()
        self._reopen = 0

    def add(self, meter: str | None, more: Counters) -> None:
        """Count for a meter; None: for the line alone."""
        if meter is None:
            self._stray += more
        elif more is GOOD:
            self._good[meter] += 1
        else:
            self._meters[meter] += more

    def reopened(self) -> None:
        """The port was opened again."""
        self._reopen += 1

    def snapshot(self) -> BusCounters:
        """The counts as they are now."""
        meters = {meter: one + Counters(good=self._good[meter]) for meter, one in self._meters.items()}
        line = self._stray
        for counters in meters.values():
            line += counters
        return BusCounters(line, MappingProxyType(meters), self._reopen)
