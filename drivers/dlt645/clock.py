"""Reads a meter's own clock; never sets one.

::

    0400010C   date and time together (supplement)    refused: 04000101 date, 04000102 time
    C010 date, C011 time                              edition of 1997

The last exchange is the one that brought the seconds, so that its times say when they were true. A date read
just before midnight and a time read just after it would be a day wrong: in the first minute of a day both are
read once more.

Sources: DL/T 645-2007 annex A.4 and its supplement, DL/T 645-1997 annex A, as in drivers/dlt645/item.py.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from drivers.dlt645.fetch import MeterLine
from drivers.dlt645.format import take_clock
from drivers.exchange import Answer, ClockRead, Exchange

_TOGETHER: Final = "ss mm hh WW DD MM YY"
_DATE: Final = "WW DD MM YY"
_TIME: Final = "ss mm hh"


@dataclass(frozen=True, slots=True)
class ClockItems:
    """Where an edition keeps its clock."""

    together: str | None
    date: str
    time: str


CLOCK_2007: Final = ClockItems("0400010C", "04000101", "04000102")
CLOCK_1997: Final = ClockItems(None, "C010", "C011")


def read_clock(line: MeterLine, items: ClockItems) -> ClockRead:
    """The meter's date and time to the second; None without a sound answer."""
    if items.together is not None:
        text = yield from _text(line, items.together, _TOGETHER)
        if text is not None:
            return _moment(text[:10], text[11:19])
    moment = yield from _apart(line, items)
    if moment is not None and (moment.hour, moment.minute) == (0, 0):
        moment = yield from _apart(line, items)
    return moment


def _apart(line: MeterLine, items: ClockItems) -> ClockRead:
    date = yield from _text(line, items.date, _DATE)
    if date is None:
        return None
    time = yield from _text(line, items.time, _TIME)
    return None if time is None else _moment(date[:10], time)


def _text(line: MeterLine, di: str, order: str) -> Generator[Exchange, Answer, str | None]:
    data = yield from line.fetch(di, len(order.split()))
    return take_clock(data, order)[0] if isinstance(data, bytes) else None


def _moment(date: str, time: str) -> datetime | None:
    """Hour 24, which some meters show at midnight, is no time to measure by."""
    try:
        return datetime.fromisoformat(f"{date} {time}")
    except ValueError:
        return None
