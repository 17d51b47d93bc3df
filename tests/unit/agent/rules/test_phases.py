"""Lost phases, the order of phases, reversed transformers: found, and nobody else accused."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from config.meterkinds import PhaseLoss, PhaseOrder, ReversedCt
from tests.support.wiring import SOUND, Bench, Values, without

LOSS = PhaseLoss(id="loss", meters=("kiln-m",))
ORDER = PhaseOrder(id="order", meters=("kiln-m",))
TURNED = ReversedCt(id="ct", meters=("kiln-m",))
NO_B: Values = {**SOUND, "u_b": "12.0", "i_b": "0", "p_b": "0", "p": "8.31"}
NO_CURRENT_B: Values = {**SOUND, "i_b": "0.1", "p_b": "0.02", "p": "8.33"}
DARK: Values = {name: "0" for name in SOUND}


# ---- phase-loss ----------------------------------------------------------------------------------


def test_a_lost_voltage_is_raised_once_and_cleared() -> None:
    bench = Bench(LOSS)
    bench.run(60, SOUND)
    bench.run(60, NO_B)
    assert bench.raised == []
    bench.see(NO_B)
    assert bench.raised == [("loss/kiln-m/u", "SBX-RUL-030")]  # its current is lost as well: said once
    (alarm,) = bench.up
    assert alarm.facts == {"meter": "kiln-m", "phases": "B", "values": "A 231.2 V, B 12 V, C 230.9 V"}
    assert (alarm.since_ms, alarm.since_record, alarm.level) == (60_000, 7, "warning")
    bench.now_s += 10
    bench.see(SOUND)
    assert bench.cleared == [("loss/kiln-m/u", "")]


def test_a_lost_current_is_raised() -> None:
    bench = Bench(LOSS)
    bench.run(60, SOUND)
    bench.run(70, NO_CURRENT_B)
    assert bench.raised == [("loss/kiln-m/i", "SBX-RUL-031")]
    assert bench.up[0].facts["phases"] == "B"


def test_no_load_says_nothing_of_a_lost_current() -> None:
    bench = Bench(LOSS)
    bench.run(60, SOUND)
    bench.run(70, NO_CURRENT_B)
    idle = {**SOUND, "i_a": "0.1", "i_b": "0", "i_c": "0.1"}
    bench.run(300, idle)
    assert [alarm.code for alarm in bench.up] == ["SBX-RUL-031"]
    bench.run(20, SOUND)
    assert bench.up == ()


@pytest.mark.parametrize(
    ("before", "then", "rule"),
    [
        pytest.param(SOUND, DARK, LOSS, id="a dark meter is a power cut"),
        pytest.param(SOUND, {**SOUND, "u_b": "170"}, LOSS, id="74 percent"),
        pytest.param(SOUND, without(SOUND, "u_b", "i_b"), LOSS, id="the phase is missing from the readings"),
        pytest.param(SOUND, {**SOUND, "i_b": "1.2"}, LOSS, id="6 percent of the others' current"),
        pytest.param(SOUND, NO_CURRENT_B, replace(LOSS, min_a=Decimal(25)), id="too little load to tell"),
        pytest.param(SOUND, NO_CURRENT_B, replace(LOSS, min_a=Decimal(0)), id="currents are not judged"),
        pytest.param(NO_B, NO_B, LOSS, id="a three-wire meter that reads 0 there for ever"),
        pytest.param(without(NO_B, "u_b", "i_b"), NO_B, LOSS, id="a phase that never had a value"),
        pytest.param(NO_CURRENT_B, NO_CURRENT_B, LOSS, id="a load on two phases"),
        pytest.param(SOUND, NO_B, replace(LOSS, wires=3), id="three wires: phase b is not measured"),
        pytest.param({"u_a": "230", "i_a": "9"}, {"u_a": "0", "i_a": "0"}, LOSS, id="single phase"),
    ],
)
def test_near_misses_of_a_lost_phase(before: Values, then: Values, rule: PhaseLoss) -> None:
    bench = Bench(rule)
    bench.run(60, before)
    bench.run(600, then)
    assert bench.codes == []


def test_three_wires_an_outer_phase_is_found() -> None:
    lines: Values = {"u_ab": "380", "u_bc": "381", "i_a": "20", "i_c": "20", "p": "12"}
    bench = Bench(replace(LOSS, wires=3))
    bench.run(60, lines)
    bench.run(70, {**lines, "u_ab": "190", "i_a": "0"})
    assert bench.raised == [("loss/kiln-m/u", "SBX-RUL-030")]
    assert bench.up[0].facts["phases"] == "AB"
    amps = Bench(replace(LOSS, wires=3))
    amps.run(60, lines)
    amps.run(70, {**lines, "i_a": "0"})
    assert amps.codes == ["SBX-RUL-031"]


def test_a_short_dip_and_missing_readings_prove_nothing() -> None:
    bench = Bench(LOSS)
    bench.run(60, SOUND)
    bench.run(50, NO_B)
    bench.run(20, SOUND)  # the motor started
    bench.run(50, NO_B)
    bench.wait(600)  # the meter is silent from here
    assert bench.codes == []
    bench.run(600, NO_B, SOUND)  # a loose wire: never a whole minute
    assert bench.codes == []


def test_what_was_there_is_known_after_a_restart() -> None:
    bench = Bench(LOSS)
    bench.run(60, SOUND)
    bench.restart(boot="boot-2")
    bench.run(70, NO_B)
    assert bench.codes == ["SBX-RUL-030"]
    bench.restart()
    bench.run(70, NO_B)
    assert bench.codes == ["SBX-RUL-030"]


def test_silence_does_not_clear_a_lost_phase() -> None:
    bench = Bench(LOSS)
    bench.run(60, SOUND)
    bench.run(70, NO_B)
    bench.wait(3600)
    assert [alarm.code for alarm in bench.up] == ["SBX-RUL-030"]


def test_an_alarm_whose_memory_was_lost_is_not_cleared_by_what_still_is() -> None:
    bench = Bench(LOSS)
    bench.run(60, SOUND)
    bench.run(70, NO_B)
    bench.forget()
    bench.run(300, NO_B)
    assert [alarm.code for alarm in bench.up] == ["SBX-RUL-030"]
    bench.run(10, SOUND)
    assert bench.up == ()


def test_without_names_every_meter_is_judged() -> None:
    bench = Bench(replace(LOSS, meters=()))
    bench.run(60, SOUND)
    for _ in range(7):
        bench.see(NO_B)
        bench.see(SOUND, meter="spare-m")
        bench.now_s += 10
    assert bench.raised == [("loss/kiln-m/u", "SBX-RUL-030")]


# ---- phase-order ---------------------------------------------------------------------------------


def told(order: str) -> Values:
    return {"phase_order": order, "ep_imp": "12.40"}


def test_a_reversed_order_is_raised_when_it_lasts() -> None:
    bench = Bench(ORDER)
    for order in ("0", "1", "1", "1"):  # read each minute
        bench.run(60, SOUND)
        bench.see(told(order), slow=True)
    assert bench.codes == []
    for _ in range(3):
        bench.run(60, SOUND)
        bench.see(told("1"), slow=True)
    assert bench.raised == [("order/kiln-m", "SBX-RUL-032")]
    bench.run(60, SOUND)
    bench.see(told("0"), slow=True)
    assert bench.cleared == [("order/kiln-m", "")]


@pytest.mark.parametrize(
    ("fast", "slow"),
    [
        pytest.param(SOUND, told("0"), id="right"),
        pytest.param(SOUND, {"ep_imp": "12.40"}, id="never told"),
        pytest.param(NO_B, told("1"), id="a phase is missing: there is no order"),
        pytest.param(DARK, told("1"), id="no voltage"),
        pytest.param(SOUND, told("7"), id="a number without meaning"),
    ],
)
def test_near_misses_of_a_reversed_order(fast: Values, slow: Values) -> None:
    bench = Bench(ORDER)
    for _ in range(12):
        bench.see(slow, slow=True)
        bench.run(60, fast)
    assert bench.codes == []


# ---- reversed-ct ---------------------------------------------------------------------------------

B_TURNED: Values = {**SOUND, "p_b": "-4.17", "p": "4.14", "pf_b": "-0.9"}
ALL_TURNED: Values = {**SOUND, "p_a": "-4.16", "p_b": "-4.17", "p_c": "-4.15", "p": "-12.48"}
ONE_PHASE: Values = {"u_a": "230", "i_a": "20", "p": "-4.1"}


def test_a_reversed_transformer_is_named() -> None:
    bench = Bench(TURNED)
    bench.run(300, B_TURNED)
    assert bench.codes == []
    bench.see(B_TURNED)
    assert bench.raised == [("ct/kiln-m", "SBX-RUL-033")]
    assert bench.up[0].facts == {
        "meter": "kiln-m",
        "phases": "B",
        "power": "A 4.16 kW, B -4.17 kW, C 4.15 kW",
    }
    assert bench.up[0].peak == Decimal("4.17")


def test_a_standing_machine_does_not_clear_it_and_a_right_reading_does() -> None:
    bench = Bench(TURNED)
    bench.run(310, B_TURNED)
    bench.run(600, {**SOUND, **{name: "0" for name in ("i_a", "i_b", "i_c", "p", "p_a", "p_b", "p_c")}})
    bench.run(600, {**SOUND, "p_b": "0.01", "i_b": "0.1"})  # the other phases alone
    assert [alarm.code for alarm in bench.up] == ["SBX-RUL-033"]
    bench.see(SOUND)
    assert bench.up == ()


def test_all_phases_and_a_single_phase_meter() -> None:
    bench = Bench(TURNED)
    bench.run(310, ALL_TURNED)
    assert bench.up[0].facts["phases"] == "A, B, C"
    single = Bench(TURNED)
    single.run(310, ONE_PHASE)
    assert single.codes == ["SBX-RUL-034"]
    assert single.up[0].facts["power"] == "-4.1 kW"


@pytest.mark.parametrize(
    ("values", "rule"),
    [
        pytest.param(SOUND, TURNED, id="all right"),
        pytest.param({**SOUND, "p_b": "-0.4"}, TURNED, id="too little power"),
        pytest.param({**SOUND, "p_b": "-0.9", "i_b": "0.5"}, TURNED, id="no current"),
        pytest.param(ALL_TURNED, replace(TURNED, export=True), id="the plant feeds in"),
        pytest.param(ONE_PHASE, replace(TURNED, export=True), id="a single phase feeds in"),
        pytest.param(
            {**SOUND, "p_a": "1.2", "p_b": "-4.17"}, replace(TURNED, export=True), id="sun on one phase"
        ),
        pytest.param(
            {"i_a": "9", "i_c": "9", "p": "3", "p_a": "-0.9", "p_b": "0", "p_c": "3.9"},
            replace(TURNED, wires=3),
            id="three wires at a power factor under one half",
        ),
    ],
)
def test_near_misses_of_a_reversed_transformer(values: Values, rule: ReversedCt) -> None:
    bench = Bench(rule)
    bench.run(1200, values)
    assert bench.codes == []


def test_a_crane_that_brakes_is_not_reversed() -> None:
    bench = Bench(TURNED)
    for _ in range(10):
        bench.run(120, ALL_TURNED)
        bench.run(30, SOUND)
    assert bench.codes == []


def test_with_export_the_one_that_differs_is_named() -> None:
    bench = Bench(replace(TURNED, export=True))
    bench.run(310, {**ALL_TURNED, "p_c": "4.15", "p": "-4.18"})
    assert bench.up[0].facts["phases"] == "C"
