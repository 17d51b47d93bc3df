"""One simulated meter: its feeder, its clock, its faults, and the slave that speaks for it.

Changed by the control thread (whole attributes at once), read by its bus thread. Never reads a clock: it is
given ``now_ms``, the plant's time.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial

from drivers.simulated.eventlog import EventLog
from drivers.simulated.faults import Faults, spoil
from drivers.simulated.feed import PHASES, Feed
from drivers.simulated.history import History
from drivers.simulated.items import Facts645
from drivers.simulated.plantfile import MeterSpec
from drivers.simulated.registers import MODELS
from drivers.simulated.reply import Reply, Shown
from drivers.simulated.slave645 import Habits, Request, Slave645
from drivers.simulated.slavemodbus import Ask, SlaveModbus, rtu, tcp

EVENTS: Mapping[str, str] = {  # DL/T 645-2007 annex A.4, counts
    "power-down": "03110000",
    "programming": "03300000",
    "meter-clear": "03300100",
    "demand-clear": "03300200",
    "event-clear": "03300300",
    "time-set": "03300400",
    "cover-open": "03300D00",
    "terminal-cover": "03300E00",
    "voltage-loss": "10000001",
    **{f"phase-break-{phase}": f"03040000.{phase}" for phase in PHASES},
    **{f"reverse-flow-{phase}": f"030E0000.{phase}" for phase in PHASES},
}
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 of the meter's own time, which has no zone
_SIDES = {
    "u": "pt",
    "i": "ct",
    "p": "ptct",
    "q": "ptct",
    "s": "ptct",
    "ep": "ptct",
    "eq": "ptct",
    "demand": "ptct",
}


class Meter:
    """``offset_s``: how wrong the meter's clock is, local time included."""

    def __init__(
        self, spec: MeterSpec, feed: Feed, now_ms: Callable[[], float], *, anchor_ms: float, utc_offset_s: int
    ) -> None:
        self.spec = spec
        self.feed = feed
        self.faults = Faults()
        self.silent = False  # the plant's supply is cut
        self.clock_offset_s = spec.clock_offset_s
        self.counts = dict.fromkeys(EVENTS.values(), 0)
        self.log = EventLog()
        self.number = spec.number or spec.address
        self._now_ms = now_ms
        self._anchor_ms = anchor_ms
        self._utc_offset_s = utc_offset_s
        self._ratios = {"ct": max(1, round(spec.ct)), "pt": max(1, round(spec.pt))}
        self._slave = self._build()

    @property
    def is_645(self) -> bool:
        """Speaks DL/T 645; otherwise Modbus."""
        return isinstance(self._slave, Slave645)

    def answer645(self, request: Request) -> Reply | None:
        """Reply to a DL/T 645 request, None when silent."""
        if self._mute() or not isinstance(self._slave, Slave645):
            return None
        return self._slave.answer(request)

    def answer_rtu(self, ask: Ask) -> Reply | None:
        """Reply to a Modbus RTU request, None when silent."""
        if self._mute() or not isinstance(self._slave, SlaveModbus):
            return None
        return self._slave.answer(ask, partial(rtu, ask.unit))

    def answer_tcp(self, ask: Ask) -> Reply | None:
        """Reply to a Modbus TCP request, None when silent."""
        if self._mute() or not isinstance(self._slave, SlaveModbus):
            return None
        return self._slave.answer(ask, partial(tcp, ask))

    def spoilt(self, frame: bytes, rng: random.Random) -> tuple[bytes, tuple[str, ...]]:
        """The frame after this meter's faults."""
        return spoil(frame, self.faults, rng)

    def shown(self) -> dict[str, float]:
        """All quantities as the meter shows them: on the secondary side where the model does so."""
        return self._shown(self._now_ms())

    def _shown(self, at_ms: float) -> dict[str, float]:
        primary = self.feed.values(at_ms - self._anchor_ms)
        return {
            name: value / float(self.ratio(_SIDES.get(name.split("_")[0], "none")))
            for name, value in primary.items()
        }

    def happened(self, counter: str) -> None:
        """One more event, counted and logged."""
        self.log.happened(counter, self._clock())
        self.counts[counter] += 1

    def ratio(self, side: str) -> Decimal:
        """Primary over shown, for a value on ``side``: none, pt, ct or ptct."""
        if self.spec.model in MODELS and MODELS[self.spec.model].primary:
            return Decimal(1)
        return {"pt": self.spec.pt, "ct": self.spec.ct, "ptct": self.spec.pt * self.spec.ct}.get(
            side, Decimal(1)
        )

    def primary(self, one: Shown) -> str:
        """A shown number on the primary side; what is no number stays."""
        ratio = self.ratio(one.ratio)
        return one.text if one.ratio == "none" or one.text == "missing" else f"{Decimal(one.text) * ratio:f}"

    def _mute(self) -> bool:
        return self.silent or self.faults.unplugged

    def _build(self) -> Slave645 | SlaveModbus:
        spec = self.spec
        if spec.protocol != "dlt645-2007":
            return SlaveModbus(int(spec.address), MODELS[spec.model], self._ratios, self.shown)
        habits = Habits(
            preamble=spec.preamble,
            blocks=spec.blocks,
            most_data=spec.most_data,
            echo_wildcard=spec.echo_wildcard,
            phases=spec.phases,
            absent_ff=spec.absent == "ff",
            lacks=frozenset(spec.lacks),
            refusal=spec.refusal,
        )
        history = History(self._shown_at, self._clock, spec.load_step_min, spec.freezes)

        def stored(di: str, rest: bytes) -> bytes | None:
            return history.data(di, rest) or self.log.data(di)

        return Slave645(spec.address, habits, self.shown, self._facts, stored)

    def _clock(self) -> datetime:
        """The meter's own date and time, to the second."""
        return _EPOCH + timedelta(seconds=int(self._now_ms() / 1000 + self._ahead_s()))

    def _shown_at(self, clock: datetime) -> Mapping[str, float]:
        """The values shown when the meter's clock, as it goes now, said so."""
        return self._shown(((clock - _EPOCH).total_seconds() - self._ahead_s()) * 1000)

    def _ahead_s(self) -> int:
        """Its clock against UTC."""
        return self._utc_offset_s + self.clock_offset_s

    def _facts(self) -> Facts645:
        spec = self.spec
        return Facts645(
            spec.address,
            self._ratios["ct"],
            self._ratios["pt"],
            self._clock(),
            self._status(),
            self.counts,
            self.number,
            spec.long_status,
        )

    def _status(self) -> tuple[int, ...]:
        """Status words 1..7 (DL/T 645-2007 annex C; bits after caokx/3jiliang Bkgrd.h)."""
        shown, wiring = self.shown(), self.feed.wiring
        first = (shown["p"] < 0) << 4 | (shown["q"] < 0) << 5
        second = 0
        phases = []
        for index, phase in enumerate(PHASES):
            reverse = shown[f"p_{phase}"] < 0
            second |= reverse << index | (shown[f"q_{phase}"] < 0) << (4 + index)
            phases.append(reverse << 6 | (phase in wiring.lost) << 7)
        return first, second, 0, *phases, int(wiring.swapped)
