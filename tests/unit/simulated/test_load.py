"""The load model: energy is the integral of power, never negative, without steps, equal for equal seeds."""

from __future__ import annotations

import itertools
import math
import random

import pytest

from drivers.simulated.load import Load, LoadSpec, build

PERIOD_S = 600.0
SPECS = (
    LoadSpec(id="kiln", kw=400, pattern="furnace", hours=((360, 1320),), ramp_s=20, noise=0.05, pf=0.85),
    LoadSpec(id="press", kw=90, pattern="shifts", hours=((1320, 360),), idle_kw=3),
    LoadSpec(id="fan", kw=55, pattern="follow", of="kiln", role="treatment", lead_s=10, lag_s=30, ramp_s=5),
    LoadSpec(id="base", kw=12),
)


def loads(seed: int = 5) -> dict[str, Load]:
    return dict(build(SPECS, period_s=PERIOD_S, seed=seed))


@pytest.mark.parametrize("name", [spec.id for spec in SPECS])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_energy_is_the_integral_of_power(name: str, seed: int) -> None:
    load = loads(seed)[name]
    rng = random.Random(seed)
    for _ in range(4):
        start = rng.uniform(-5, 5) * PERIOD_S * 1000
        length = rng.uniform(0.0, 2.0) * PERIOD_S * 1000
        count = 10_000
        step = length / count
        summed = sum(load.power(start + (at + 0.5) * step) for at in range(count)) * step / 3_600_000
        exact = load.energy(start + length) - load.energy(start)
        assert math.isclose(exact, summed, rel_tol=5e-4, abs_tol=5e-4), (
            f"seed {seed} from {start} for {length}"
        )


@pytest.mark.parametrize("name", [spec.id for spec in SPECS])
def test_power_is_never_negative_and_energy_never_falls(name: str) -> None:
    load = loads()[name]
    times = [at * 137.0 for at in range(10_000)]
    assert min(load.power(t) for t in times) >= 0
    energies = [load.energy(t) for t in times]
    assert all(after >= before for before, after in itertools.pairwise(energies))


def test_power_has_no_steps() -> None:
    for load in loads().values():
        slope = load.spec.kw * 1.1 / (PERIOD_S * 1000 / len(load.nodes))  # most in one node distance
        for at in range(0, 1_300_000, 900):
            change = abs(load.power(at + 0.5) - load.power(at))
            assert change <= slope * 0.5 + 1e-9, f"{load.spec.id} at {at}"


def test_equal_seeds_are_equal_and_others_differ() -> None:
    assert loads(5) == loads(5)
    assert loads(5)["kiln"].nodes != loads(6)["kiln"].nodes


def test_energy_before_the_anchor_is_negative() -> None:
    base = loads()["base"]
    assert base.energy(0) == 0
    assert base.energy(-3_600_000) == pytest.approx(-12, rel=0.05)


def test_hours_keep_their_share_of_a_compressed_day() -> None:
    kiln = loads()["kiln"]
    running = [kiln.power(at * 1000.0) > 20 for at in range(600)]
    assert not any(running[:150])  # 00:00-06:00 is the first quarter
    assert all(running[180:540])
    assert not any(running[575:])  # 22:00 is 550 s, then the ramp


def test_shifts_pass_midnight() -> None:
    press = loads()["press"]
    assert press.power(10_000) > 80
    assert press.power(300_000) == pytest.approx(3)
    assert press.power(580_000) > 80


def test_follower_leads_and_lags() -> None:
    kiln, fan = loads()["kiln"], loads()["fan"]
    kiln_on = [at for at in range(600) if kiln.power(at * 1000.0) > 20]
    fan_on = [at for at in range(600) if fan.power(at * 1000.0) > 2.75]
    assert kiln_on[0] - 12 <= fan_on[0] <= kiln_on[0] - 8
    assert kiln_on[-1] + 28 <= fan_on[-1] <= kiln_on[-1] + 36


def test_nobody_follows_a_follower() -> None:
    specs = (
        LoadSpec(id="a", kw=1, pattern="follow", of="b"),
        LoadSpec(id="b", kw=1, pattern="follow", of="a"),
    )
    with pytest.raises(KeyError):
        build(specs, period_s=60, seed=1)
