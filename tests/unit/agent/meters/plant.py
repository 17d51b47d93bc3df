"""A box, its bus and one simulated meter in virtual time: the daemon's own parts, without its threads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from agent.busloop import BusLoop
from agent.inbox import ChoreDue
from agent.meters.recall import Questions, Want
from agent.poller import Poller, Round
from config.profiles import builtin_profiles
from config.site import Line, Meter, Site, SiteConfig
from drivers.bus import IDLE_MS, Bus
from drivers.errand import Errand
from drivers.exchange import MeterSpec
from drivers.simulated.eventlog import EventLog
from drivers.simulated.history import History
from drivers.simulated.items import COUNTS, PHASED, SINGLES, Facts645
from drivers.simulated.slave645 import Habits, Slave645, hunt
from tests.support.boxes import START_MS, Box
from tests.support.line import FakePort, Replies
from tests.support.specs import SERIAL

ADDRESS = "000000000012"
ZONE = ZoneInfo("Asia/Shanghai")
_USUAL = Habits()
KWH_A_MIN = Decimal("0.25")
METER = Meter(
    id="kiln-m",
    bus=SERIAL.id,
    protocol="dlt645-2007",
    address=ADDRESS,
    profile="dlt645-2007-3p",
    line=Line(9600, 8, "E", 1),
    every_s=10,
    slow_every_s=60,
)


class SimulatedMeter:
    """On the line of a `FakePort`. ``ahead_s``: its clock against UTC and the zone."""

    def __init__(
        self,
        port: FakePort,
        ahead_s: float = 0,
        step_min: int = 15,
        freezes: str = "sets",
        habits: Habits = _USUAL,
    ) -> None:
        self.port, self.ahead_s, self.silent = port, ahead_s, False
        self.counts = {**dict.fromkeys(COUNTS, 0), **{f"{di}.{phase}": 0 for di in PHASED for phase in "abc"}}
        self.log = EventLog()
        self.garbles = "-"  # how the DIs begin whose replies do not survive
        self.number = ""
        history = History(lambda at: self.shown(at), self.clock, step_min, freezes)

        def stored(di: str, rest: bytes) -> bytes | None:
            return history.data(di, rest) or self.log.data(di)

        self.slave = Slave645(ADDRESS, habits, lambda: self.shown(self.clock()), self._facts, stored)

    def happened(self, counter: str) -> None:
        """One more event, counted and logged."""
        self.counts[counter] += 1
        self.log.happened(counter, self.clock())

    def clock(self) -> datetime:
        """What it shows."""
        utc_ms = START_MS + self.port.moment()
        local = datetime.fromtimestamp(utc_ms / 1000, ZONE).replace(tzinfo=None, microsecond=0)
        return local + timedelta(seconds=self.ahead_s)

    @staticmethod
    def energy(at: datetime) -> Decimal:
        """Its forward register at a moment of its clock."""
        since = datetime.fromisoformat("2026-11-01 00:00")
        return (KWH_A_MIN * int((at - since) / timedelta(seconds=1)) / 60).quantize(Decimal("0.01"))

    def shown(self, at: datetime) -> Mapping[str, float]:
        """All its values."""
        values = dict.fromkeys({item.name.split("_t", 1)[0] for item in SINGLES.values()}, 1.0)
        return values | {"ep_imp": float(self.energy(at)), "p": 15.0, "u_a": 230.0, "f": 50.0}

    def hear(self, request: bytes) -> Replies:
        """`tests.support.line.OnLine`."""
        asked, _ = hunt(request)
        reply = None if asked is None or self.silent else self.slave.answer(asked)
        if reply is None:
            return ()
        return ((30.0, reply.frame[:-3] if reply.ask.startswith(self.garbles) else reply.frame),)

    def _facts(self) -> Facts645:
        return Facts645(ADDRESS, 1, 1, self.clock(), (0,) * 7, self.counts, self.number)


class Plant:
    """``run`` lets time pass with the daemon up; ``off`` without it."""

    def __init__(self, folder: Path, **meter: Any) -> None:
        settings = {name: meter.pop(name) for name in tuple(meter) if name in Meter.__dataclass_fields__}
        self.meter = replace(METER, **settings)
        self.port = FakePort()
        self.device = SimulatedMeter(self.port, **meter)
        self.port.meters.append(self.device)
        self.box = Box(folder, SiteConfig(site=_SITE, buses=(SERIAL,), meters=(self.meter,)))
        self.box.letter = "S"
        self.box.ask = self.ask
        self.spec = MeterSpec(self.meter, builtin_profiles()[self.meter.profile])
        self.errands: list[Errand] = []
        self.wants: list[Want] = []
        self.hour_ms = 0

    def start(self) -> None:
        """The daemon starts."""
        now = self.port.now()
        rounds = (
            Round(self.meter.id, "fast", self.meter.every_s),
            Round(self.meter.id, "slow", self.meter.slow_every_s),
        )
        self.port.close()
        self.box.start(now / 1000)
        self.poller = Poller(rounds, now, START_MS + now)
        self.loop = BusLoop(self._bus, self.poller, self.box.inbox.put)
        specs = {self.meter.id: self.spec}
        self.questions = Questions(specs, self.loop.bus.manner, self.box.inbox.put)
        self.hour_ms = now

    def _bus(self, emit: Any, tap: Any) -> Bus:
        return Bus(SERIAL, (self.spec,), self.port, emit, tap)

    def ask(self, want: Want) -> Errand:
        """What the daemon's own wiring does."""
        errand = self.questions.errand(want)
        self.loop.errand(errand)
        self.errands.append(errand)
        self.wants.append(want)
        return errand

    def run(self, seconds: float) -> None:
        """Let time pass."""
        end = self.port.now() + seconds * 1000
        while self.port.now() < end:
            if self.port.now() >= self.hour_ms:
                self.box.inbox.put(ChoreDue("meters"))
                self.hour_ms += 3_600_000
            due = self.loop.step(self.port.now())
            self.box.recorder.step(self.box.at(self.port.now() / 1000))
            now = self.port.now()
            if due - now >= IDLE_MS:  # the line is idle: on to the next slot
                due = min(self.poller.next_due(now), self.hour_ms)
            self.port.advance(max(due, now + 1))

    def off(self, seconds: float, *, clean: bool = True) -> None:
        """The daemon is down so long."""
        if clean:
            self.box.stop(self.port.now() / 1000)
        else:
            self.box.crash()
        self.port.advance(self.port.now() + seconds * 1000)

    def commit(self) -> None:
        """All that was taken is durable."""
        self.box.recorder.step(self.box.at(self.port.now() / 1000 + 2))

    def events(self, what: str) -> list[Mapping[str, Any]]:
        """The meter-events of a kind."""
        return [one for one in self.box.records("meter-event") if one["what"] == what]

    def stored(self) -> list[Mapping[str, Any]]:
        """What the meter told of its past."""
        return [one for one in self.box.records("reading") if one["src"] != "live"]

    def live(self) -> list[Mapping[str, Any]]:
        """The polls."""
        return [one for one in self.box.records("reading") if one["src"] == "live"]


_SITE = Site(id="SB-TEST")
