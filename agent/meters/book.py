"""The meters' book: what the recorder keeps of each meter beside its readings, and what it has it asked.

Gives records to write, as (kind, fields), and never writes itself. A gap lives from the reading that ends it
to its ``filled``; until then its meter is asked, again after each interruption, for three days at most. Each
open gap has a page in the logbook, and the journal's records behind it are counted on top at start, so that
nothing is told twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol

from agent.inbox import ClockShown, EventHeard, EventsEnded, NothingKept, Recalled, RecallEnded, Told
from agent.meters import clocks, gaps
from agent.meters.clocks import Clocks, Shown
from agent.meters.counts import Counted, Counts
from agent.meters.gaps import REGISTER, Gap, Mark
from agent.meters.ratios import Ratios
from agent.meters.recall import Want, WantClock, WantGap
from buffer.instant import Instant
from config.site import Meter, SiteConfig
from drivers.errand import Errand
from drivers.samples import PollResult

Fields = Mapping[str, object]
Event = tuple[str, Fields]
GIVE_UP_MS: Final = 3 * 86_400_000


class Pages(Protocol):
    """The logbook's pages of gaps and clocks."""

    def keep_gaps(self, meter: str, documents: Sequence[Mapping[str, Any]]) -> None:
        """Write the page of a meter's open gaps."""

    def keep_clock(self, meter: str, document: Mapping[str, Any]) -> None:
        """Write what was last measured of a meter's clock."""


@dataclass(frozen=True, slots=True)
class Past:
    """What a start finds of the time before."""

    ratios: Ratios
    clocks: Clocks
    marks: Mapping[str, Mark] = field(default_factory=dict)
    gaps: Sequence[Gap] = ()
    counted: Counted = field(default_factory=Counted)
    started_ms: int = 0


@dataclass(slots=True)
class _Open:
    """A gap that its meter is asked for."""

    gap: Gap
    since_ms: int
    errand: Errand | None = None


