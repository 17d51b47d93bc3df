"""The newest event records of a DL/T 645-2007 meter: what its counters counted.

::

    counter 03300D00   ->  records 03300D01 newest .. 0A         033000, 033001, 033004, 03300E, 031100 alike
    counter 03040000   ->  records 030401nn, 030402nn, 030403nn  of phase A, B, C; 030E alike

As many as wanted, ten at most; the list moves on when something happens meanwhile, and then gives a record
once more. A record begins at its first time; one without a sound one is not told, for nothing would name it.
A counter whose records have no documented shape is asked for none.

Sources: as drivers/dlt645/event.py.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from datetime import datetime
from typing import Final

from config.profile import DltItem
from drivers.dlt645.asking import Asking, LineFailedError
from drivers.dlt645.item import lookup
from drivers.dlt645.layout import Layout
from drivers.dlt645.named import Named, take_fields
from drivers.exchange import Answer, Exchange, MeterSpec, Recall
from drivers.memory import Happened, TellEvent

MOST: Final = 10  # nn of the newest is 01, of the oldest 0A
_EVENTS: Final = "03"  # DI3
_PAIR: Final = 2  # each phase has a count and its minutes


def events(spec: MeterSpec, counts: Mapping[str, int], tell: TellEvent) -> Recall:
    """The ``counts`` newest records of each counter."""
    asking = Asking(spec)
    try:
        for item in spec.profile.dlt:
            yield from _newest(asking, item, counts.get(item.quantity, 0), tell)
    except LineFailedError:
        return "interrupted"
    return "done"


def _newest(asking: Asking, item: DltItem, wanted: int, tell: TellEvent) -> Generator[Exchange, Answer, None]:
    told = set[datetime]()
    for nn in range(1, MOST + 1):
        if wanted <= 0:
            return
        di = _record(item, nn)
        layout = None if di is None else lookup(di)
        if di is None or layout is None:
            return
        data = yield from asking.fetch(di, sum(field.size for field in layout.fields))
        if not isinstance(data, bytes):
            return
        happened = _happened(item.quantity, layout, data)
        if happened is not None and happened.begin in told:
            continue  # the list moved on by one meanwhile
        wanted -= 1
        if happened is not None:
            told.add(happened.begin)
            tell(happened)


def _record(item: DltItem, nn: int) -> str | None:
    """The DI of a record of what an item counts."""
    if not item.di.startswith(_EVENTS):
        return None
    if item.of == 1:
        return f"{item.di[:6]}{nn:02X}"
    return f"{item.di[:4]}{(item.nth + 1) // _PAIR:02X}{nn:02X}"


def _happened(counter: str, layout: Layout, data: bytes) -> Happened | None:
    if layout.count(len(data)) != len(layout.fields):
        return None
    named = take_fields(layout.fields, data)
    times = [_moment(one) for one in named if one.kind == "time"]
    if not times or times[0] is None:
        return None
    facts = {one.name: f"{one.value} {one.unit}".strip() for one in named if one.value and one.kind != "time"}
    return Happened(counter, times[0], times[1] if len(times) > 1 else None, facts)


def _moment(named: Named) -> datetime | None:
    """Hour 24, which some meters show at midnight, names no moment that is sure."""
    try:
        return None if named.value is None else datetime.fromisoformat(named.value)
    except ValueError:
        return None
