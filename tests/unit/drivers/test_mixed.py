"""A line that carries two protocols: what is due at once goes protocol by protocol, and the plan knows it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import pairwise

import pytest

from config.profile import DltItem, Profile
from config.site import Bus as BusConfig
from config.site import Line, Site, SiteConfig
from config.wiretime import MIXED_MS, plan
from drivers import wire
from drivers.bus import Bus, Job
from drivers.exchange import MeterSpec
from drivers.samples import PollResult
from tests.support.line import FakePort, Meter645, ModbusSlave, run
from tests.support.specs import SERIAL, dlt, item, modbus

LINE = Line.parse("9600 8N1")
VOLTAGE = DltItem(quantity="u_a", di="02010100", format="XXX.X")


def specs(each: int) -> list[MeterSpec]:
    """As many meters of each protocol, in turns as an installer may write them down."""
    found = []
    for number in range(1, each + 1):
        one = dlt(f"d{number}", f"{number:012d}", [VOLTAGE])
        other = modbus(f"m{number}", number, [item("u_a", 0)])
        found += [MeterSpec(replace(spec.meter, line=LINE), spec.profile) for spec in (one, other)]
    return found


class Plant:
    """All are polled each second; the meters answer as soon as they may."""

    def __init__(self, meters: list[MeterSpec]) -> None:
        slaves = [ModbusSlave(number, {0: 2312}) for number in range(1, len(meters) // 2 + 1)]
        others = [Meter645(f"{n:012d}", {"02010100": "2312"}) for n in range(1, len(meters) // 2 + 1)]
        self.port = FakePort(*slaves, *others)
        self.results: list[PollResult] = []
        self.meters = meters
        self.bus = Bus(SERIAL, meters, self.port, self.results.append)
        self.start = self.port.now()
        self.slot = 0

    def submit(self, now_ms: int) -> int:
        while (due := self.start + self.slot * 1000) <= now_ms:
            for spec in self.meters:
                self.bus.submit(Job(spec.meter.id, "fast", self.slot, due))
            self.slot += 1
        return due

    def run(self, seconds: int) -> Counter[str]:
        """How the polls ended."""
        run(self.bus, self.port, self.start + 1000 * seconds, self.submit)
        return Counter(result.error or "good" for result in self.results)


def test_meters_written_in_turns_cost_no_changes_of_protocol() -> None:
    """In the order of the file this line changed its protocol with each exchange, and lost many slots."""
    plant = Plant(specs(7))
    ended = plant.run(60)
    assert ended["overrun"] == 0
    assert ended["good"] > 0.97 * 60 * 14
    changes = sum(a.line != b.line or a.silence_ms >= MIXED_MS for a, b in pairwise(plant.port.sent))
    assert changes <= 2 * 61


def test_no_protocol_waits_for_ever() -> None:
    """A line with more to do than it can: every meter is late, and none is forgotten."""
    plant = Plant(specs(20))
    plant.run(120)
    good = Counter(result.meter for result in plant.results if result.error is None)
    assert len(good) == 40
    assert min(good.values()) > 0.8 * max(good.values())


def site(*meters: MeterSpec) -> tuple[SiteConfig, dict[str, Profile]]:
    bus = BusConfig(id="b1", kind="serial", port="/dev/x")
    config = SiteConfig(site=Site(id="T1"), buses=(bus,), meters=tuple(spec.meter for spec in meters))
    return config, {spec.profile.id: spec.profile for spec in meters}


@pytest.mark.parametrize("each", [1, 3])
def test_the_plan_counts_two_changes_a_cycle(each: int) -> None:
    config, profiles = site(*specs(each))
    (bus,) = plan(config, profiles)
    every_s = min(meter.every_s for meter in config.meters)
    gap_ms = max(20, 4)  # of DL/T 645; Modbus keeps 3.5 characters
    assert bus.changes.least == bus.changes.slow == pytest.approx(2 * (50 - gap_ms) / (1000 * every_s))
    assert bus.share.least == pytest.approx(sum(one.share.least for one in bus.meters) + bus.changes.least)


def test_the_plan_of_one_protocol_has_no_changes() -> None:
    (bus,) = plan(*site(*specs(3)[::2]))
    assert bus.changes.least == 0


def test_plan_and_line_keep_the_same_silence() -> None:
    assert MIXED_MS == wire.MIXED_MS
