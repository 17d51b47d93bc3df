"""Errands in virtual time: they run between the slots, keep the fences, and cost no live poll anything."""

from __future__ import annotations

from collections.abc import Generator
from itertools import pairwise

import pytest

from config.profiles import builtin_profiles
from config.site import Line
from drivers.bus import Bus, Job
from drivers.errand import STARVED_MS, Errand
from drivers.exchange import Answer, Exchange, MeterSpec
from drivers.modbus.ask import exchange
from drivers.modbus.plan import Range
from drivers.registry import drivers
from drivers.samples import PollResult
from drivers.scan import lines_of, run
from drivers.search import Ask, Plan, Search
from drivers.wire import Manner
from tests.support.line import FakePort, Meter645, ModbusSlave, mute
from tests.support.specs import SERIAL, VOLTAGE, dlt, item, modbus
from tests.unit.drivers.test_scan import Wild

FAST = item("u_a", 0)
EVERY_MS = 10_000


class Plant:
    """A bus that polls its meters each ``every_ms`` and knows when the next slot is due."""

    def __init__(self, port: FakePort, *specs: MeterSpec, every_ms: int = EVERY_MS) -> None:
        self.port, self.every_ms = port, every_ms
        self.results: list[PollResult] = []
        self.bus = Bus(SERIAL, specs, port, self.results.append)
        self.meters = [spec.meter.id for spec in specs]
        self.next_ms, self.slot = port.now(), 0

    def run(self, seconds: float) -> None:
        """Let time pass."""
        end = self.port.now() + seconds * 1000
        while self.port.now() < end:
            if self.port.now() >= self.next_ms:
                for meter in self.meters:
                    self.bus.submit(Job(meter, "fast", self.slot, self.next_ms))
                self.next_ms, self.slot = self.next_ms + self.every_ms, self.slot + 1
            due = self.bus.step(self.port.now(), self.next_ms)
            self.port.advance(min(max(due, self.port.now()), max(self.next_ms, self.port.now())))

    def lateness_ms(self) -> list[int]:
        """Of each good poll: from its due time to its end."""
        start = self.next_ms - self.slot * self.every_ms
        return [r.mono_ms - (start + r.slot * self.every_ms) for r in self.results if r.error is None]


def _search(*known: tuple[str, str]) -> tuple[Search, Errand]:
    lines = lines_of(["dlt645-2007", "modbus-rtu"], [Line.parse("9600 8E1")], serial=True)
    search = Search(
        Plan(lines=lines, profiles=builtin_profiles(), units=(1, 2, 3, 4), known=frozenset(known))
    )
    return search, Errand(run(search))


def test_a_search_between_the_polls_costs_them_nothing() -> None:
    specs = (modbus("m", 3, [FAST]), dlt("d", "000000000077", [VOLTAGE]))
    meters = (ModbusSlave(3, {0: 230}), Meter645("000000000077", {"02010100": "1223"}))
    alone = Plant(FakePort(*meters), *specs)
    alone.run(300)
    both = Plant(FakePort(*meters, Wild("000000000112"), Wild("000000000212")), *specs)
    search, errand = _search(("modbus-rtu", "3"), ("dlt645-2007", "000000000077"))
    both.bus.errand(errand)
    both.run(300)
    assert {one.address for one in search.found} >= {"000000000112", "000000000212"}
    assert [result.error for result in both.results] == [None] * len(alone.results)
    assert max(both.lateness_ms()) <= max(alone.lateness_ms()) + 1, "no poll waits for an errand"
    assert not [sent for sent in both.port.sent if sent.silence_ms < 3.5 * 11 / 9600 * 1000 - 0.001]


def test_a_wildcard_fences_the_line() -> None:
    plant = Plant(
        FakePort(Meter645("000000000077", {"02010100": "1223"})), dlt("d", "000000000077", [VOLTAGE])
    )
    _, errand = _search(("dlt645-2007", "000000000077"))
    plant.run(1)
    plant.bus.errand(errand)
    plant.run(60)
    wild = [sent for sent in plant.port.sent if b"\xaa" * 6 in sent.data]
    assert wild
    for one in wild:
        later = [sent.start_ms for sent in plant.port.sent if sent.start_ms > one.start_ms]
        assert not later or later[0] - one.end_ms >= SERIAL.late_reply_s * 1000


