"""Small plants for tests of the rules: a kiln and a scrubber, and a driver of time."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from agent.rules.alarms import AlarmChange
from agent.rules.engine import Engine
from agent.rules.metering import Observation
from agent.rules.world import Moment
from config.rulekinds import MeterSilent, Rule, Threshold, TreatmentOff
from config.site import Meter, Point, Site, SiteConfig

PAIR = TreatmentOff(id="pair", production=("kiln",), treatment=("scrubber",), stop_lag_s=60)
SILENT = MeterSilent(id="silent", after_s=60)
OVER = Threshold(id="over", meter="kiln-m", quantity="p", above=Decimal(100), clear=Decimal(90), hold_s=30)


def meter(name: str, every_s: int = 10) -> Meter:
    """A meter of which the rules need only name and period."""
    return Meter(
        id=name, bus="b1", protocol="dlt645-2007", address="1", profile="x", every_s=every_s, slow_every_s=60
    )


def plant(*rules: Rule, hold_s: int = 0) -> SiteConfig:
    """A kiln (on above 5 kW, off below 4) and two scrubbers (on above 2 kW, off below 1)."""

    def point(name: str, role: str, on: str, off: str) -> Point:
        return Point(
            id=name,
            role="production" if role == "production" else "treatment",
            meter=f"{name}-m",
            on_above_kw=Decimal(on),
            off_below_kw=Decimal(off),
            hold_s=hold_s,
        )

    return SiteConfig(
        site=Site(id="T1"),
        meters=(meter("kiln-m"), meter("scrubber-m"), meter("spare-m")),
        points=(
            point("kiln", "production", "5", "4"),
            point("scrubber", "treatment", "2", "1"),
            point("spare", "treatment", "2", "1"),
        ),
        rules=rules,
    )


class Story:
    """Feeds an engine: ``poll`` reads all meters at a moment (None: the read failed) and lets it judge."""

    def __init__(self, config: SiteConfig, start_ms: int = 1_000_000, utc_ms: int | None = None) -> None:
        self.engine = Engine(config, start_ms)
        self.start_ms = start_ms
        self.utc_ms = utc_ms
        self.record = 0
        self.all: list[AlarmChange] = []
        self.changes: list[tuple[int, str, bool]] = []

    def poll(self, second: float, **power_kw: str | None) -> None:
        """``poll(10, kiln="12", scrubber=None)``: power of each point's meter at that second."""
        for name, power in power_kw.items():
            self.record += 1
            values = {} if power is None else {"p": Decimal(power)}
            at_ms = self.start_ms + int(second * 1000)
            self.engine.observe(Observation(f"{name}-m", at_ms, self.record, values))
        self.tick(second)

    def tick(self, second: float) -> None:
        """Let time pass."""
        passed_ms = int(second * 1000)
        utc_ms = None if self.utc_ms is None else self.utc_ms + passed_ms
        self._note(second, self.engine.tick(Moment(self.start_ms + passed_ms, utc_ms)))

    def run(self, seconds: Iterable[int], **power_kw: str | None) -> None:
        """The same powers at each of these seconds."""
        for second in seconds:
            self.poll(second, **power_kw)

    def state(self, point: str) -> str:
        """State of a point now."""
        return self.engine.world.points[point].state.value

    def _note(self, second: float, changes: tuple[AlarmChange, ...]) -> None:
        self.all += changes
        self.changes += [
            (int(second), change.alarm.key, change.raised)
            for change in changes
            if change.change in ("raised", "cleared")
        ]
