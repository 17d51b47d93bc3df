"""What a start finds of the meters: the last register of each, gaps still open, clocks as last measured.

The journal is the truth: gaps come from the logbook's pages, and what the journal's newest records say of
them counts on top. Without pages everything within `MOST_RECORDS` is found again. Reads only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from itertools import islice
from typing import Any, Final, Protocol, TypeVar

from agent.history import newest_first
from agent.meters import clocks, gaps
from agent.meters.book import Past
from agent.meters.clocks import Clocks, Offset
from agent.meters.counts import Look
from agent.meters.gaps import REGISTER, Gap, Mark
from agent.meters.ratios import Key as RatioKey
from agent.meters.ratios import Ratios, last_told
from buffer.block import is_live
from buffer.instant import Instant
from buffer.reader import JournalReader
from config.site import Meter, SiteConfig

MOST_RECORDS: Final = 50_000  # looked through at start: hours at least
Record = Mapping[str, Any]
T = TypeVar("T")


class Pages(Protocol):
    """The logbook's pages of gaps and clocks."""

    def gap_pages(self) -> Sequence[Mapping[str, Any]]:
        """The open gaps."""

    def clock_pages(self) -> Mapping[str, Mapping[str, Any]]:
        """The clocks, by meter."""


def past(
    reader: JournalReader, config: SiteConfig, ratios: frozenset[RatioKey], pages: Pages, now: Instant
) -> Past:
    """See the module. ``ratios``: those that the site's meters tell."""
    meters = {meter.id: meter for meter in config.meters}
    seen = _look(reader, meters, now)
    known = {(gap.meter, gap.number): gap for gap in _sound(gaps.load, pages.gap_pages())}
    all_open = seen.begun() | known
    limits = {meter.id: 1000 * meter.clock_limit_s for meter in config.meters}
    return Past(
        ratios=Ratios(last_told(reader, ratios)),
        clocks=Clocks(config.site.timezone, limits, dict(_clocks(pages)) | seen.clocks),
        marks=seen.marks,
        gaps=[
            seen.updated(gap)
            for name, gap in all_open.items()
            if name[0] in meters and name not in seen.filled
        ],
        counted=seen.counts.found(),
        started_ms=now.mono_ms,
    )


@dataclass(slots=True)
class _Seen:
    """What the newest records say."""

    newest: dict[str, Record] = field(default_factory=dict)  # with a register
    filled: set[tuple[str, int]] = field(default_factory=set)
    opened: list[Record] = field(default_factory=list)
    stored: list[Record] = field(default_factory=list)
    shown: dict[str, Record] = field(default_factory=dict)  # clocks
    counts: Look = field(default_factory=Look)
    ids: dict[int, str] = field(default_factory=dict)  # boot counter -> the machine's boot id

    def event(self, record: Record) -> None:
        """A meter-event, the newest first."""
        self.counts.event(record)
        if record["what"] == "filled":
            self.filled.add((record["m"], record["from_i"]))
        elif record["what"] == "gap":
            self.opened.append(record)
        elif record["what"] == "clock" and "offset_ms" in record:
            self.shown.setdefault(record["m"], record)

    def reading(self, record: Record) -> None:
        """A reading, the newest first."""
        if not is_live(record):
            self.stored.append(record)
            return
        self.counts.reading(record)
        if REGISTER in record["v"]:
            self.newest.setdefault(record["m"], record)

    @property
    def marks(self) -> dict[str, Mark]:
        """The last register of each meter."""
        return {meter: _mark(record, self.ids) for meter, record in self.newest.items()}

    @property
    def clocks(self) -> dict[str, Offset]:
        """The last offset of each meter."""
        return {meter: _offset(record, self.ids) for meter, record in self.shown.items()}

    def begun(self) -> dict[tuple[str, int], Gap]:
        """The gaps of these records: without their pages, if those are lost."""
        return {(record["m"], record["from_i"]): self._gap(record) for record in self.opened}

    def updated(self, gap: Gap) -> Gap:
        """With what was stored since its page was written."""
        mine = [one for one in self.stored if one["m"] == gap.meter and one["gap"] == gap.number]
        more = {(one["src"], datetime.fromisoformat(one["mt"])): _register(one) for one in mine}
        return replace(gap, have={**gap.have, **more})

    def _gap(self, record: Record) -> Gap:
        """From its record: without the marks themselves their boots are unknown, so the wall clock counts."""
        begin = Mark(record["from_i"], record["from_t"], 0, "", Decimal(record["old"]))
        boot_id = self.ids.get(record["boot"], "")
        end = Mark(record["to_i"], record["to_t"], record["mono"], boot_id, Decimal(record["new"]))
        return Gap(record["m"], begin, end)


def _look(reader: JournalReader, meters: Mapping[str, Meter], now: Instant) -> _Seen:
    seen = _Seen(ids={now.boot: now.boot_id})
    for record in islice(newest_first(reader), MOST_RECORDS):
        if record["k"] == "boot":
            seen.ids[record["boot"]] = record["id"]
        elif record.get("m") in meters and record["k"] == "meter-event":
            seen.event(record)
        elif record.get("m") in meters and record["k"] == "reading":
            seen.reading(record)
    return seen


def _offset(record: Record, ids: Mapping[int, str]) -> Offset:
    return Offset(
        offset_ms=record["offset_ms"],
        error_ms=record["error_ms"],
        utc_ms=record["t"],
        mono_ms=record["mono"],
        boot_id=ids.get(record["boot"], ""),
    )


def _mark(record: Record, ids: Mapping[int, str]) -> Mark:
    energy = Decimal(record["v"][REGISTER])
    return Mark(record["i"], record["t"], record["mono"], ids.get(record["boot"], ""), energy)


def _register(record: Record) -> Decimal | None:
    return Decimal(record["v"][REGISTER]) if REGISTER in record["v"] else None


def _clocks(pages: Pages) -> Iterator[tuple[str, Offset]]:
    for meter, page in pages.clock_pages().items():
        for offset in _sound(clocks.load, (page,)):
            yield meter, offset


def _sound(load: Callable[[Mapping[str, Any]], T], pages: Iterable[Mapping[str, Any]]) -> Iterator[T]:
    """Pages as values; one that cannot be understood counts as none, for the journal has it all."""
    for page in pages:
        try:
            yield load(page)
        except (KeyError, TypeError, ValueError, ArithmeticError):
            continue
