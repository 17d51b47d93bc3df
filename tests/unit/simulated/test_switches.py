"""Control messages: what each switch does to meters and loads, and what a wrong message is told."""

from __future__ import annotations

from typing import Any

import pytest

from drivers.simulated.feed import Registers, start
from drivers.simulated.items import COUNTS, PHASED
from drivers.simulated.load import Load, LoadSpec, build
from drivers.simulated.meter import EVENTS, Meter
from drivers.simulated.plantfile import MeterSpec
from drivers.simulated.reply import Shown
from drivers.simulated.switches import ControlError, Switches

NOW_MS = 90_000.0
SPECS = (
    LoadSpec(id="kiln", kw=100, role="production"),
    LoadSpec(id="fan", kw=20, role="treatment"),
    LoadSpec(id="scrubber", kw=30, role="treatment"),
)


def spec(name: str, **more: Any) -> MeterSpec:
    given: dict[str, Any] = {"protocol": "modbus-rtu", "address": "1", "model": "acrel-adl400", **more}
    return MeterSpec(id=name, bus="b1", **given)


def plant() -> tuple[Switches, dict[str, Meter]]:
    loads: dict[str, Load] = dict(build(SPECS, period_s=600, seed=1))
    meters = {}
    for name, of in (("m-kiln", ("kiln",)), ("m-fan", ("fan",)), ("m-all", ("kiln", "fan", "scrubber"))):
        feed = start(
            [loads[one] for one in of], phases=3, nominal_v=230, seed=0.1, base=Registers(1, 1, 1, 1)
        )
        meters[name] = Meter(spec(name), feed, lambda: NOW_MS, anchor_ms=0, utc_offset_s=0)
    return Switches(loads, meters, lambda: NOW_MS), meters


def power(meter: Meter) -> float:
    return meter.shown()["p"]


def test_treatment_off_and_on_again() -> None:
    switches, meters = plant()
    before = {name: power(meter) for name, meter in meters.items()}
    switches.set({"set": "treatment-off"})
    assert power(meters["m-fan"]) == 0
    assert power(meters["m-kiln"]) == before["m-kiln"]
    assert power(meters["m-all"]) == pytest.approx(before["m-kiln"])
    switches.set({"set": "treatment-off", "load": "fan", "on": False})
    assert power(meters["m-fan"]) == before["m-fan"]
    assert power(meters["m-all"]) < before["m-all"]
    switches.set({"set": "treatment-off", "on": False})
    assert power(meters["m-all"]) == pytest.approx(before["m-all"])


def test_load_factor() -> None:
    switches, meters = plant()
    before = power(meters["m-kiln"])
    switches.set({"set": "load", "load": "kiln", "factor": "0.25"})
    assert power(meters["m-kiln"]) == pytest.approx(before / 4)


def test_power_cut_of_loads_and_of_meters() -> None:
    switches, meters = plant()
    switches.set({"set": "power-cut"})
    assert [power(meter) for meter in meters.values()] == [0, 0, 0]
    assert not any(meter.silent for meter in meters.values())
    switches.set({"set": "power-cut", "scope": "meters"})
    switches.set({"set": "power-cut", "scope": "meters"})
    assert all(meter.silent for meter in meters.values())
    assert meters["m-fan"].counts["03110000"] == 1
    switches.set({"set": "power-cut", "on": False})
    assert not any(meter.silent for meter in meters.values())
    assert power(meters["m-kiln"]) > 0


def test_wiring() -> None:
    switches, meters = plant()
    meter = meters["m-kiln"]
    switches.set({"set": "reversed-ct", "meter": "m-kiln", "phase": "c"})
    assert meter.shown()["p_c"] < 0 < meter.shown()["p_a"]
    switches.set({"set": "reversed-ct", "meter": "m-kiln", "phase": "c", "on": False})
    switches.set({"set": "wrong-phase", "meter": "m-kiln"})
    assert meter.shown()["p"] < 0
    switches.set({"set": "wrong-phase", "meter": "m-kiln", "on": False})
    switches.set({"set": "phase-loss", "meter": "m-kiln", "phase": "ab"})
    assert (meter.shown()["u_a"], meter.shown()["u_b"]) == (0, 0)
    assert meters["m-all"].shown()["u_a"] > 200
    switches.set({"set": "phase-loss", "meter": "m-kiln", "phase": "ab", "on": False})
    switches.set({"set": "phase-order", "meter": "m-kiln"})
    assert meter.feed.wiring.swapped


