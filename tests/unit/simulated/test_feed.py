"""What a meter's terminals see, wired right and wrong."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from drivers.simulated.feed import Feed, Registers, Wiring, start
from drivers.simulated.load import LoadSpec, build

BASE = Registers(1000.0, 5.0, 300.0, 2.0)


def feed(phases: int = 3, pf: float = 0.9) -> Feed:
    specs = (
        LoadSpec(id="kiln", kw=100, pattern="furnace", hours=((0, 1200),), ramp_s=20, pf=pf),
        LoadSpec(id="fan", kw=20, pattern="follow", of="kiln", lag_s=30, pf=pf),
    )
    loads = build(specs, period_s=600, seed=4)
    return start(tuple(loads.values()), phases=phases, nominal_v=230, seed=0.3, base=BASE)


def integral(of: Callable[[float], float], until_ms: int, step_ms: int = 100) -> float:
    return sum(of(at + step_ms / 2) for at in range(0, until_ms, step_ms)) * step_ms / 3_600_000


def test_a_right_meter_is_consistent() -> None:
    one = feed()
    for t in (1_000.0, 90_000.0, 455_000.0):
        v = one.values(t)
        assert v["p"] == pytest.approx(v["p_a"] + v["p_b"] + v["p_c"])
        assert v["p"] == pytest.approx(sum(load.power(t) for load in one.loads))
        for phase in "abc":
            assert v[f"s_{phase}"] == pytest.approx(v[f"u_{phase}"] * v[f"i_{phase}"] / 1000)
            assert v[f"p_{phase}"] == pytest.approx(v[f"s_{phase}"] * v[f"pf_{phase}"])
            assert v[f"pf_{phase}"] == pytest.approx(0.9)
        assert v["u_ab"] == pytest.approx(math.sqrt(3) * 230, rel=0.02)
        assert v["i_n"] < 0.1 * v["i_a"]


def test_registers_are_the_integral_of_power() -> None:
    one = feed()
    sums = one.registers(300_000)
    assert sums.ep_imp - BASE.ep_imp == pytest.approx(
        integral(lambda t: one.values(t)["p"], 300_000), rel=1e-3
    )
    assert sums.eq_imp - BASE.eq_imp == pytest.approx(
        integral(lambda t: one.values(t)["q"], 300_000), rel=1e-3
    )
    assert sums.ep_exp == BASE.ep_exp


def test_reversed_ct_turns_one_phase() -> None:
    one = feed()
    v, right = one.changed(0, one.factors, Wiring(reversed=frozenset("c"))).values(90_000), one.values(90_000)
    assert v["p_c"] == pytest.approx(-right["p_c"])
    assert v["i_c"] == pytest.approx(-right["i_c"])
    assert v["p_a"] == pytest.approx(right["p_a"])
    assert 0 < v["p"] < 0.4 * right["p"]


def test_all_cts_reversed_count_backwards() -> None:
    one = feed()
    wrong = one.changed(60_000, one.factors, Wiring(reversed=frozenset("abc")))
    before, after = wrong.registers(60_000), wrong.registers(120_000)
    assert after.ep_imp == before.ep_imp
    assert after.ep_exp - before.ep_exp == pytest.approx(
        one.registers(120_000).ep_imp - one.registers(60_000).ep_imp
    )


def test_wrong_phase_follows_the_phasor_diagram() -> None:
    """Each channel takes the next phase's current: P = U I cos(phi + 120)."""
    one = feed()
    v = one.changed(0, one.factors, Wiring(rotated=True)).values(90_000)
    expected = math.cos(math.acos(0.9) + math.radians(120))
    for phase in "abc":
        assert v[f"pf_{phase}"] == pytest.approx(expected)
    assert v["p"] < 0


def test_swapped_phases_keep_the_power() -> None:
    one = feed()
    v, right = one.changed(0, one.factors, Wiring(swapped=True)).values(90_000), one.values(90_000)
    assert v["p"] == pytest.approx(right["p"])
    assert (v["u_b"], v["u_c"]) == (right["u_c"], right["u_b"])
    assert v["p_b"] == pytest.approx(right["p_c"])


def test_a_lost_phase_has_no_voltage_and_no_power() -> None:
    one = feed()
    v = one.changed(0, one.factors, Wiring(lost=frozenset("a"))).values(90_000)
    assert (v["u_a"], v["i_a"], v["p_a"]) == (0, 0, 0)
    assert v["p"] == pytest.approx(v["p_b"] + v["p_c"])
    assert v["u_ab"] == pytest.approx(v["u_b"])


def test_switches_never_step_the_registers() -> None:
    one = feed()
    for at in range(10_000, 400_000, 10_000):
        wiring = Wiring(reversed=frozenset("b")) if at % 20_000 else Wiring(rotated=at % 30_000 == 0)
        after = one.changed(at, (1.0, 0.0 if at % 40_000 else 1.0), wiring)
        old, new = one.registers(at), after.registers(at)
        assert (new.ep_imp, new.ep_exp) == pytest.approx((old.ep_imp, old.ep_exp))
        one = after
    assert len(one.segments) <= 256


def test_past_registers_stay_what_they_were() -> None:
    one = feed()
    past = one.registers(50_000)
    assert one.changed(60_000, (0.0, 0.0), one.wiring).registers(50_000) == past


def test_load_switched_off_uses_nothing() -> None:
    one = feed()
    off = one.changed(60_000, (0.0, 0.0), one.wiring)
    assert off.values(90_000)["p"] == 0
    assert off.registers(200_000) == off.registers(60_000)


def test_single_phase() -> None:
    v = feed(phases=1).values(90_000)
    assert v["p_a"] == pytest.approx(v["p"])
    assert (v["u_b"], v["i_b"], v["p_c"]) == (0, 0, 0)


def test_registers_never_go_below_zero() -> None:
    assert feed().registers(-(10**12)).ep_imp == 0
