"""A small box for tests: journal, rules and recorder on a real folder, with a clock run by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from agent.inbox import Inbox
from agent.latches import Latches
from agent.meters.book import Book
from agent.meters.past import past
from agent.meters.recall import Want
from agent.orders.clerk import Clerk, Office
from agent.orders.opening import hash_of, reopened
from agent.recorder import Recorder
from agent.restore import restore
from buffer.instant import ClockLetter, Instant
from buffer.journal import Journal
from buffer.keys import Keys
from buffer.logbook import Logbook
from buffer.reader import JournalReader
from config.profile import RATIOS
from config.site import SiteConfig
from drivers.errand import Errand
from drivers.samples import PollError, PollResult, Quality, Sample

BOOT_ID = "5a" * 16
START_MS = 1_795_000_000_000


class Box:
    """``at(second)`` is the hand-run clock; one ``start`` is one life of the daemon."""

    def __init__(self, folder: Path, config: SiteConfig) -> None:
        self.folder = folder
        self.config = config
        self.boot = 0
        self.inbox = Inbox()
        self.down = True
        self.recorder: Recorder
        self.clerk: Clerk
        self.ask: Callable[[Want], Errand | None] = lambda want: None  # a box without meters
        self.letter: ClockLetter = "R"
        self._logbook: Logbook | None = None

    def at(self, second: float) -> Instant:
        """The instant so many seconds after the machine's start."""
        ms = int(second * 1000)
        return Instant(START_MS + ms, ms, self.letter, max(self.boot, 1), BOOT_ID)

    def start(self, second: float, capacity: int = 100_000) -> None:
        """Open everything as the daemon does."""
        self.boot += 1
        self.down = False
        now = self.at(second)
        keys = Keys.open(self.folder / "keys", self.config.site.id)
        cfg = "ab" * 32
        journal = Journal.open(
            self.folder / "journal", box=self.config.site.id, keys=keys, soft="0", cfg=cfg, now=now
        )
        latches = Latches(self._open_logbook(), "test")
        reader = JournalReader(self.folder / "journal")
        orders, lost = reopened(reader, latches.orders.load(), now.utc_ms)
        rules = restore(reader, self.config, now, latches.page(), orders)
        both = frozenset((meter.id, name) for meter in self.config.meters for name in RATIOS)
        before = past(reader, self.config, both, latches, now)
        reader.close()
        self.inbox = Inbox(capacity)
        book = Book(self.config, before, latches, self.ask)
        known = hash_of(self.folder / "journal")
        office = Office(journal, self.config, keys.identity, known, rules.engine.know, latches.orders)
        self.clerk = Clerk(office, orders, lost, now)
        self.recorder = Recorder(journal, rules, self.inbox, self.config, latches, book, self.clerk)

    def _open_logbook(self) -> Logbook:
        if self._logbook is not None:
            self._logbook.close()
        self._logbook = Logbook(self.folder / "logbook")
        return self._logbook

    def poll(self, second: float, **power_kw: str | None) -> None:
        """One poll of each meter's power at that second, taken by the recorder at once."""
        for name, power in power_kw.items():
            self.inbox.put(result(f"{name}-m", second, power))
        self.recorder.step(self.at(second))

    def run(self, begin: int, end: int, **power_kw: str | None) -> None:
        """The same powers each ten seconds."""
        for second in range(begin, end, 10):
            self.poll(second, **power_kw)

    def crash(self) -> None:
        """Lose what is only in memory; the files are closed as the end of a process closes them."""
        if self.down:
            return
        journal = self.recorder._journal
        for held in (journal._lock, journal._tail, journal._store):
            held.close()
        self.down = True

    def stop(self, second: float) -> None:
        """A clean stop."""
        self.recorder.close(self.at(second))
        self.down = True

    def records(self, kind: str) -> list[Mapping[str, Any]]:
        """The sealed and the durable records of a kind."""
        reader = JournalReader(self.folder / "journal")
        found = [r for r in (*reader.records(), *reader.tail_records()) if r["k"] == kind]
        reader.close()
        return found


def result(meter: str, second: float, power: str | None, error: PollError = "no_reply") -> PollResult:
    """A poll that gave a power, or failed."""
    good = power is not None
    return PollResult(
        meter=meter,
        poll="fast",
        slot=int(second) // 10,
        mono_ms=int(second * 1000),
        samples=(Sample("p", Decimal(power), Quality.GOOD),) if power is not None else (),
        error=None if good else error,
        frames=(),
        attempts=1,
    )
