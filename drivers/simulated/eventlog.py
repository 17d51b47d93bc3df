"""The event records of a simulated DL/T 645-2007 meter: when each thing happened that its counters count.

Written from DL/T 645-2007 annex A.4 as quoted in public sources (bobyuxinyang/dlt645_2007), apart from the
client's decoders. Times are ss mm hh DD MM YY; what a record holds beside them is made up.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta

from drivers.simulated.items import bcd

_KEPT = 10
_LASTS = timedelta(minutes=1)
_OPERATOR = bytes((0x78, 0x56, 0x34, 0x12))
_ENERGY = bcd(123456, 4)


def _time(at: datetime) -> bytes:
    return bytes.fromhex(f"{at:%S%M%H%d%m%y}")


def _span(at: datetime) -> bytes:
    return _time(at) + _time(at + _LASTS)


def _programmed(at: datetime) -> bytes:
    return _time(at) + _OPERATOR + bytes.fromhex("06030004") + b"\xff" * 36


def _cleared(at: datetime) -> bytes:
    return _time(at) + _OPERATOR + _ENERGY * 24


def _set(at: datetime) -> bytes:
    return _OPERATOR + _span(at)


def _opened(at: datetime) -> bytes:
    return _span(at) + _ENERGY * 12


def _of_phases(at: datetime) -> bytes:
    """Totals, and of each phase four energies, U, I, P, Q, power factor."""
    phase = _ENERGY * 4 + bcd(2301, 2) + bcd(4321, 3) + bcd(9876, 3) + bcd(1234, 3) + bcd(987, 2)
    return _span(at) + _ENERGY * 4 + phase * 3


def _with_ampere_hours(at: datetime) -> bytes:
    return _of_phases(at) + _ENERGY * 4


_RECORDS: dict[str, Callable[[datetime], bytes]] = {  # by the counter's DI without its last byte
    "031100": _span,
    "033000": _programmed,
    "033001": _cleared,
    "033004": _set,
    "03300D": _opened,
    "03300E": _opened,
}
_OF_PHASES = {"0304": _with_ampere_hours, "030E": _of_phases}


class EventLog:
    """The newest ten of each counter, named as in `Facts645.counts`."""

    def __init__(self) -> None:
        self._times: dict[str, list[datetime]] = defaultdict(list)

    def happened(self, counter: str, at: datetime) -> None:
        """One more, by the meter's own clock."""
        self._times[counter] = [at, *self._times[counter]][:_KEPT]

    def data(self, di: str) -> bytes | None:
        """The record ``di``, 01 the newest; None: no such data."""
        nn, counter, make = int(di[6:], 16), f"{di[:6]}00", _RECORDS.get(di[:6])
        if make is None and di[:4] in _OF_PHASES and "1" <= di[5] <= "3" and di[4] == "0":
            counter, make = f"{di[:4]}0000.{'abc'[int(di[5]) - 1]}", _OF_PHASES[di[:4]]
        times = self._times[counter]
        return None if make is None or not 1 <= nn <= len(times) else make(times[nn - 1])
