"""Questions to a meter beside its polls, as errands of its bus: what it stored in a gap, and its clock.

::

    recall   clock first, so that the gap is asked for in the meter's own time, then its memory
    clock    alone, once a day
    events   the newest event records behind counters that rose

What comes of them goes to the recorder through the inbox; each recall ends with exactly one `RecallEnded`,
events with one `EventsEnded`, however it ends. Runs on the thread of the bus.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, TypeVar

from agent.inbox import ClockShown, EventHeard, EventsEnded, NothingKept, Recalled, RecallEnded, Rise, Told
from agent.meters.clocks import Clocks, Shown
from agent.meters.gaps import MOST_BACK_MS, Gap, Mark
from drivers.errand import Errand
from drivers.exchange import Answer, Driver, Exchange, MeterSpec
from drivers.memory import Happened, Nothing, Span, Stored
from drivers.registry import drivers
from drivers.search import Ask
from drivers.wire import Manner

Asks = Generator[Ask, Answer, None]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class WantGap:
    """Ask for a gap. ``behind_ms``: the box's wall clock less its monotonic one; ``trusted``: whether that is
    to be believed; ``offset_ms``: the meter's last known one; ``boot_id`` of the machine as it runs."""

    gap: Gap
    clocks: Clocks
    behind_ms: int
    trusted: bool
    offset_ms: int
    boot_id: str

    @property
    def meter(self) -> str:
        """Who is asked."""
        return self.gap.meter


@dataclass(frozen=True, slots=True)
class WantClock:
    """Ask for a meter's date and time."""

    meter: str


@dataclass(frozen=True, slots=True)
class WantEvents:
    """Ask for the newest event records of counters that rose."""

    meter: str
    rises: tuple[Rise, ...]


Want = WantGap | WantClock | WantEvents


class Questions:
    """Makes errands for the meters of one bus: ``manner`` is how each is spoken to."""

    def __init__(
        self, specs: dict[str, MeterSpec], manner: Callable[[str], Manner], put: Callable[[Told], object]
    ) -> None:
        self._specs = specs
        self._manner = manner
        self._put = put

    def errand(self, want: Want) -> Errand:
        """The errand that asks."""
        one = _Question(self._specs[want.meter], self._manner(want.meter), self._put)
        one.errand = Errand(one.asks(want))
        return one.errand


class _Question:
    """One errand under way."""

    errand: Errand

    def __init__(self, spec: MeterSpec, manner: Manner, put: Callable[[Told], object]) -> None:
        self._spec = spec
        self._manner = manner
        self._put = put
        self._driver: Driver = drivers()[spec.meter.protocol]

    def asks(self, want: Want) -> Asks:
        """The question."""
        if isinstance(want, WantClock):
            return self.clock()
        return self.events(want) if isinstance(want, WantEvents) else self.recall(want)

    def clock(self) -> Asks:
        """Read the clock and say what it showed; a meter that gives none says nothing."""
        yield from self._clock()

    def recall(self, want: WantGap) -> Asks:
        """Ask for a gap."""
        meter, gap = self._spec.meter.id, want.gap.number
        ended: Literal["done", "interrupted", "no memory"] = "interrupted"
        try:
            shown = yield from self._clock()
            told = self._driver.recall(self._spec, span_of(want, shown), lambda one: self._tell(gap, one))
            ended = "no memory" if told is None else (yield from self._asks(told))
        finally:
            self._put(RecallEnded(meter, gap, ended))

    def events(self, want: WantEvents) -> Asks:
        """Ask for event records."""
        counts = {rise.name: rise.new - rise.old for rise in want.rises}
        ended: Literal["done", "interrupted", "no memory"] = "interrupted"
        try:
            told = self._driver.events(self._spec, counts, self._happened)
            ended = "no memory" if told is None else (yield from self._asks(told))
        finally:
            self._put(EventsEnded(want.meter, want.rises, ended))

    def _happened(self, happened: Happened) -> None:
        frames = self.errand.take_frames()
        self._put(EventHeard(self._spec.meter.id, happened, self.errand.answered_ms, frames))

    def _clock(self) -> Generator[Ask, Answer, Shown | None]:
        read = self._driver.clock(self._spec)
        at = None if read is None else (yield from self._asks(read))
        frames = self.errand.take_frames()
        sent = [frame.mono_ms for frame in frames if frame.way == ">"]
        heard = [frame.mono_ms for frame in frames if frame.way == "<"]
        if at is None or not sent or not heard:
            return None
        shown = Shown(self._spec.meter.id, at, sent[-1], heard[-1])
        self._put(ClockShown(shown))
        return shown

    def _tell(self, gap: int, told: Stored | Nothing) -> None:
        if isinstance(told, Nothing):
            self._put(NothingKept(self._spec.meter.id, gap, told.source))
            return
        frames = self.errand.take_frames()
        self._put(Recalled(self._spec.meter.id, gap, told, self.errand.answered_ms, frames))

    def _asks(self, exchanges: Generator[Exchange, Answer, T]) -> Generator[Ask, Answer, T]:
        try:
            exchange = next(exchanges)
            while True:
                answer = yield Ask(self._manner, exchange, follows=exchange.follows)
                exchange = exchanges.send(answer)
        except StopIteration as stop:
            value: T = stop.value
            return value


def span_of(want: WantGap, shown: Shown | None) -> Span:
    """The gap in the meter's own time: by its clock as just read and the monotonic clock where they reach,
    else by the box's time and the meter's last known offset."""
    gap, offset_ms = want.gap, want.offset_ms
    if shown is not None and want.trusted:
        offset_ms = want.clocks.offset_ms(shown, want.behind_ms)

    def at(mark: Mark) -> datetime:
        if shown is not None and mark.boot_id == want.boot_id:
            return shown.at + timedelta(milliseconds=mark.mono_ms - shown.mono_ms)
        return want.clocks.meter_time(mark.utc_ms, offset_ms)

    end = at(gap.end)
    begin = max(at(gap.begin), end - timedelta(milliseconds=MOST_BACK_MS))
    return Span(begin, end, frozenset(gap.have), gap.lacks)
