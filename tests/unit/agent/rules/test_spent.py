"""The energy that an alarm is signed with: of its equipment, of each from when it took part."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from agent.rules.alarms import AlarmChange
from agent.rules.engine import Engine
from agent.rules.metering import Observation, Sum
from agent.rules.spent import begun_of, drawn
from agent.rules.world import World
from tests.support.plants import PAIR, Story, plant

BOTH = replace(PAIR, production=("kiln", "spare"))


def near(one: AlarmChange, kwh: float, percent: int) -> bool:
    return one.kwh is not None and abs(float(one.kwh) - kwh) < 0.2 and one.measured_percent == percent


def run(story: Story, begin: int, end: int, **power: str | None) -> None:
    story.run(range(begin, end, 10), **power)


def test_who_joins_before_the_alarm_counts_from_then() -> None:
    story = Story(plant(BOTH))
    run(story, 0, 3600, kiln="12", spare="0", scrubber="8")
    run(story, 3600, 3630, kiln="12", spare="0", scrubber="0")
    run(story, 3630, 5430, kiln="12", spare="60", scrubber="0")
    run(story, 5430, 5450, kiln="12", spare="60", scrubber="8")
    assert near(story.all[-1], 6 + 30, 100)


def test_who_leaves_before_the_alarm_counts_on() -> None:
    story = Story(plant(BOTH))
    run(story, 0, 3600, kiln="12", spare="60", scrubber="8")
    run(story, 3600, 3630, kiln="12", spare="60", scrubber="0")
    run(story, 3630, 5430, kiln="12", spare="0", scrubber="0")
    run(story, 5430, 5450, kiln="12", spare="0", scrubber="8")
    assert near(story.all[-1], 6.1 + 0.5, 100)


def test_who_joins_after_the_alarm_counts_from_then() -> None:
    story = Story(plant(BOTH))
    run(story, 0, 1800, kiln="12", spare="0", scrubber="0")
    run(story, 1800, 3600, kiln="12", spare="60", scrubber="0")
    story.poll(3600, kiln="12", spare="60", scrubber="8")
    assert near(story.all[-1], 12 + 30, 100)


def test_two_points_on_one_meter_draw_once() -> None:
    config = plant(BOTH)
    points = tuple(replace(one, meter="kiln-m") if one.id == "spare" else one for one in config.points)
    story = Story(replace(config, points=points))
    run(story, 0, 3600, kiln="12", scrubber="0")
    story.poll(3600, kiln="12", scrubber="8")
    assert near(story.all[-1], 12, 100)


def test_what_nobody_measured_is_told_as_a_share() -> None:
    story = Story(plant(PAIR))
    run(story, 0, 1800, kiln="12", scrubber="0")
    run(story, 1800, 3600, kiln=None, scrubber="0")
    story.poll(3600, kiln="12", scrubber="8")
    assert near(story.all[-1], 6, 74)


def test_an_end_that_a_full_card_did_not_take_comes_again_with_its_energy() -> None:
    story = Story(plant(PAIR))
    run(story, 0, 3600, kiln="12", scrubber="0")
    story.poll(3600, kiln="12", scrubber="8")
    first = story.all[-1]
    story.engine.undo(first)
    story.tick(3601)
    assert replace(story.all[-1], at_ms=first.at_ms, measured_percent=100) == first
    assert [one.change for one in story.all] == ["raised", "cleared", "cleared"]


def test_a_restart_keeps_what_each_had_drawn() -> None:
    config = plant(BOTH)
    story = Story(config)
    run(story, 0, 1800, kiln="12", spare="60", scrubber="0")
    page, up = json.loads(json.dumps(story.engine.page())), story.engine.active
    story.engine = Engine(config, page["world"]["now"])
    story.engine.turn_to(page)
    story.engine.restore(up)
    run(story, 1800, 3600, kiln="12", spare="0", scrubber="0")
    story.poll(3600, kiln="12", spare="0", scrubber="8")
    assert near(story.all[-1], 12 + 30, 100)


def test_a_meter_that_began_anew_and_one_that_is_gone_are_left_out() -> None:
    world = World(plant(), 0)
    before = {
        "kiln-m": Sum(0, Decimal(500), 500),
        "gone": Sum(0, Decimal(0), 0),
        "spare-m": Sum(0, Decimal(0), 0),
    }
    for second in range(0, 3601, 10):
        world.observe(Observation("spare-m", second * 1000, second, {"p": Decimal(-5)}))
    assert drawn(before, world) == (Decimal(5), 100)
    assert drawn({"kiln-m": before["kiln-m"]}, world) == (None, None)
    assert drawn({}, world) == (None, None)


def test_a_name_that_is_a_meter_of_one_and_a_point_of_another() -> None:
    """``Finding.meters`` names meters, ``subjects`` points first."""
    config = plant()
    points = (replace(config.points[0], id="scrubber-m"), *config.points[1:])
    world = World(replace(config, points=points), 0)
    assert set(begun_of(("scrubber-m",), world)) == {"kiln-m"}


@pytest.mark.parametrize("lacks", ["seen", "before"])
def test_a_latch_of_another_version_is_met(lacks: str) -> None:
    """As the first version wrote it."""
    story = Story(plant(PAIR))
    run(story, 0, 70, kiln="12", scrubber="0")
    page: Any = json.loads(json.dumps(story.engine.page()))
    latch = page["latches"]["pair"]
    if lacks == "seen":
        del latch["seen"]
        latch["until_ms"] = 0
    else:
        latch["before"] = [{"=": "0"}, 0, 0]
    with pytest.raises((KeyError, TypeError, ValueError)):
        Engine(plant(PAIR), 0).turn_to(page)
