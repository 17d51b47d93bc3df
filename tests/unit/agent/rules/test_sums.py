"""Sums that do not agree, totals and parts, values that stand still: found, and nobody else accused."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from config.meterkinds import Balance, Frozen, PowerSum
from tests.support.plants import Story, plant
from tests.support.wiring import SOUND, Bench, Values, varied, without

SUM = PowerSum(id="sum", meters=("kiln-m",))
BALANCE = Balance(id="balance", total=("kiln",), parts=("scrubber", "spare"))
FROZEN = Frozen(id="frozen", meters=("kiln-m",))
THIRD: Values = {**SOUND, "p": "4.14"}  # as if one phase were turned, and its own power not
SCALED: Values = {**SOUND, "p": "31.2", "p_a": "10.4", "p_b": "10.4", "p_c": "10.4"}


# ---- power-sum -----------------------------------------------------------------------------------


def test_a_total_that_is_not_its_parts_is_raised_and_cleared() -> None:
    bench = Bench(SUM)
    bench.run(310, THIRD)
    assert bench.raised == [("sum/kiln-m/uipf", "SBX-RUL-036"), ("sum/kiln-m/phases", "SBX-RUL-037")]
    assert bench.up[0].facts["power"] == "4.14 kW"
    assert {alarm.facts["sum"] for alarm in bench.up} == {"12.47 kW", "12.48 kW"}
    bench.see(SOUND)
    assert bench.up == ()


def test_a_wrong_scale_of_power_is_seen_by_voltage_and_current() -> None:
    bench = Bench(SUM)
    bench.run(310, SCALED)
    assert bench.codes == ["SBX-RUL-036"]


@pytest.mark.parametrize(
    ("sequence", "rule"),
    [
        pytest.param((SOUND,), SUM, id="all right"),
        pytest.param(({**SOUND, "p": "14.5"},), SUM, id="14 percent"),
        pytest.param((without(THIRD, "pf_b", "p_b"),), SUM, id="a value is missing"),
        pytest.param(
            ({**SOUND, "p": "-12.48", "pf_a": "0.9", "p_a": "-4.16", "p_b": "-4.17", "p_c": "-4.15"},),
            SUM,
            id="a power factor without sign",
        ),
        pytest.param((THIRD,), replace(SUM, min_kw=Decimal(20)), id="too small to tell"),
        pytest.param(
            ({**SOUND, "p": "20"}, {**SOUND, "p": "7"}), SUM, id="a load that jumps while it is read"
        ),
        pytest.param((SCALED, SOUND), SUM, id="never for long"),
        pytest.param(
            ({**THIRD, "p_a": "2.1", "p_b": "0", "p_c": "2.04"},), replace(SUM, wires=3), id="three wires"
        ),
        pytest.param(
            ({"p": "12", "p_a": "5", "p_c": "7"},), replace(SUM, wires=3), id="three wires without b"
        ),
    ],
)
def test_near_misses_of_a_sum(sequence: tuple[Values, ...], rule: PowerSum) -> None:
    bench = Bench(rule)
    bench.run(1200, *sequence)
    assert bench.codes == []


def test_values_of_two_readings_are_never_added() -> None:
    bench = Bench(SUM)
    odd, even = without(SOUND, "p"), without(THIRD, "u_a", "u_b", "u_c", "p_a")
    bench.run(1200, odd, even)
    assert bench.codes == []


# ---- balance -------------------------------------------------------------------------------------


def balanced(rule: Balance, seconds: int, **power_kw: str | None) -> Story:
    story = Story(plant(rule))
    story.run(range(0, seconds, 10), **power_kw)
    return story


def test_parts_above_their_total_are_raised() -> None:
    story = balanced(BALANCE, 900, kiln="100", scrubber="80", spare="40")
    assert story.changes == []
    story.run(range(900, 1910, 10), kiln="100", scrubber="80", spare="40")
    ((second, key, raised),) = story.changes
    assert (second, key, raised) == (1800, "balance/over", True)
    (alarm,) = story.engine.active
    assert (alarm.code, alarm.facts["apart"], alarm.facts["of"]) == (
        "SBX-RUL-038",
        "20 kW",
        "scrubber, spare",
    )
    story.run(range(1910, 4000, 10), kiln="100", scrubber="60", spare="39")
    assert [change[1:] for change in story.changes] == [("balance/over", True), ("balance/over", False)]


@pytest.mark.parametrize(
    ("kiln", "scrubber", "spare", "percent"),
    [
        ("100", "64", "40", None),  # within the tolerance
        ("0.5", "0.9", "0.4", None),  # too small to tell
        ("100", "40", None, 20),  # a part is silent: not missing from the sum
        (None, "80", "40", None),  # the total is silent
        ("100", "60", "25", 20),
        ("100", "10", "5", None),  # a rest that nobody asked for
    ],
)
def test_near_misses_of_a_balance(kiln: str, scrubber: str, spare: str | None, percent: int | None) -> None:
    rule = replace(BALANCE, rest_percent=percent)
    assert balanced(rule, 3000, kiln=kiln, scrubber=scrubber, spare=spare).changes == []


def test_a_silent_part_cannot_excuse_the_others() -> None:
    story = balanced(BALANCE, 2000, kiln="100", scrubber="130", spare=None)
    assert [change[1] for change in story.changes] == ["balance/over"]


def test_a_rest_that_nothing_explains() -> None:
    story = balanced(replace(BALANCE, rest_percent=20), 2000, kiln="100", scrubber="50", spare="20")
    assert [alarm.code for alarm in story.engine.active] == ["SBX-RUL-039"]
    assert story.engine.active[0].facts["apart"] == "30 kW"


def test_a_start_that_one_meter_tells_later_is_no_imbalance() -> None:
    story = Story(plant(BALANCE))
    for second in range(0, 3600, 10):
        on = second % 900 < 450
        story.poll(second, kiln="100" if on else "20")
        story.poll(second + 5, scrubber="80" if on else "10", spare="10")
    assert story.changes == []


# ---- frozen --------------------------------------------------------------------------------------


def test_values_that_stand_still_under_load_are_raised() -> None:
    bench = Bench(FROZEN)
    bench.run(60, *varied(SOUND, ("1", "1.01")))
    bench.run(1800, SOUND)
    assert bench.codes == []
    bench.see(SOUND)
    assert bench.raised == [("frozen/kiln-m", "SBX-RUL-040")]
    (alarm,) = bench.up
    assert (alarm.facts["minutes"], alarm.facts["count"]) == ("30", "14")
    assert (alarm.since_ms, alarm.since_record, alarm.fault) == (60_000, 7, "device")
    bench.now_s += 10
    bench.see({**SOUND, "u_c": "231.0"})
    assert bench.cleared == [("frozen/kiln-m", "")]


@pytest.mark.parametrize(
    "sequence",
    [
        pytest.param((SOUND, {**SOUND, "u_a": "231.3"}), id="one digit moves"),
        pytest.param(({name: "0" for name in SOUND},), id="all zero"),
        pytest.param(
            ({**SOUND, "p": "0", "p_a": "0", "p_b": "0", "p_c": "0", "i_a": "0", "i_b": "0", "i_c": "0"},),
            id="a machine that stands",
        ),
        pytest.param(({**SOUND, "p": "0.9", "p_a": "0.3", "p_b": "0.3", "p_c": "0.3"},), id="a lamp"),
        pytest.param(({"u_a": "231", "i_a": "5", "p": "3"},), id="too few values to tell"),
        pytest.param((without(SOUND, "u_a", "u_b", "u_c"),), id="no voltage is read"),
    ],
)
def test_near_misses_of_frozen_values(sequence: tuple[Values, ...]) -> None:
    bench = Bench(FROZEN)
    bench.run(4000, *sequence)
    assert bench.codes == []


def test_a_silence_begins_it_anew_and_a_restart_does_not() -> None:
    bench = Bench(FROZEN)
    bench.run(1700, SOUND)
    bench.wait(40)
    bench.run(1700, SOUND)
    assert bench.codes == []
    bench.restart()
    bench.run(120, SOUND)
    assert bench.codes == ["SBX-RUL-040"]


def test_one_reading_after_a_lost_memory_proves_nothing() -> None:
    bench = Bench(FROZEN)
    bench.run(1900, SOUND)
    bench.forget()
    bench.see(SOUND)
    assert [alarm.code for alarm in bench.up] == ["SBX-RUL-040"]
    bench.now_s += 10
    bench.see({**SOUND, "u_a": "230.9"})
    assert bench.up == ()


def test_the_same_number_with_other_zeros_is_the_same() -> None:
    bench = Bench(FROZEN)
    bench.run(1900, SOUND, {**SOUND, "i_a": "20.00"})
    assert bench.codes == ["SBX-RUL-040"]