class Book:
    """Belongs to the recorder. ``ask``: hands a question to the bus of its meter."""

    def __init__(
        self, config: SiteConfig, past: Past, pages: Pages, ask: Callable[[Want], Errand | None]
    ) -> None:
        self._meters: dict[str, Meter] = {meter.id: meter for meter in config.meters}
        self._ratios = past.ratios
        self._clocks = past.clocks
        self._marks = dict(past.marks)
        self._open = {(gap.meter, gap.number): _Open(gap, past.started_ms) for gap in past.gaps}
        self._counts = Counts(past.counted, past.started_ms, ask)
        self._pages = pages
        self._ask = ask

    def seen(self, result: PollResult, i: int | None, at: Instant) -> Iterator[Event]:
        """A poll that became record ``i`` (None: the card was full)."""
        for change in self._ratios.changes(result):
            yield "meter-event", change if i is None else {**change, "since_i": i}
        energy = next((s.value for s in result.samples if s.quantity == REGISTER), None)
        meter = self._meters.get(result.meter)
        if meter is None or i is None:
            return
        yield from self._counts.seen(result, i, at)
        if energy is not None:
            yield from self._register(meter, Mark(i, at.utc_ms, at.mono_ms, at.boot_id, energy), at)

    def _register(self, meter: Meter, mark: Mark, at: Instant) -> Iterator[Event]:
        """Its energy register was read."""
        before, self._marks[meter.id] = self._marks.get(meter.id), mark
        longest_ms = 1000 * max(meter.backfill_after_s, 2 * meter.slow_every_s)
        if before is None or not meter.backfill_after_s or before.until_ms(mark) <= longest_ms:
            return
        gap = Gap(meter.id, before, mark)
        one = self._open[meter.id, gap.number] = _Open(gap, at.mono_ms)
        yield "meter-event", gap.opened()
        self._keep(meter.id)
        self._ask_for(one, at)

    def told(self, item: Told, now: Instant) -> Iterator[Event]:
        """What came of a question."""
        if isinstance(item, Recalled):
            yield from self._recalled(item)
        elif isinstance(item, EventHeard):
            yield from self._counts.heard(item)
        elif isinstance(item, EventsEnded):
            yield from self._counts.ended(item, now)
        elif isinstance(item, NothingKept):
            self._nothing(item)
        elif isinstance(item, RecallEnded):
            if item.ended != "interrupted":
                yield from self._close(item.meter, item.gap, item.ended)
        else:
            yield from self._clock(item, now)

    def hourly(self, now: Instant) -> Iterator[Event]:
        """Ask for clocks that are due, and again for gaps that were interrupted; give old ones up."""
        for meter in self._meters:
            if self._clocks.due(meter, now):
                self._ask(WantClock(meter))
        yield from self._counts.hourly(now)
        for (meter, number), one in tuple(self._open.items()):
            if one.errand is not None and not one.errand.ended:
                continue
            if now.mono_ms - one.since_ms >= GIVE_UP_MS:
                yield from self._close(meter, number, "given up")
            else:
                self._ask_for(one, now)
        for meter in {meter for meter, _ in self._open}:
            self._keep(meter)

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """The open gaps."""
        return tuple(one.gap for one in self._open.values())

    @property
    def wrong_clocks(self) -> tuple[tuple[str, int], ...]:
        """Meters whose clock is beyond their limit, with its offset in ms."""
        last = self._clocks.last
        return tuple((meter, last[meter].offset_ms) for meter in sorted(last) if self._clocks.over(meter))

    def _recalled(self, item: Recalled) -> Iterator[Event]:
        one = self._open.get((item.meter, item.gap))
        key = (item.stored.source, item.stored.at)
        if one is None or key in one.gap.have:
            return
        energy = next((s.value for s in item.stored.samples if s.quantity == REGISTER), None)
        one.gap = replace(one.gap, have={**one.gap.have, key: energy})
        yield "reading", stored_fields(item)

    def _nothing(self, item: NothingKept) -> None:
        one = self._open.get((item.meter, item.gap))
        if one is not None and item.source not in one.gap.lacks:
            one.gap = replace(one.gap, lacks=one.gap.lacks | {item.source})
            self._keep(item.meter)

    def _clock(self, item: ClockShown, now: Instant) -> Iterator[Event]:
        if now.letter != "S":
            yield self._without_time(item.shown)
            return
        offset, events = self._clocks.measure(item.shown, now)
        self._pages.keep_clock(item.shown.meter, clocks.dump(offset))
        for event in events:
            yield "meter-event", event

    def _without_time(self, shown: Shown) -> Event:
        """The box has no time: the meter is its witness, or at least what it showed is on record."""
        seen = self._clocks.witness(shown)
        if seen is None:
            mt = shown.at.isoformat(" ", "seconds")
            return "meter-event", {"m": shown.meter, "what": "clock", "mt": mt, "at": shown.mono_ms}
        fields = {"source": f"meter {seen.meter}", "utc": seen.utc_ms, "error_ms": seen.error_ms}
        return "anchor", {**fields, "at": seen.mono_ms}

    def _ask_for(self, one: _Open, now: Instant) -> None:
        last = self._clocks.last.get(one.gap.meter)
        one.errand = self._ask(
            WantGap(
                gap=one.gap,
                clocks=self._clocks,
                behind_ms=now.utc_ms - now.mono_ms,
                trusted=now.letter == "S",
                offset_ms=0 if last is None else last.offset_ms,
                boot_id=now.boot_id,
            )
        )

    def _keep(self, meter: str) -> None:
        mine = [gaps.dump(one.gap) for (whose, _), one in sorted(self._open.items()) if whose == meter]
        self._pages.keep_gaps(meter, mine)

    def _close(self, meter: str, number: int, ended: str) -> Iterator[Event]:
        one = self._open.pop((meter, number), None)
        if one is None:
            return
        self._keep(meter)
        yield "meter-event", one.gap.filled(ended)


def stored_fields(item: Recalled) -> dict[str, object]:
    """The record of what a meter stored: a reading without a slot, with the meter's own time."""
    samples = item.stored.samples
    return {
        "m": item.meter,
        "src": item.stored.source,
        "gap": item.gap,
        "mt": item.stored.at.isoformat(" ", "minutes"),
        "v": {s.quantity: f"{s.value:f}" for s in samples if s.value is not None},
        "x": {s.quantity: s.quality.value for s in samples if s.value is None},
    }
