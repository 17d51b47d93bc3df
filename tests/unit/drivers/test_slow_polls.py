"""Slow polls are long and can wait: fast ones pass between two of their items, and nothing is lost by it."""

from __future__ import annotations

from collections import Counter

import pytest

from config.profile import PollClass, Profile, data_bytes
from config.profiles import builtin_profiles
from config.site import Line, Meter
from drivers.bus import Bus, Job
from drivers.exchange import MeterSpec
from drivers.samples import PollResult
from tests.support.line import FakePort, Meter645, mute, run
from tests.support.specs import SERIAL

CLASSES: tuple[PollClass, ...] = ("fast", "slow")
PROFILE = builtin_profiles()["dlt645-2007-3p"]
ITEMS = [item.di for item in PROFILE.dlt if item.poll == "slow"]
SLOW = list(dict.fromkeys(ITEMS))
SHOWN = {"u": "2300", "i": "001000", "p": "000218", "s": "000230", "pf": "0950", "f": "5000", "temp": "0250"}
TOTALS = {"p": "000654", "demand_p": "000654", "s": "000690"}


def contents(profile: Profile) -> dict[str, str]:
    """Plausible data of each item and block, high byte first."""
    data = {}
    for item in profile.dlt:
        nothing = "00" * data_bytes(item)
        stem = item.quantity.split("_")[0]
        data[item.di] = TOTALS.get(item.quantity, SHOWN.get(stem, nothing))
    for block in profile.blocks:
        data[block.di] = "".join(data[di] for di in reversed(block.items))
    return data


class Plant:
    """Meters at 2400 baud, of the shipped profile, polled as the daemon polls them."""

    def __init__(self, count: int, every_s: int, delay_ms: float, slow_every_s: int = 300) -> None:
        data = contents(PROFILE)
        self.meters = [Meter645(f"{number:012d}", data, delay_ms=delay_ms) for number in range(1, count + 1)]
        self.port = FakePort(*self.meters)
        self.results: list[PollResult] = []
        self.bus = Bus(SERIAL, [spec(meter.address) for meter in self.meters], self.port, self.results.append)
        self.start = self.port.now()
        self.periods: dict[PollClass, int] = {"fast": every_s * 1000, "slow": slow_every_s * 1000}
        self.slots: dict[PollClass, int] = {"fast": 0, "slow": 0}

    def run(self, seconds: float) -> Counter[tuple[str, str]]:
        """Poll for so long; how many polls of each class ended how."""
        run(self.bus, self.port, self.port.now() + seconds * 1000, self.submit)
        return Counter((result.poll, result.error or "good") for result in self.results)

    def submit(self, now_ms: int) -> int:
        dues = []
        for poll in CLASSES:
            while (due := self.start + self.slots[poll] * self.periods[poll]) <= now_ms:
                for meter in self.meters:
                    self.bus.submit(Job(meter.address, poll, self.slots[poll], due))
                self.slots[poll] += 1
            dues.append(due)
        return min(dues)


def spec(address: str) -> MeterSpec:
    line = Line.parse("2400 8E1")
    meter = Meter(
        id=address, bus="b1", protocol="dlt645-2007", address=address, profile=PROFILE.id, line=line
    )
    return MeterSpec(meter, PROFILE)


@pytest.mark.parametrize(
    ("count", "every_s", "delay_ms"),
    [(2, 10, 30), (2, 10, 300), (4, 10, 60), (8, 15, 30), (8, 30, 100)],
)
def test_counters_in_the_slow_class_cost_no_fast_slot(count: int, every_s: int, delay_ms: float) -> None:
    """Where each slow poll ran to its end first, two meters that answer after 300 ms lost slots."""
    told = Plant(count, every_s, delay_ms).run(600)
    assert told == {("fast", "good"): count * 600 // every_s, ("slow", "good"): 2 * count}


def test_a_fast_poll_passes_between_two_items_of_its_own_meters_slow_poll() -> None:
    plant = Plant(1, 2, 60)
    plant.run(60)
    heard = plant.meters[0].heard
    slow = [place for place, di in enumerate(heard) if di in SLOW or di == "0205FF00"]
    between = {heard[place] for place in range(slow[0], slow[-1])} - {*SLOW, "0205FF00"}
    assert between == {"0201FF00", "0202FF00", "0203FF00", "0204FF00", "0206FF00"}
    (result,) = [one for one in plant.results if one.poll == "slow"]
    assert [sample.quality for sample in result.samples] == ["good"] * len(ITEMS)
    assert sum(frame.way == ">" for frame in result.frames) == result.attempts == len(slow)


def test_a_line_too_slow_for_both_classes_starves_neither() -> None:
    told = Plant(8, 10, 200).run(1200)
    assert told["slow", "good"] >= 8 * 3
    assert told["fast", "good"] > 8 * 120 // 3
    assert told["fast", "overrun"] > 0


def test_a_slow_poll_comes_to_its_end_where_its_meter_has_no_time_for_it() -> None:
    told = Plant(1, 1, 60).run(290)
    assert told["slow", "good"] == 1, "a fast poll takes longer than the interval"
    assert told["fast", "overrun"] > 0


def test_a_port_that_goes_away_ends_both_polls_of_a_meter_once() -> None:
    plant = Plant(1, 2, 60)
    plant.run(4.2)
    plant.port.gone = True
    plant.run(1)
    ended = Counter((result.poll, result.slot) for result in plant.results)
    assert ended[("slow", 0)] == 1
    assert set(ended.values()) == {1}
    (slow,) = [one for one in plant.results if one.poll == "slow"]
    assert {str(sample.quality) for sample in slow.samples} == {"good", "no_reply"}
    plant.port.gone = False
    told = plant.run(350)
    assert told["slow", "good"] >= 2, "the next one comes as ever"


def test_a_meter_that_falls_silent_while_its_slow_poll_stands_aside_ends_it() -> None:
    plant = Plant(1, 2, 60)
    plant.run(4.2)
    plant.meters[0].fault = mute
    plant.run(140)
    slots = [result.slot for result in plant.results if result.poll == "slow"]
    assert slots == [0]
    assert plant.results[-1].error == "no_reply"


@pytest.mark.parametrize(("count", "every_s", "delay_ms"), [(1, 2, 60), (4, 10, 60), (8, 15, 30)])
def test_the_values_of_a_slow_reading_belong_to_one_moment(count: int, every_s: int, delay_ms: float) -> None:
    """From its first reply to its last: the span it may stand aside, and what it takes itself."""
    plant = Plant(count, every_s, delay_ms)
    plant.run(600)
    slow = [one for one in plant.results if one.poll == "slow" and one.error is None]
    spans = [one.frames[-1].mono_ms - one.frames[0].mono_ms for one in slow]
    assert len(spans) == 2 * count
    assert max(spans) < 5_000 + 8_000, spans
