"""What a meter's counters counted, read from the simulated meter, which encodes apart."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from config.profiles import builtin_profiles
from drivers.dlt645.driver import DRIVER
from drivers.dlt645_1997.driver import DRIVER as DRIVER_1997
from drivers.memory import Ended, Happened
from drivers.modbus.driver import DRIVER as MODBUS
from drivers.simulated.eventlog import EventLog
from drivers.simulated.items import Facts645
from drivers.simulated.slave645 import Habits, Refusal, Slave645, hunt
from tests.unit.drivers.dlt645.meter import Chunks, Played, play, wire
from tests.unit.drivers.dlt645.specs import ADDRESS, spec

BEGIN = datetime.fromisoformat("2026-11-23 16:40:05")
METER = spec(builtin_profiles()["dlt645-2007-3p"])
OPERATOR = "12345678"
COUNTERS = {
    "n_program": "03300000",
    "n_clear": "03300100",
    "n_time_set": "03300400",
    "n_cover": "03300D00",
    "n_terminal_cover": "03300E00",
    "n_power_down": "03110000",
    "n_phase_break_a": "03040000.a",
    "n_phase_break_c": "03040000.c",
    "n_reverse_flow_b": "030E0000.b",
}


class Line:
    """A meter with events, one an hour, the newest last told to it."""

    def __init__(self, most_data: int = 200, refusal: Refusal = "no-data") -> None:
        self.log, self.silent = EventLog(), False
        facts = Facts645(address=ADDRESS, ct=1, pt=1, clock=BEGIN, status=(0,) * 7, counts={})
        self.slave = Slave645(
            ADDRESS,
            Habits(most_data=most_data, refusal=refusal),
            lambda: {"ep_imp": 1.0},
            lambda: facts,
            lambda di, rest: self.log.data(di),
        )

    def __call__(self, sent: bytes) -> Chunks:
        request, _ = hunt(sent)
        assert request is not None
        reply = None if self.silent else self.slave.answer(request)
        return [] if reply is None else [reply.frame]


def ask(line: Line, counts: dict[str, int], played: Played | None = None) -> tuple[Ended, list[Happened]]:
    told: list[Happened] = []
    asked = DRIVER.events(METER, counts, told.append)
    assert asked is not None
    return play(asked, line, played), told


@pytest.mark.parametrize("most_data", [200, 60], ids=["whole", "cut by frames"])
@pytest.mark.parametrize("counter", COUNTERS)
def test_the_newest_record_of_each_counter(counter: str, most_data: int) -> None:
    line = Line(most_data)
    line.log.happened(COUNTERS[counter], BEGIN)
    ended, (one,) = ask(line, {counter: 1})
    assert ended == "done"
    assert (one.counter, one.begin) == (counter, BEGIN)
    once = counter in ("n_program", "n_clear")
    assert one.end == (None if once else BEGIN + timedelta(minutes=1))
    by_hand = {
        "n_program": {"operator": OPERATOR, "DI 1": "04000306"},
        "n_time_set": {"operator": OPERATOR},
        "n_power_down": {},
    }
    assert one.facts == by_hand.get(counter, one.facts)
    sizes = {"n_clear": 25, "n_cover": 12, "n_terminal_cover": 12}
    assert len(one.facts) == sizes.get(counter, len(one.facts))
    if counter == "n_phase_break_a":
        assert one.facts["voltage A"] == "230.1 V"
        assert one.facts["current C"] == "4.321 A"
        assert one.facts["ampere-hours total"] == "1234.56 Ah"


def test_as_many_as_are_wanted_newest_first_and_ten_at_most() -> None:
    line = Line()
    for hour in range(12):
        line.log.happened("03300D00", BEGIN + timedelta(hours=hour))
    played = Played()
    _, told = ask(line, {"n_cover": 3}, played)
    assert [one.begin.hour for one in told] == [3, 2, 1]
    assert played.labels == ["03300D01", "03300D02", "03300D03"]
    assert len(ask(line, {"n_cover": 40})[1]) == 10


def test_a_list_that_moves_on_meanwhile_hides_none() -> None:
    line, happens = Line(), iter((False, True, False, False, False))
    for hour in range(5):
        line.log.happened("03300D00", BEGIN + timedelta(hours=hour))

    def moving(sent: bytes) -> Chunks:
        if next(happens):
            line.log.happened("03300D00", BEGIN + timedelta(hours=5))
        return line(sent)

    told: list[Happened] = []
    asked = DRIVER.events(METER, {"n_cover": 4}, told.append)
    assert asked is not None
    assert play(asked, moving) == "done"
    assert [one.begin.hour - BEGIN.hour for one in told] == [4, 3, 2, 1]


def test_a_list_that_is_shorter_than_its_counter_says() -> None:
    line, played = Line(), Played()
    line.log.happened("03110000", BEGIN)
    ended, told = ask(line, {"n_power_down": 5, "n_cover": 1}, played)
    assert (ended, [one.counter for one in told]) == ("done", ["n_power_down"])
    assert played.labels == ["03300D01", "03110001", "03110002"]


def test_counters_without_documented_records_are_asked_for_none() -> None:
    played = Played()
    assert ask(Line(), {"n_demand_clear": 2, "n_voltage_loss": 2, "p": 3}, played) == ("done", [])
    assert played.labels == []


@pytest.mark.parametrize("refusal", ["other", "silence"])
def test_however_a_meter_refuses_the_next_counter_is_asked(refusal: Refusal) -> None:
    line = Line(refusal=refusal)
    line.log.happened("03110000", BEGIN)
    ended, told = ask(line, {"n_cover": 2, "n_power_down": 1})
    assert (ended, [one.counter for one in told]) == ("done", ["n_power_down"])


def test_a_line_that_fails_interrupts() -> None:
    line = Line()
    line.silent = True
    assert ask(line, {"n_cover": 1}) == ("interrupted", [])


@pytest.mark.parametrize(
    "data",
    [
        [0] * 60,
        [0xFF] * 60,
        [0x05, 0x40, 0x16, 0x33, 0x11, 0x26, *[0] * 54],
        [0x05, 0x40, 0x24, 0x23, 0x11, 0x26, *[0] * 54],
        [0x05, 0x40, 0x16, 0x23, 0x11, 0x26, *[0] * 53],
    ],
    ids=["never", "fill", "no date", "hour 24", "cut"],
)
def test_a_record_that_begins_at_no_sure_moment_is_not_told(data: list[int]) -> None:
    told: list[Happened] = []
    asked = DRIVER.events(METER, {"n_cover": 1}, told.append)
    assert asked is not None
    assert play(asked, lambda sent: [wire(ADDRESS, 0x91, [0x01, 0x0D, 0x30, 0x03, *data])]) == "done"
    assert told == []


def test_no_other_family_has_any() -> None:
    for driver in (MODBUS, DRIVER_1997):
        assert driver.events(METER, {"n_program": 1}, lambda _: None) is None
