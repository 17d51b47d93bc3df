"""Energy since a moment: power where measured, the register where not, and never another meter's register."""

from __future__ import annotations

from decimal import Decimal

import pytest

from agent.rules.kinds.energy import drawn_kwh, opened
from agent.rules.metering import Observation
from agent.rules.world import Moment, World
from tests.support.plants import plant


def poll(world: World, second: int, kw: str | None, register: str) -> None:
    values = {} if kw is None else {"p": Decimal(kw)}
    world.observe(Observation("kiln-m", second * 1000, second, values))
    if kw is not None:
        world.observe(Observation("kiln-m", second * 1000, second, {"ep_imp": Decimal(register)}, slow=True))
    world.advance(Moment(second * 1000))


@pytest.mark.parametrize(
    ("register", "kwh"),
    [
        ("1040", 40),  # 20 kW for the hour that nobody measured, and for the two that were
        ("1021", 21),
        ("81000", 20),  # a used meter was put in its place
        ("3.5", 20),  # a new one
    ],
)
def test_what_the_register_says_of_an_hour_that_nobody_measured(register: str, kwh: int) -> None:
    world = World(plant(), 0)
    poll(world, 0, "20", "1000")
    start = opened(None, 0, ["kiln"], world)
    for second in range(10, 3601, 10):
        poll(world, second, "20", f"{1000 + second / 180:.2f}")
    for second in range(3610, 7200, 10):
        poll(world, second, None, "")
    poll(world, 7200, "20", register)
    assert drawn_kwh("kiln", start, world) == kwh


def test_a_register_that_jumps_while_power_is_measured_counts_for_nothing() -> None:
    world = World(plant(), 0)
    poll(world, 0, "20", "1000")
    start = opened(None, 0, ["kiln"], world)
    for second in range(10, 3601, 10):
        poll(world, second, "20", "1500")
    assert drawn_kwh("kiln", start, world) == 20
    assert opened(start, 0, ["kiln"], world) is start
    assert opened(start, 1, ["kiln"], world)["sum"] != start["sum"]


def test_a_point_that_joins_later_leaves_what_the_others_drew() -> None:
    world = World(plant(), 0)
    poll(world, 0, "20", "1000")
    start = opened(None, 0, ["kiln"], world)
    for second in range(10, 3601, 10):
        poll(world, second, "20", "1000")
    both = opened(start, 0, ["kiln", "scrubber"], world)
    assert drawn_kwh("kiln", both, world) == 20
    assert opened(both, 0, ["kiln"], world) is both
    world.observe(Observation("scrubber-m", 3_600_000, 1, {"p": Decimal(8), "ep_imp": Decimal(5)}))
    assert drawn_kwh("scrubber", both, world) == 0
