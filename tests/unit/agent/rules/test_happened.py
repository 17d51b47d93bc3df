"""What happened and cannot become fine again: raised once, kept until seen or until its time is over."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from agent.axis import Axis
from agent.orders.book import Book
from agent.replay import Replay
from agent.rules.alarms import AlarmChange
from agent.rules.storm import MOST
from agent.rules.world import Moment
from config.meterkinds import MeterEvents, MeterSwapped, RatioChanged, Register
from config.orders import Declaration
from tests.support.wiring import SOUND, Bench, Values, varied

RATIO = RatioChanged(id="ratio", meters=("kiln-m",))
REGISTER = Register(id="ep", meters=("kiln-m",))
SWAPPED = MeterSwapped(id="swap", meters=("kiln-m",))
EVENTS = MeterEvents(id="events", meters=("kiln-m",))
HOUR = 3600


def ct(value: str) -> Values:
    return {**SOUND, "ct": value, "pt": "1"}


def register(value: str, **more: str) -> Values:
    return {"ep_imp": value, **more}


# ---- the life of such an alarm, by ratio-changed -------------------------------------------------


def changed(rule: RatioChanged = RATIO) -> Bench:
    bench = Bench(rule)
    bench.run(60, ct("40"))
    bench.run(60, ct("60"))
    return bench


def test_a_changed_ratio_is_raised_at_once_and_only_once() -> None:
    bench = changed()
    bench.run(600, ct("60.0"))
    assert bench.raised == [("ratio/kiln-m/ct/1", "SBX-RUL-035")]
    (alarm,) = bench.up
    assert alarm.facts == {"meter": "kiln-m", "name": "CT", "old": "40", "new": "60"}
    assert (alarm.since_ms, alarm.since_record, alarm.level) == (60_000, 7, "warning")


def test_an_acknowledged_one_clears_at_the_next_step_and_stays_away() -> None:
    bench = changed()
    assert bench.engine.acknowledge("ratio/kiln-m/ct/1", "li", "transformers exchanged") is not None
    assert bench.cleared == []
    bench.tick()
    assert bench.cleared == [("ratio/kiln-m/ct/1", "acknowledged")]
    assert bench.all[-1].alarm.acknowledged == "li"
    bench.run(600, ct("60"))
    bench.restart()
    bench.run(600, ct("60"))
    assert (len(bench.all), bench.up) == (2, ())


def test_it_ends_by_itself_after_its_time() -> None:
    bench = changed(replace(RATIO, keep_s=HOUR))
    bench.wait(HOUR - 61)
    assert len(bench.up) == 1
    bench.wait(1)
    assert bench.cleared == [("ratio/kiln-m/ct/1", "expired")]
    assert bench.all[-1].dur_ms == HOUR * 1000
    bench.wait(60)
    assert len(bench.all) == 2


def test_a_second_one_is_not_silent_while_the_first_is_up() -> None:
    bench = changed()
    bench.see(ct("40"))
    assert [key for key, _ in bench.raised] == ["ratio/kiln-m/ct/1", "ratio/kiln-m/ct/2"]
    assert len(bench.up) == 2
    bench.engine.acknowledge("ratio/kiln-m/ct/1", "li", "")
    bench.tick()
    assert [alarm.facts["new"] for alarm in bench.up] == ["40"]


def test_it_survives_a_restart_and_is_not_raised_again() -> None:
    bench = changed()
    bench.restart(boot="boot-2")
    bench.run(600, ct("60"))
    assert len(bench.raised) == len(bench.up) == 1


def test_a_change_while_the_box_was_off_is_seen() -> None:
    bench = Bench(RATIO)
    bench.run(60, ct("40"))
    bench.restart(boot="boot-2")
    bench.run(60, ct("60"))
    assert bench.codes == ["SBX-RUL-035"]


def test_what_could_not_be_recorded_comes_again() -> None:
    bench = changed()
    bench.engine.undo(bench.all[-1])
    assert bench.up == ()
    bench.tick()
    assert [change.change for change in bench.all] == ["raised", "raised"]
    bench.engine.acknowledge("ratio/kiln-m/ct/1", "li", "")
    bench.tick()
    bench.engine.undo(bench.all[-1])
    bench.tick()
    assert [change.change for change in bench.all[2:]] == ["cleared", "cleared"]


def test_a_storm_of_them_is_held_back_and_none_is_lost() -> None:
    bench = Bench(RATIO)
    for number in range(MOST + 6):
        bench.see(ct(str(number)))
        bench.now_s += 1
    raised = [key for key, code in bench.raised if code == "SBX-RUL-035"]
    assert len(raised) == MOST
    bench.wait(600)
    bench.wait(600)
    assert len({key for key, code in bench.raised if code == "SBX-RUL-035"}) == MOST + 5


def test_more_than_are_kept_make_the_oldest_room() -> None:
    bench = Bench(RATIO)
    for number in range(71):
        bench.see(ct(str(number)))
        bench.now_s += 60
    assert len(bench.up) == 64
    assert bench.cleared[0] == ("ratio/kiln-m/ct/1", "expired")
    assert len(bench.raised) == 70


WORK = Declaration(id="w1", kind="maintenance", declared_ms=0, from_ms=0, to_ms=10_000_000, points=("kiln",))


def test_a_declared_maintenance_lowers_it_and_its_end_does_not_raise_it_again() -> None:
    bench = Bench(replace(RATIO, level="alarm"), utc_ms=0)
    bench.declare(WORK)
    bench.run(60, ct("40"))
    bench.see(ct("60"))
    (alarm,) = bench.up
    assert (alarm.level, alarm.declared) == ("warning", "w1")
    bench.now_s = 11_000
    bench.run(60, ct("60"))
    assert [change.change for change in bench.all] == ["raised"]
    bench.see(ct("80"))
    assert bench.up[-1].level == "alarm"


def test_nothing_is_said_of_the_first_ratio_or_of_one_that_stays() -> None:
    bench = Bench(RATIO)
    bench.run(60, SOUND)
    bench.run(60, ct("40"), SOUND, ct("40.0"))
    bench.wait(600)
    bench.run(60, ct("40"))
    assert bench.raised == []


def test_without_its_memory_it_ends_and_the_next_is_raised() -> None:
    bench = changed()
    bench.forget()
    bench.tick()
    assert bench.cleared == [("ratio/kiln-m/ct/1", "not judged")]
    bench.run(20, ct("60"))
    bench.run(20, ct("80"))
    assert [alarm.facts["new"] for alarm in bench.up] == ["80"]


def test_an_acknowledgement_in_the_journal_is_heard_again() -> None:
    """The page is older than the acknowledgement: what is replayed must end where life did."""
    bench = Bench(RATIO)
    bench.run(60, ct("40"))
    replay = Replay(bench.engine, Axis("boot-1", 0), Book())
    records: list[dict[str, object]] = [
        {"k": "reading", "m": "kiln-m", "s": "f6", "src": "live", "v": {"ct": "60"}, "x": {}},
        {"k": "alarm", "id": "ratio/kiln-m/ct/1", "state": "acknowledged", "by": "li"},
        {"k": "reading", "m": "kiln-m", "s": "f7", "src": "live", "v": {"ct": "60"}, "x": {}},
        {"k": "alarm", "id": "ratio/kiln-m/ct/1", "state": "cleared"},
        {"k": "reading", "m": "kiln-m", "s": "f8", "src": "live", "v": {"ct": "60"}, "x": {}},
    ]
    changes: list[AlarmChange] = []
    for number, record in enumerate(records):
        mono = 60_000 + 10_000 * number
        changes += replay.take({**record, "boot": 1, "i": 7 + number, "mono": mono, "q": "R", "t": mono})
    assert [(one.change, one.reason) for one in changes] == [("raised", ""), ("cleared", "acknowledged")]
    bench.engine.restore(())
    assert bench.engine.tick(Moment(101_000)) == ()
    assert bench.up == ()


# ---- register ------------------------------------------------------------------------------------


def metered(rule: Register, *registers: str, slow_s: int = 300, ratio: str = "1") -> Bench:
    """A kiln of about 12 kW, its register read each five minutes."""
    bench = Bench(rule, ct=ratio)
    for value in registers:
        bench.see(register(value), slow=True)
        bench.run(slow_s, *varied(SOUND, ("1", "1.1", "0.9")))
    return bench


def rising(start: str, steps: int, kwh: str = "1.04") -> list[str]:
    return [str(Decimal(start) + number * Decimal(kwh)) for number in range(steps)]


def test_a_register_that_falls_is_raised() -> None:
    bench = metered(REGISTER, "1000.00", "1001.04", "3.10", "4.14")
    assert bench.codes == ["SBX-RUL-042"]
    assert bench.up[0].facts == {"meter": "kiln-m", "old": "1001.04 kWh", "new": "3.1 kWh"}


@pytest.mark.parametrize(
    ("old", "new", "ratio", "drawn"),
    [
        ("999999.60", "0.64", "1", "1.04 kWh"),
        ("799999.00", "0.03", "1", "1.03 kWh"),
        ("42949672.00", "0.32", "1", "1.28 kWh"),
        ("39999998.40", "1.60", "40", "3.2 kWh"),
    ],
)
def test_a_register_that_comes_to_its_end_is_no_accusation(
    old: str, new: str, ratio: str, drawn: str
) -> None:
    bench = metered(replace(REGISTER, level="alarm"), old, new, ratio=ratio)
    assert bench.codes == ["SBX-RUL-041"]
    assert (bench.up[0].level, bench.up[0].facts["drawn"]) == ("warning", drawn)


def test_near_its_end_and_cleared_is_backwards_when_the_power_says_so() -> None:
    assert metered(REGISTER, "995000.00", "0.64").codes == ["SBX-RUL-042"]


def test_a_roll_over_during_a_silence_of_days() -> None:
    bench = metered(REGISTER, "999700.00")
    bench.wait(72 * HOUR)
    bench.see(register("560.00"), slow=True)
    assert bench.codes == ["SBX-RUL-041"]


def test_a_jump_is_found_within_a_measured_hour() -> None:
    values = rising("1000.00", 14)
    jumped = [*values[:5], *rising("1060.00", 9)]
    assert metered(REGISTER, *values).codes == []
    bench = metered(REGISTER, *jumped)
    assert bench.codes == ["SBX-RUL-043"]
    assert bench.up[0].facts["drawn"] == "67.28 kWh"


def test_more_than_can_flow_is_found_at_once() -> None:
    bench = metered(replace(REGISTER, max_kw=Decimal(100)), "1000.00", "1001.00", "1013.00")
    assert bench.codes == ["SBX-RUL-043"]
    assert bench.up[0].facts["most"] == "11.687 kWh"
    assert metered(replace(REGISTER, max_kw=Decimal(100)), "1000.00", "1001.00", "1012.00").codes == []


def test_what_flowed_while_the_box_was_off_is_no_jump() -> None:
    bench = metered(replace(REGISTER, max_kw=Decimal(100)), *rising("1000.00", 3))
    bench.restart(boot="boot-2")  # woke up in the past: no time seems to have passed
    bench.see(register("1200.00"), slow=True)
    bench.run(HOUR, *varied(SOUND, ("1", "1.1")))
    bench.see(register("1212.00"), slow=True)
    assert bench.codes == []


def test_what_flowed_while_the_meter_was_silent_is_no_jump() -> None:
    bench = metered(REGISTER, *rising("1000.00", 3))
    bench.wait(8 * HOUR)
    bench.see(register("1100.00"), slow=True)
    assert bench.codes == []


@pytest.mark.parametrize(
    "registers",
    [
        pytest.param(("1000.00", "1000.00", "1001.0", "1000.99"), id="the last digit trembles"),
        pytest.param(("1000", *["1000"] * 11, "1014", "1014"), id="a coarse register"),
        pytest.param(("0.00", "1.04"), id="a new meter"),
    ],
)
def test_near_misses_of_a_register(registers: tuple[str, ...]) -> None:
    assert metered(REGISTER, *registers).codes == []


def test_a_changed_ratio_moves_the_register_and_is_said_elsewhere() -> None:
    bench = Bench(REGISTER, RATIO)
    bench.see({"ep_imp": "4000.00", "ct": "40"}, slow=True)
    bench.run(60, ct("40"))
    bench.see({"ep_imp": "2000.10", "ct": "20"}, slow=True)
    assert bench.codes == ["SBX-RUL-035"]


def test_another_meter_by_its_number_is_no_register_that_went_back() -> None:
    bench = Bench(REGISTER, SWAPPED)
    bench.see(register("1000.00", serial="1"), slow=True)
    bench.see(register("1001.00"), slow=True)
    bench.see(register("20.00", serial="2"), slow=True)
    assert bench.codes == ["SBX-RUL-044"]
    bench.see(register("10.00", serial="2"), slow=True)
    assert bench.codes == ["SBX-RUL-044", "SBX-RUL-042"]


# ---- meter-swapped -------------------------------------------------------------------------------


def test_another_number_is_another_meter() -> None:
    bench = Bench(SWAPPED)
    bench.see(register("1000.00", serial="1234"), slow=True)
    bench.run(60, SOUND)
    bench.see(register("1001.00", serial="1234"), slow=True)
    assert bench.raised == []
    bench.run(60, SOUND)
    bench.see(register("20.00", serial="5678"), slow=True)
    assert bench.codes == ["SBX-RUL-044"]
    assert bench.up[0].facts == {"meter": "kiln-m", "old": "000000001234", "new": "000000005678"}
    bench.run(60, SOUND)
    bench.see(register("21.00", serial="5678"), slow=True)
    assert len(bench.raised) == 1


@pytest.mark.parametrize("boot", ["", "boot-2"], ids=["silence", "the box was off"])
def test_a_register_that_fell_after_a_silence_is_another_meter(boot: str) -> None:
    bench = Bench(SWAPPED)
    bench.see(register("1000.00"), slow=True)
    bench.run(60, SOUND)
    if boot:
        bench.restart(boot=boot)
    else:
        bench.wait(1800)
    bench.run(30, SOUND)
    bench.see(register("20.00"), slow=True)
    assert bench.codes == ["SBX-RUL-045"]
    bench.run(60, SOUND)
    bench.see(register("10.00"), slow=True)  # no silence before this one
    assert len(bench.raised) == 1


@pytest.mark.parametrize(
    ("first", "silence_s", "then"),
    [
        pytest.param(register("1000.00"), 0, register("20.00"), id="no silence: the register went back"),
        pytest.param(register("1000.00"), 1800, register("1040.00"), id="it rose"),
        pytest.param(register("999990.00"), 1800, register("20.00"), id="it rolled over"),
        pytest.param(
            register("1000.00", serial="1"),
            1800,
            register("20.00", serial="1"),
            id="cleared, the same number",
        ),
        pytest.param(register("1000.00"), 1800, register("1040.00", serial="1"), id="it tells a number now"),
        pytest.param(SOUND, 1800, register("20.00"), id="the first register"),
    ],
)
def test_near_misses_of_a_swap(first: Values, silence_s: int, then: Values) -> None:
    bench = Bench(SWAPPED)
    bench.see(first, slow=True)
    bench.run(60, SOUND)
    bench.wait(silence_s)
    bench.see(then, slow=True)
    assert bench.raised == []


def test_a_new_meter_that_tells_no_number_any_more() -> None:
    bench = Bench(SWAPPED)
    bench.see(register("1000.00", serial="1"), slow=True)
    bench.wait(1800)
    bench.see(register("20.00"), slow=True)
    assert bench.codes == ["SBX-RUL-045"]


# ---- meter-events --------------------------------------------------------------------------------


def counted(**counts: str) -> Values:
    return {"ep_imp": "12.40", **{f"n_{name}": count for name, count in counts.items()}}


def test_each_counter_has_its_own_alarm() -> None:
    bench = Bench(EVENTS)
    bench.see(counted(program="3", cover="0", clear="1"), slow=True)
    bench.run(60, SOUND)
    assert bench.raised == []
    bench.see(counted(program="4", cover="2", clear="1"), slow=True)
    assert bench.raised == [
        ("events/kiln-m/n_cover/1", "SBX-RUL-055"),
        ("events/kiln-m/n_program/1", "SBX-RUL-050"),
    ]
    assert bench.up[0].facts == {"meter": "kiln-m", "counter": "n_cover", "times": "2", "count": "2"}


def test_two_openings_of_a_cover_are_two_alarms() -> None:
    bench = Bench(EVENTS)
    for count in "0112":
        bench.see(counted(cover=count), slow=True)
        bench.run(60, SOUND)
    assert bench.codes == ["SBX-RUL-055", "SBX-RUL-055"]


def test_a_cover_opened_while_the_box_was_off_is_seen() -> None:
    bench = Bench(EVENTS)
    bench.see(counted(terminal_cover="0"), slow=True)
    bench.restart(boot="boot-2")
    bench.see(counted(terminal_cover="1"), slow=True)
    assert bench.codes == ["SBX-RUL-056"]


@pytest.mark.parametrize(
    ("watch", "before", "after", "codes"),
    [
        ((), counted(power_down="3"), counted(power_down="9"), []),
        (
            ("n_power_down",),
            counted(power_down="3", cover="0"),
            counted(power_down="9", cover="1"),
            ["SBX-RUL-057"],
        ),
        (("n_cover",), counted(program="3", cover="0"), counted(program="4", cover="0"), []),
        ((), counted(cover="1"), counted(), []),
        ((), counted(), counted(cover="1"), []),
        ((), counted(cover="1"), counted(cover="1.0"), []),
    ],
)
def test_what_is_watched(watch: tuple[str, ...], before: Values, after: Values, codes: list[str]) -> None:
    bench = Bench(replace(EVENTS, watch=watch))
    bench.see(before, slow=True)
    bench.see(after, slow=True)
    assert bench.codes == codes


def test_a_reading_without_counters_forgets_none() -> None:
    bench = Bench(EVENTS)
    bench.see(counted(cover="1"), slow=True)
    bench.see(counted(), slow=True)
    bench.see(counted(cover="2"), slow=True)
    assert bench.codes == ["SBX-RUL-055"]


def test_counters_that_fell_are_one_alarm() -> None:
    bench = Bench(EVENTS)
    bench.see(counted(cover="3", program="9"), slow=True)
    bench.see(counted(cover="0", program="0"), slow=True)
    assert bench.codes == ["SBX-RUL-060"]
    assert bench.up[0].facts["counters"] == "n_cover 3 -> 0, n_program 9 -> 0"
    bench.see(counted(cover="1", program="0"), slow=True)
    assert bench.codes == ["SBX-RUL-060", "SBX-RUL-055"]


def test_counters_of_another_meter_begin_anew() -> None:
    bench = Bench(EVENTS)
    bench.see({**counted(cover="3", program="0"), "serial": "1"}, slow=True)
    bench.see({**counted(cover="0", program="7"), "serial": "2"}, slow=True)
    assert bench.raised == []
    bench.see(counted(cover="1", program="7"), slow=True)
    assert bench.codes == ["SBX-RUL-055"]