def test_faults_of_the_line() -> None:
    switches, meters = plant()
    faults = meters["m-fan"].faults
    switches.set({"set": "unplug", "meter": "m-fan"})
    switches.set({"set": "late", "meter": "m-fan", "ms": 2500, "count": 2})
    switches.set({"set": "flip", "meter": "m-fan", "permille": 200})
    assert (faults.unplugged, faults.flip) == (True, 200)
    assert [faults.lateness_ms() for _ in range(3)] == [2500, 2500, 0]
    switches.set({"set": "late", "meter": "m-fan", "ms": 700})
    assert [faults.lateness_ms() for _ in range(3)] == [700, 700, 700]
    switches.set({"set": "late", "meter": "m-fan", "ms": 0})
    assert faults.lateness_ms() == 0


def test_clock_and_events() -> None:
    switches, meters = plant()
    switches.set({"set": "clock", "meter": "m-fan", "offset_s": -3600})
    switches.set({"set": "event", "meter": "m-fan", "what": "cover-open"})
    assert meters["m-fan"].clock_offset_s == -3600
    assert meters["m-fan"].counts["03300D00"] == 1
    assert sum(meters["m-fan"].counts.values()) == 1


def test_each_event_has_a_counter_of_its_own() -> None:
    switches, meters = plant()
    for what in EVENTS:
        switches.set({"set": "event", "meter": "m-fan", "what": what})
    phased = [f"{di}.{phase}" for di in PHASED for phase in "abc"]
    assert meters["m-fan"].counts == dict.fromkeys((*COUNTS, *phased), 1)


def test_another_meter_number_as_after_a_swap() -> None:
    switches, meters = plant()
    assert meters["m-fan"].number == meters["m-fan"].spec.address
    switches.set({"set": "number", "meter": "m-fan", "number": "000000000099"})
    assert meters["m-fan"].number == "000000000099"


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ({"set": "nonsense"}, "no switch 'nonsense'"),
        ({"set": "unplug", "meter": "x"}, "no meter 'x'"),
        ({"set": "unplug"}, "no meter None"),
        ({"set": "unplug", "meter": "m-fan", "on": "yes"}, '"on" is true or false'),
        ({"set": "load", "load": "x", "factor": 1}, "no load 'x'"),
        ({"set": "load", "load": "fan"}, "'factor' is missing"),
        ({"set": "load", "load": "fan", "factor": -1}, "must lie between 0 and 10"),
        ({"set": "load", "load": "fan", "factor": float("nan")}, "must lie between"),
        ({"set": "treatment-off", "load": "kiln"}, "no load of role treatment"),
        ({"set": "power-cut", "scope": "x"}, "scope is"),
        ({"set": "late", "meter": "m-fan", "ms": 10**9}, "must lie between"),
        ({"set": "drop", "meter": "m-fan", "permille": 1001}, "must lie between"),
        ({"set": "reversed-ct", "meter": "m-fan"}, "phase is"),
        ({"set": "reversed-ct", "meter": "m-fan", "phase": ""}, "phase is"),
        ({"set": "event", "meter": "m-fan", "what": "x"}, "what is one of"),
        ({"set": "number", "meter": "m-fan", "number": "99"}, "text of 12 digits"),
        ({"set": "number", "meter": "m-fan", "number": 99}, "text of 12 digits"),
        ({"set": "number", "meter": "m-fan"}, "text of 12 digits"),
        ({"set": "unplug", "meter": "m-fan", "state": False}, "unknown 'state'"),
    ],
)
def test_wrong_messages_say_what_is_wrong(message: dict[str, Any], said: str) -> None:
    switches, _ = plant()
    with pytest.raises(ControlError) as caught:
        switches.set(message)
    assert said in str(caught.value)


def test_ratios_are_shown_secondary_and_told_primary() -> None:
    loads = build(SPECS, period_s=600, seed=1)
    feed = start([loads["kiln"]], phases=3, nominal_v=230, seed=0.1, base=Registers(4000, 1, 1, 1))
    primary = Meter(spec("a", ct=1), feed, lambda: NOW_MS, anchor_ms=0, utc_offset_s=0).shown()
    meter = Meter(spec("b", ct=40, pt=2), feed, lambda: NOW_MS, anchor_ms=0, utc_offset_s=0)
    shown = meter.shown()
    assert shown["p"] == pytest.approx(primary["p"] / 80)
    assert shown["i_a"] == pytest.approx(primary["i_a"] / 40)
    assert shown["u_a"] == pytest.approx(primary["u_a"] / 2)
    assert shown["ep_imp"] == pytest.approx(primary["ep_imp"] / 80)
    assert shown["pf"] == primary["pf"]
    assert meter.primary(Shown("p", "0.310", "ptct")) == "24.800"
    assert meter.primary(Shown("u_b", "missing", "pt")) == "missing"
    own = Meter(spec("c", ct=40, model="eastron-sdm630"), feed, lambda: NOW_MS, anchor_ms=0, utc_offset_s=0)
    assert own.shown()["p"] == primary["p"]