def _asks(spec: MeterSpec, count: int, seen: list[Answer]) -> Generator[Ask, Answer, None]:
    manner = Manner(spec.meter.id, spec.meter.line, 0, 500, drivers()["modbus-rtu"])
    asked: Exchange = exchange(spec.meter, Range(3, 0, 1, ()))
    for _ in range(count):
        seen.append((yield Ask(manner, asked)))


def test_a_line_that_is_never_free_serves_an_errand_now_and_then() -> None:
    spec = modbus("m", 3, [FAST])
    plant = Plant(FakePort(ModbusSlave(3, {0: 230})), spec, every_ms=500)
    seen: list[Answer] = []
    plant.bus.errand(Errand(_asks(spec, 3, seen)))
    plant.run(4 * STARVED_MS / 1000)
    assert len(seen) == 3
    assert all(answer.failure is None for answer in seen)
    assert {result.error for result in plant.results} == {None}


def test_an_errand_waits_behind_the_fence_of_its_meter() -> None:
    spec = modbus("m", 3, [FAST])
    slave = ModbusSlave(3, {0: 230}, fault=mute)
    plant = Plant(FakePort(slave), spec, every_ms=60_000)
    seen: list[Answer] = []
    plant.bus.errand(Errand(_asks(spec, 2, seen)))
    plant.run(30)
    times = [sent.start_ms for sent in plant.port.sent]
    assert [answer.failure for answer in seen] == ["no_reply"] * 2
    assert min(b - a for a, b in pairwise(times)) >= SERIAL.late_reply_s * 1000


def _pairs(spec: MeterSpec, count: int, name: str, sent: list[str]) -> Generator[Ask, Answer, None]:
    """Requests in twos, of which the second goes on with the first."""
    manner = Manner(spec.meter.id, spec.meter.line, 0, 500, drivers()["modbus-rtu"])
    asked: Exchange = exchange(spec.meter, Range(3, 0, 1, ()))
    for at in range(2 * count):
        yield Ask(manner, asked, follows=at % 2 == 1)
        sent.append(f"{name}{at}")


def test_nothing_comes_between_two_requests_of_which_one_follows_the_other() -> None:
    spec = modbus("m", 3, [FAST])
    plant = Plant(FakePort(ModbusSlave(3, {0: 230})), spec, every_ms=700)
    sent: list[str] = []
    plant.bus.errand(Errand(_pairs(spec, 4, "a", sent)))
    plant.bus.errand(Errand(_pairs(spec, 4, "b", sent)))
    plant.run(30)
    assert sorted(sent) == sorted(f"{name}{at}" for name in "ab" for at in range(8))
    for first, second in zip(sent[::2], sent[1::2], strict=True):
        assert (first[0], int(first[1:]) + 1) == (second[0], int(second[1:]))


@pytest.mark.parametrize("how", ["cancel", "lease", "port"])
def test_an_errand_ends(how: str) -> None:
    spec = modbus("m", 3, [FAST])
    plant = Plant(FakePort(ModbusSlave(3, {0: 230})), spec)
    seen: list[Answer] = []
    errand = Errand(_asks(spec, 1_000_000, seen))
    plant.bus.errand(errand)
    plant.run(5)
    assert seen
    assert not errand.ended
    if how == "cancel":
        errand.cancel()
    elif how == "lease":
        errand.renew(plant.port.now() + 1000)
    else:
        plant.port.vanish_at = plant.port.now() + 1000
    plant.run(10)
    assert errand.ended
    assert (errand.fault is not None) == (how == "port")
    count = len(seen)
    plant.port.vanish_at = None
    plant.run(60)
    assert len(seen) == count
    assert [r for r in plant.results if r.error is None][-1].slot >= 6, "the polls go on"
