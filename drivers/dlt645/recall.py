"""What a DL/T 645-2007 meter stored of itself in a span of its own time, best first.

::

    load records   06000001 N time    oldest first, up to 5 a question; refused: energy alone, 06040001
    hourly         0504FFnn           newest first; refused: 050400nn time, 050401nn energy, time again
    daily          050600nn 050601nn  time, energy, time again: the list shifts at midnight

Freezes are asked for only where no better record lies within half their step. Whatever is live under a DI
keeps its quantity, ratio and scale here; what the profile does not read live is not taken. Bounded by the
span and by the lists' ends. A question is asked as `Asking` does it: where the first one of a source is
declined, the next source is asked, and a line that fails ends the recall as "interrupted".

Sources: DL/T 645-2007 annex B (load records, request with count and time), its freezes and their supplement,
as in drivers/dlt645/load.py and freeze.py; at most 5 records a question: terminals seen in the field.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from config.profile import DltItem
from drivers.dlt645 import freeze, load
from drivers.dlt645.asking import TRIES, Asking, LineFailedError
from drivers.dlt645.fetch import DECLINED, Outcome
from drivers.dlt645.format import take, take_clock
from drivers.dlt645.freeze import Freeze
from drivers.dlt645.named import Named, take_fields
from drivers.exchange import Answer, Exchange, MeterSpec, Recall
from drivers.memory import Nothing, Source, Span, Stored, Tell
from drivers.samples import Quality, Sample
from drivers.scaling import factor, scaled

MOST_RECORDS: Final = 5  # of one question; some meters garble longer replies
USUAL_STEP: Final = timedelta(minutes=15)  # where the meter does not say how often it stores
LEAST_STEP: Final = timedelta(minutes=15)  # of long spans: more of it is not asked for
LONG: Final = timedelta(days=2)
RECORD_BYTES: Final = 103  # all six classes
_ENERGY_BYTES: Final = 4
HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)
_MODE: Final = "04000901"  # load record mode: a bit a class; 04000A02 to 07: the minutes of each
_ALL, _ENERGY = "06000001", "06040001"
_STORES: Final = 0x0F  # U/I/f, P/Q, PF, energy: what a profile may read live
_ENERGY_BIT: Final = 0x08
_ENERGY_CLASS: Final = 4
_TIME: Final = "mm hh DD MM YY"
_HOURLY: Final = (0x04, HOUR)  # kind of freeze, its step
_DAILY: Final = (0x06, DAY)
_MOST_FREEZES: Final = 0xFE  # DI0 FF means all of them


def recall(spec: MeterSpec, span: Span, tell: Tell) -> Recall:
    """See the module."""
    memory = _Memory(spec, span, tell)
    try:
        yield from memory.load()
        yield from memory.walk("hourly", *_HOURLY)
        yield from memory.walk("daily", *_DAILY)
    except LineFailedError:
        return "interrupted"
    return "done"


@dataclass(slots=True)
class _Memory:
    """One recall under way; ``times``: the moments that are known, whatever their source."""

    spec: MeterSpec
    span: Span
    tell: Tell
    asking: Asking = field(init=False)
    items: dict[str, DltItem] = field(init=False)
    times: set[datetime] = field(init=False)
    told: set[tuple[Source, datetime]] = field(init=False)

    def __post_init__(self) -> None:
        self.asking = Asking(self.spec)
        self.items = {item.di.upper(): item for item in self.spec.profile.dlt}
        self.times = {at for _, at in self.span.have}
        self.told = set(self.span.have)

    def load(self) -> Generator[Exchange, Answer, None]:
        """Load records, oldest first. One chunk that is declined behind answers is left out."""
        if "load" in self.span.lacks:
            return
        mode = yield from self.asking.fetch(_MODE, 1)
        if isinstance(mode, bytes) and len(mode) == 1 and not mode[0] & _STORES:
            return
        step = yield from self._step(mode)
        at, di, heard = _up(self.span.begin, step), _ALL, False
        while at <= self.span.end:
            if ("load", at) in self.span.have:
                at += step
                continue
            count = min(MOST_RECORDS, (self.span.end - at) // step + 1)
            outcome = yield from self.asking.fetch(di, RECORD_BYTES * count, _which(count, at))
            if outcome in DECLINED and not heard:
                if di == _ENERGY:
                    self.tell(Nothing("load"))
                    return
                di = _ENERGY
                continue
            heard = isinstance(outcome, bytes)
            last = self._take_load(di, at, outcome)
            at = at + count * step if last is None else last + step

    def walk(self, source: Source, kind: int, step: timedelta) -> Generator[Exchange, Answer, None]:
        """A list of freezes, newest first, as far back as one is missing."""
        wanted = self._missing(step)
        if not wanted or source in self.span.lacks:
            return
        read = self._whole if source == "hourly" else self._pair
        for nn in range(1, _MOST_FREEZES + 1):
            frozen = yield from read(kind, nn)
            if frozen is None and nn == 1 and read == self._whole:
                read = self._pair
                frozen = yield from read(kind, nn)
            if frozen is None and nn == 1:
                self.tell(Nothing(source))
            at = None if frozen is None or frozen.time is None else _moment(frozen.time)
            if frozen is None or at is None or at < min(wanted):
                return
            if at in wanted:
                self._put(source, at, frozen.energies)

    def _step(self, mode: Outcome) -> Generator[Exchange, Answer, timedelta]:
        """How often the meter stores energy, or else the first class that it stores."""
        bits = mode[0] if isinstance(mode, bytes) and len(mode) == 1 else _ENERGY_BIT
        first = _ENERGY_CLASS if bits & _ENERGY_BIT else (bits & -bits).bit_length()
        outcome = yield from self.asking.fetch(f"04000A{first + 1:02X}", 2)
        minutes = take(outcome, "XXXX").value if isinstance(outcome, bytes) and len(outcome) == 2 else None
        step = timedelta(minutes=int(minutes)) if minutes else USUAL_STEP
        long = self.span.end - self.span.begin > LONG and step < LEAST_STEP
        return step * -(-LEAST_STEP // step) if long else step

    def _take_load(self, di: str, since: datetime, outcome: Outcome) -> datetime | None:
        """Tell the sound records of a reply; gives the last moment that it reached."""
        last = None
        for record in load.parse(di, outcome).records if isinstance(outcome, bytes) else ():
            at = _moment(record.time) if record.time is not None else None
            if record.quality is not Quality.GOOD or at is None or not since <= at <= self.span.end:
                continue
            named = {load.LIVE[one.name]: one for one in record.items if one.name in load.LIVE}
            self._put("load", at, named)
            last = at if last is None else max(last, at)
        return last

    def _put(self, source: Source, at: datetime, named: Mapping[str, Named]) -> None:
        """Tell a record once, in the profile's quantities; one without any of them says nothing."""
        samples = tuple(self._sample(item, named[di]) for di, item in self.items.items() if di in named)
        self.times.add(at)
        if samples and (source, at) not in self.told:
            self.told.add((source, at))
            self.tell(Stored(source, at, samples))

    def _sample(self, item: DltItem, named: Named) -> Sample:
        if named.value is None:
            return Sample(item.quantity, None, named.quality)
        value = scaled(Decimal(named.value), factor(item, self.spec.meter))
        return Sample(item.quantity, value, Quality.GOOD)

    def _missing(self, step: timedelta) -> frozenset[datetime]:
        """The whole hours, or days, of the span with nothing known within half a step."""
        at, found = _up(self.span.begin, step), set[datetime]()
        known = sorted(self.times)
        while at <= self.span.end:
            near = bisect_left(known, at - step / 2)
            if near == len(known) or known[near] > at + step / 2:
                found.add(at)
            at += step
        return frozenset(found)

    def _whole(self, kind: int, nn: int) -> Generator[Exchange, Answer, Freeze | None]:
        """All parts of one freeze at once; None if the meter has no such set, or none so old."""
        di = f"05{kind:02X}FF{nn:02X}"
        outcome = yield from self.asking.fetch(di, 5 + 2 * _ENERGY_BYTES)
        return freeze.energies(di, outcome) if isinstance(outcome, bytes) else None

    def _pair(self, kind: int, nn: int) -> Generator[Exchange, Answer, Freeze | None]:
        """Time, energy and time again: only between two equal times the energy belongs to it."""
        when, what = f"05{kind:02X}00{nn:02X}", f"05{kind:02X}01{nn:02X}"
        before = yield from self._time(when)
        for _ in range(TRIES):
            if before is None:
                return None
            outcome = yield from self.asking.fetch(what, _ENERGY_BYTES)
            after = yield from self._time(when)
            if before == after:
                found = _total(what, outcome) if isinstance(outcome, bytes) else None
                return Freeze(before, {} if found is None else {"00010000": found})
            before = after
        return None

    def _time(self, di: str) -> Generator[Exchange, Answer, str | None]:
        outcome = yield from self.asking.fetch(di, len(_TIME.split()))
        return take_clock(outcome, _TIME)[0] if isinstance(outcome, bytes) else None


def _total(di: str, data: bytes) -> Named | None:
    """The total of an energy with its tariffs."""
    layout = freeze.layout(di)
    if layout is None or layout.count(len(data)) is None:
        return None
    return take_fields(layout.fields[:1], data)[0]


def _which(count: int, at: datetime) -> bytes:
    """How many load records from when: N in BCD, then minute, hour, day, month, year."""
    return bytes((count,)) + bytes.fromhex(f"{at:%M%H%d%m%y}")


def _up(at: datetime, step: timedelta) -> datetime:
    """The first whole step of the day at or behind ``at``."""
    midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + -(-(at - midnight) // step) * step


def _moment(text: str) -> datetime | None:
    """``YYYY-MM-DD hh:mm``; the hour 24 is the next day's 0."""
    day, _, clock = text.partition(" ")
    later = clock.startswith("24:")
    try:
        at = datetime.fromisoformat(f"{day} {'00' + clock[2:] if later else clock}")
    except ValueError:
        return None
    return at + DAY if later else at
