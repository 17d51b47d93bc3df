"""A box under a clock: the true time is known to the test alone, the box sees wall clocks made from it.

::

    wall      true ms -> what the box's wall clock shows, and its letter
    drift     monotonic ms a true ms
    cuts      power cuts: true ms at which the machine stops, OFF_MS later it starts again, another boot
    meters    true ms -> how far a meter's own clock is off; asked as the daemon does, hourly

The box's own parts run as in the daemon: poller, timekeeper, meters' book, recorder, rules, journal.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from agent.inbox import ChoreDue, ClockShown, Remark
from agent.meters.clocks import Shown
from agent.meters.recall import Want, WantClock
from agent.poller import Poller, Round
from agent.timekeeper import Timekeeper
from buffer.instant import ClockLetter, Instant
from buffer.placing import Places
from buffer.receipt import Receipt
from tests.support.boxes import START_MS, Box, result
from tests.support.plants import PAIR, plant

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
YEAR_MS = 365 * DAY_MS
STEP_MS = 10_000
LIFE_MS = 130 * 60_000
OFF_MS = 5 * 60_000
RECEIPT_MS = 20 * 60_000  # a receipt each so long, half a minute behind the minute, where no block is sealed
ASKED_MS = 200  # a meter takes so long to tell its time
Wall = Callable[[int], tuple[int, ClockLetter]]
Off = Callable[[int], int]


@dataclass(frozen=True)
class Case:
    """See above. ``bound_ms``: how well every record must be placed, None: it cannot be; ``by``: which boots
    (of the machine, from 1) that bound speaks of, all of them by default."""

    wall: Wall
    bound_ms: int | None
    drift: float = 1.0
    disputed: bool = False
    cuts: tuple[int, ...] = ()
    meters: Mapping[str, Off] = field(default_factory=dict)
    bounded: frozenset[int] = frozenset(range(1, 9))


def right(true_ms: int) -> tuple[int, ClockLetter]:
    """A clock that is synchronised from the start."""
    return START_MS + true_ms, "S"


def lost(true_ms: int) -> tuple[int, ClockLetter]:
    """1970, and nobody to ask."""
    return true_ms, "R"


class World(Box):
    """One box in one case. ``during`` is called at each step of the time, before the recorder's own."""

    def __init__(self, folder: Path, case: Case) -> None:
        super().__init__(folder, plant(PAIR))
        self.case = case
        self.true_ms = 0
        self.booted_ms: dict[int, int] = {}  # boot -> true ms of its start
        self.ask = self._asked
        self.during: Callable[[World], None] = lambda world: None
        self._poller: Poller
        self._timekeeper: Timekeeper

    def at(self, second: float) -> Instant:
        """The instant that the box believes in; ``second`` of true time."""
        true_ms, boot = int(second * 1000), max(self.boot, 1)
        utc_ms, letter = self.case.wall(true_ms)
        since_ms = self.booted_ms.get(boot, 0)
        mono_ms = int((true_ms - since_ms) * self.case.drift)
        return Instant(utc_ms, mono_ms, letter, boot, f"{0xC0 + boot:02x}" * 16)

    @property
    def now(self) -> Instant:
        return self.at(self.true_ms / 1000)

    def live(self) -> None:
        """Two hours and more: polls each ten seconds, a treatment that stops for half an hour, receipts."""
        self._switch_on()
        while self.true_ms < LIFE_MS:
            if self.true_ms in self.case.cuts:
                self.crash()
                self.true_ms += OFF_MS
                self._switch_on()
            self._turn(self.now)
            self.true_ms += STEP_MS
        self.stop(self.true_ms / 1000)

    def _switch_on(self) -> None:
        self.booted_ms[self.boot + 1] = self.true_ms
        self.start(self.true_ms / 1000)
        rounds = [Round(f"{name}-m", "fast", 10) for name in ("kiln", "scrubber")]
        self._poller = Poller(rounds, self.now.mono_ms, self.now.utc_ms)
        self._timekeeper = Timekeeper(self.now)

    def _turn(self, now: Instant) -> None:
        delta_ms = self._timekeeper.stepped_ms(now)
        if delta_ms is not None:
            self.inbox.put(Remark("step", {"delta_ms": delta_ms}))
            self._poller.rephase(now.mono_ms, now.utc_ms)
        anchor = self._timekeeper.anchor(now, 10)
        if anchor is not None:
            self.inbox.put(Remark("anchor", anchor))
        if self.case.meters and (self.true_ms - self.booted_ms[self.boot]) % HOUR_MS == 0:
            self.inbox.put(ChoreDue("meters"))
        self._poll(now)
        self.during(self)
        self.recorder.step(now)
        if self.true_ms % RECEIPT_MS == 30_000:
            self._receipt(now)

    def _poll(self, now: Instant) -> None:
        due, missed = self._poller.take(now.mono_ms)
        assert not missed
        stopped = 80 * 60_000 <= self.true_ms < 110 * 60_000
        powers = {"kiln-m": "12", "scrubber-m": "0" if stopped else "8"}
        for slot in due:
            one = result(slot.meter, now.mono_ms / 1000, powers[slot.meter])
            self.inbox.put(one._replace(slot=slot.number))

    def _receipt(self, now: Instant) -> None:
        """The platform's clock is right; its word comes at once."""
        head = self.recorder._journal.head
        word = Receipt(
            "city", self.config.site.id, head.epoch, head.n, head.hash, (), (), (), START_MS + self.true_ms
        )
        if head.n:
            self.recorder._journal.advance("city", word, b"note", now)

    def _asked(self, want: Want) -> None:
        """A meter shows its clock: whole seconds, cut off, wrong by what the case says."""
        if not isinstance(want, WantClock) or want.meter not in self.case.meters:
            return
        off_ms = self.case.meters[want.meter](self.true_ms)
        moment = datetime.fromtimestamp((START_MS + self.true_ms + off_ms) / 1000, UTC)
        local = moment.astimezone(ZoneInfo(self.config.site.timezone)).replace(tzinfo=None, microsecond=0)
        mono_ms = self.now.mono_ms
        self.inbox.put(ClockShown(Shown(want.meter, local, mono_ms - ASKED_MS // 2, mono_ms + ASKED_MS // 2)))


def check_placed(world: World, records: list[Mapping[str, Any]]) -> int | None:
    """Each reading lies where it truly was; the widest that one is placed (give or take, ms), of the boots
    that the case bounds."""
    case, places, widest = world.case, Places(records), 0
    for one in records:
        if one["k"] != "reading":
            continue
        placed = places.place(one)
        true_ms = START_MS + world.booted_ms[one["boot"]] + one["mono"] / case.drift
        assert placed.low_ms is None or placed.low_ms <= true_ms, (one, placed)
        assert placed.high_ms is None or true_ms <= placed.high_ms, (one, placed)
        if case.bound_ms is None:
            assert placed.high_ms is None, "nobody ever said what time it was"
        elif one["boot"] in case.bounded:
            assert placed.error_ms is not None
            widest = max(widest, placed.error_ms)
            assert placed.disputed == case.disputed
    return None if case.bound_ms is None else widest
