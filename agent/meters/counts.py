"""What a meter counted, and its own records of it.

::

    n_cover 2 ... 4   meter-event counted    its two newest records are asked for, in the line's free moments
    Happened, twice   meter-event happened   each start once, whoever asked for it
    the end           meter-event told       of how many; from here on it is not asked again

The first value ever, and the first behind another meter number, counts nothing. The state is the journal:
what was counted and never told is asked for again after a start, and each hour, for three days at most. A
meter that gave no record of a counter is not asked for that one's until the next day: each silence holds up
its polls.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from agent.inbox import EventHeard, EventsEnded, Rise
from agent.meters.recall import Want, WantEvents
from buffer.instant import Instant
from config.quantities import COUNTERS
from drivers.errand import Errand
from drivers.samples import PollResult

GIVE_UP_MS: Final = 3 * 86_400_000
LACKS_MS: Final = 86_400_000
_STARTS: Final = 32  # remembered of each counter: a meter keeps ten records
SERIAL: Final = "serial"
_WATCHED: Final = COUNTERS | {SERIAL}
Event = tuple[str, Mapping[str, object]]
Key = tuple[str, str]  # meter, counter


@dataclass(frozen=True, slots=True)
class Counted:
    """What a start finds: the last value of each counter, what was never told, and the records that were, by
    their starts, the last told first."""

    last: Mapping[str, Mapping[str, Decimal]] = field(default_factory=dict)
    open: Sequence[Rise] = ()
    starts: Mapping[Key, Sequence[datetime]] = field(default_factory=dict)


@dataclass(slots=True)
class _Open:
    """A rise whose records are wanted; ``records``: how many the meter gave this time."""

    rise: Rise
    since_ms: int
    records: int = 0


class Counts:
    """Part of the meters' book. ``ask``: hands a question to the bus of its meter."""

    def __init__(self, past: Counted, started_ms: int, ask: Callable[[Want], Errand | None]) -> None:
        self._last = dict(past.last)
        self._open = {(rise.meter, rise.name): _Open(rise, started_ms) for rise in past.open}
        self._starts = {key: deque(reversed(starts), maxlen=_STARTS) for key, starts in past.starts.items()}
        self._ask = ask
        self._errands: dict[str, Errand | None] = {}
        self._lacks: dict[Key, int] = {}  # until when it is not asked

    def seen(self, result: PollResult, i: int, at: Instant) -> Iterator[Event]:
        """A poll that became record ``i``."""
        values = {
            s.quantity: s.value for s in result.samples if s.quantity in _WATCHED and s.value is not None
        }
        if not values:
            return
        last = self._last.get(result.meter, {})
        if last.get(SERIAL, values.get(SERIAL)) != values.get(SERIAL, last.get(SERIAL)):
            last = {}  # another meter: its counters begin with what they are
        self._last[result.meter] = {**last, **values}
        rises = [
            Rise(result.meter, name, int(last[name]), int(value), i)
            for name, value in values.items()
            if name != SERIAL and value > last.get(name, value)
        ]
        for rise in rises:
            before = self._open.get((rise.meter, rise.name))
            one = _Open(rise, at.mono_ms)
            if before is not None:
                one = replace(before, rise=replace(rise, old=min(before.rise.old, rise.old)))
            self._open[rise.meter, rise.name] = one
            yield "meter-event", _counted(rise)
            if at.mono_ms < self._lacks.get((rise.meter, rise.name), 0):
                yield from self._close(one.rise, "no memory")
        if rises:
            self._ask_for(result.meter)

    def heard(self, item: EventHeard) -> Iterator[Event]:
        """A record of the meter's own."""
        one, happened = self._open.get((item.meter, item.happened.counter)), item.happened
        if one is not None:
            one.records += 1
        starts = self._starts.setdefault((item.meter, happened.counter), deque(maxlen=_STARTS))
        if happened.begin in starts:
            return
        starts.append(happened.begin)
        fields: dict[str, object] = {
            "m": item.meter,
            "what": "happened",
            "name": happened.counter,
            "mt": happened.begin.isoformat(" ", "seconds"),
            "facts": dict(happened.facts),
        }
        if happened.end is not None:
            fields["end_mt"] = happened.end.isoformat(" ", "seconds")
        yield "meter-event", fields

    def ended(self, item: EventsEnded, now: Instant) -> Iterator[Event]:
        """The meter was asked for all of some rises, unless the line failed: then it is asked again."""
        if item.ended != "interrupted":
            for rise in item.rises:
                one = self._open.get((rise.meter, rise.name))
                if one is not None and not one.records:
                    self._lacks[rise.meter, rise.name] = now.mono_ms + LACKS_MS
                yield from self._close(rise, item.ended)

    def hourly(self, now: Instant) -> Iterator[Event]:
        """Ask again for what was interrupted; give old ones up."""
        for one in tuple(self._open.values()):
            if now.mono_ms - one.since_ms >= GIVE_UP_MS:
                yield from self._close(one.rise, "given up")
        for meter in {meter for meter, _ in self._open}:
            self._ask_for(meter)

    def _ask_for(self, meter: str) -> None:
        errand = self._errands.get(meter)
        if errand is not None and not errand.ended:
            return
        mine = [one for one in self._open.values() if one.rise.meter == meter]
        for one in mine:
            one.records = 0
        if mine:
            self._errands[meter] = self._ask(WantEvents(meter, tuple(one.rise for one in mine)))

    def _close(self, rise: Rise, ended: str) -> Iterator[Event]:
        one = self._open.get((rise.meter, rise.name))
        if one is None:
            return
        if one.rise.i > rise.i:  # it rose again meanwhile
            one.rise = replace(one.rise, old=rise.new)
        else:
            del self._open[rise.meter, rise.name]
        yield "meter-event", {**_fields(rise, "told"), "to_i": rise.i, "ended": ended, "records": one.records}


def _fields(rise: Rise, what: str) -> dict[str, object]:
    return {"m": rise.meter, "what": what, "name": rise.name, "old": f"{rise.old}", "new": f"{rise.new}"}


def _counted(rise: Rise) -> Mapping[str, object]:
    return {**_fields(rise, "counted"), "since_i": rise.i}


@dataclass(slots=True)
class Look:
    """What the journal says of it, its records taken newest first."""

    _last: dict[str, dict[str, Decimal]] = field(default_factory=dict)
    _told: dict[Key, int] = field(default_factory=dict)
    _open: dict[Key, Rise] = field(default_factory=dict)
    _starts: dict[Key, list[datetime]] = field(default_factory=dict)

    def reading(self, record: Mapping[str, Any]) -> None:
        """A live reading."""
        for name in _WATCHED & record["v"].keys():
            self._last.setdefault(record["m"], {}).setdefault(name, Decimal(record["v"][name]))

    def event(self, record: Mapping[str, Any]) -> None:
        """A meter-event of any kind."""
        key = (record["m"], record.get("name", ""))
        if record["what"] == "happened":
            self._starts.setdefault(key, []).append(datetime.fromisoformat(record["mt"]))
        elif record["what"] == "told":
            self._told.setdefault(key, record["to_i"])
        elif record["what"] == "counted" and record["since_i"] > self._told.get(key, -1):
            newer = self._open.get(key)
            rise = Rise(*key, int(record["old"]), int(record["new"]), record["since_i"])
            self._open[key] = rise if newer is None else replace(newer, old=min(newer.old, rise.old))

    def found(self) -> Counted:
        """All of it."""
        starts = {key: found[:_STARTS] for key, found in self._starts.items()}
        return Counted(self._last, tuple(self._open.values()), starts)
