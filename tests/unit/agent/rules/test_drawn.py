"""What is drawn by one reading, and whether that is all: one that lacks something proves no standstill."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

import pytest

from agent.rules.drawn import drawn_a, drawn_kw, is_all_a, is_all_kw
from agent.rules.metering import Observation
from agent.rules.page import restore_world, world_page
from agent.rules.points import State
from agent.rules.world import Moment, World
from config.site import SiteConfig
from tests.support.plants import plant

GIVES = frozenset(("p_a", "p_b", "p_c", "i_a", "i_b", "i_c", "u_a", "u_b", "u_c"))
LIT = {"u_a": "230", "u_b": "230", "u_c": "230"}
REVERSED = {"p": "1", "p_a": "1", "p_b": "-1", "p_c": "1"}


def numbers(values: Mapping[str, str]) -> dict[str, Decimal]:
    return {name: Decimal(value) for name, value in values.items()}


@pytest.mark.parametrize(
    ("values", "kw", "whole"),
    [
        ({"p": "3", "p_a": "1", "p_b": "1", "p_c": "1"}, "3", True),
        (REVERSED, "3", True),
        ({"p_a": "1", "p_b": "-1", "p_c": "1"}, "3", True),
        ({"p": "3", "p_a": "1", "p_c": "1"}, "3", True),  # what is not read is 1
        ({"p": "0", "p_a": "0", "p_c": "0"}, "0", True),
        ({"p": "1", "p_a": "1", "p_c": "1"}, "1", False),  # what is not read is -1
        ({"p": "1", "p_b": "-1", "p_c": "1"}, "2", False),
        ({"p": "1", "p_a": "1"}, "1", False),  # two not read: one may be reversed
        ({"p": "1"}, "1", False),
        ({"p": "-1", "p_a": "1", "p_b": "1"}, "1", False),
        ({"p_a": "1", "p_b": "1", "p_c": "1"}, None, True),  # as ever: without a total there is no power
    ],
)
def test_power_of_a_meter_that_gives_its_phases(values: dict[str, str], kw: str | None, whole: bool) -> None:
    read = numbers({**values, **LIT})
    assert drawn_kw(read) == (None if kw is None else Decimal(kw))
    assert is_all_kw(read, GIVES) is whole


def test_what_a_meter_never_gave_is_not_missed() -> None:
    assert is_all_kw(numbers({"p": "1"}), frozenset())
    assert is_all_kw(numbers({"p": "2", "p_a": "1", "p_c": "1"}), frozenset(("p_a", "p_c")))  # three wires
    assert is_all_kw(numbers({"p": "-2"}), frozenset())


@pytest.mark.parametrize(
    ("values", "whole"),
    [
        ({"u_a": "230"}, True),
        ({"i_a": "0.1"}, True),
        ({"u_a": "230", "i_a": "12"}, True),
        ({"u_a": "0", "i_a": "0.1"}, True),  # a feeder that is cut
        ({"u_a": "0", "i_a": "12"}, False),
        ({"u_a": "0"}, False),
        ({"i_a": "12"}, False),
        ({}, False),
    ],
)
def test_leads_are_on_by_voltage_or_by_no_current(values: dict[str, str], whole: bool) -> None:
    assert is_all_kw(numbers({"p": "0", **values}), frozenset(("u_a", "i_a"))) is whole


def test_the_largest_current() -> None:
    assert drawn_a(numbers({"i_a": "-3", "i_b": "1"})) == 3
    assert drawn_a({}) is None
    assert is_all_a(numbers({"i_a": "3", "i_c": "1"}), frozenset(("i_a", "i_c")))
    assert not is_all_a(numbers({"i_a": "3", "i_c": "1"}), GIVES)


def read(world: World, second: int, **values: str) -> str:
    """The scrubber's state after one reading: on above 2 kW, off below 1."""
    world.observe(Observation("scrubber-m", second * 1000, second, numbers(values)))
    world.advance(Moment(second * 1000))
    return world.points["scrubber"].state.value


def test_a_reading_that_lacks_a_phase_proves_on_and_never_off() -> None:
    world = World(plant(), 0)
    assert read(world, 0, p="0", p_a="0", p_b="0", p_c="0") == "off"
    assert read(world, 10, p="3", p_a="1") == "on"
    assert read(world, 20, p="0.5", p_a="1") == "on"  # as a reading that is missing
    assert read(world, 30, p="0.5", p_a="1") == "on"
    assert read(world, 50, p="0.5", p_a="1") == "unknown"  # nothing was said of it for too long
    assert read(world, 60, p="0.5", p_a="0.2", p_b="0.2", p_c="0.1") == "off"


def test_a_later_reading_that_lacks_a_phase_brings_back_nothing_older() -> None:
    world = World(plant(), 0)
    assert read(world, 0, p="0", p_a="0", p_b="0", p_c="0") == "off"
    assert read(world, 10, p="3", p_a="1") == "on"
    assert read(world, 20, p="0.5") == "on"
    view = world.points["scrubber"]
    assert (view.state, view.since_ms) == (State.ON, 10_000)


def test_a_silence_that_nobody_asked_about_is_one() -> None:
    """As if the rules had been asked meanwhile: what was before it and what is behind it are two things."""
    world = World(plant(), 0)
    read(world, 0, p="3")
    world.observe(Observation("scrubber-m", 3_600_000, 2, {"p": Decimal(0)}))
    view = world.points["scrubber"]
    assert (view.state, view.since_ms) == (State.OFF, 3_600_000)
    assert (view.known, view.known_ms) == (State.ON, 0)


def moved(world: World, config: SiteConfig) -> World:
    after = World(config, 0)
    restore_world(after, json.loads(json.dumps(world_page(world))))
    return after


def test_what_a_meter_gives_is_known_after_a_restart_and_not_of_another_profile() -> None:
    config = plant()
    world = World(config, 0)
    read(world, 0, p="3", p_a="1", p_b="1", p_c="1")
    assert read(moved(world, config), 50, p="0.5") == "unknown"
    other = replace(config, meters=tuple(replace(meter, profile="y") for meter in config.meters))
    assert read(moved(world, other), 50, p="0.5") == "off"
