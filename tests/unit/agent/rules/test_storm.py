"""A storm of alarms: what waits is named, and survives restarts and a full card."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agent.rules.alarms import Alarm
from agent.rules.engine import Engine
from agent.rules.finding import Fault
from agent.rules.storm import MOST, NAMED, STORM_KEY, STORM_MS, Storm
from config.meterkinds import RatioChanged
from config.rulekinds import Level
from tests.support.wiring import SOUND, Bench, Values

RATIO = RatioChanged(id="ratio", meters=("kiln-m",), keep_s=3600)


def ct(number: int) -> Values:
    return {**SOUND, "ct": str(number)}


def alarm(key: str, level: Level, fault: Fault = "plant") -> Alarm:
    return Alarm(key, "rule", "SBX-RUL-001", level, (), {}, 0, 0, fault=fault)


def stormy(count: int) -> Bench:
    """So many changes of a ratio, one a second; the first reading is none."""
    bench = Bench(RATIO)
    for number in range(count + 1):
        bench.see(ct(number))
        bench.now_s += 1
    return bench


@pytest.mark.parametrize(
    ("before", "level", "fault", "waits"),
    [
        ("warning", "alarm", "plant", False),
        ("warning", "alarm", "device", False),
        ("warning", "alarm", "supply", False),
        ("warning", "warning", "plant", True),
        ("alarm", "alarm", "plant", False),
        ("alarm", "alarm", "device", True),
        ("alarm", "warning", "device", True),
    ],
)
def test_what_waits_behind_what(before: Level, level: Level, fault: Fault, waits: bool) -> None:
    storm = Storm()
    for number in range(MOST):
        assert not storm.holds(alarm(str(number), before, "device"), 0)
    assert storm.holds(alarm("one", level, fault), 0) is waits


def test_what_is_held_back_is_named_those_first_that_were_never_raised() -> None:
    storm = Storm()
    for number in range(MOST + 2):
        storm.holds(alarm(f"a{number}", "warning"), 0)
    assert storm.facts() == {"count": "2", "most": "40", "alarms": f"a{MOST}, a{MOST + 1}"}
    storm.begin(STORM_MS + 1)
    assert not storm.holds(alarm(f"a{MOST}", "warning"), STORM_MS + 1)
    assert storm.facts()["alarms"] == f"a{MOST + 1}, a{MOST}"
    storm.over()
    assert storm.facts()["count"] == "0"


def test_of_very_many_the_rest_is_a_number() -> None:
    storm = Storm()
    for number in range(MOST + NAMED + 3):
        storm.holds(alarm(f"a{number}", "warning"), 0)
    assert storm.facts()["count"] == str(NAMED + 3)
    assert storm.facts()["alarms"].endswith(f", a{MOST + NAMED - 1} +3")


def test_the_record_of_a_storm_names_what_waited_also_over_a_restart() -> None:
    bench = stormy(MOST + 3)
    (storm,) = (one for one in bench.up if one.key == STORM_KEY)
    assert (storm.facts["count"], storm.facts["alarms"]) == ("1", "ratio/kiln-m/ct/41")
    bench.restart()
    bench.wait(STORM_MS // 1000 - 60)
    bench.run(60, ct(MOST + 3))
    (over,) = (one for one in bench.all if one.alarm.key == STORM_KEY and one.change == "cleared")
    assert over.alarm.facts["count"] == "3"
    assert over.alarm.facts["alarms"] == ", ".join(f"ratio/kiln-m/ct/{number}" for number in (41, 42, 43))


def test_a_storm_that_a_full_card_did_not_take_is_told_again() -> None:
    bench = stormy(MOST + 1)
    (raised,) = (one for one in bench.all if one.alarm.key == STORM_KEY)
    bench.engine.undo(raised)
    bench.tick()
    assert [one.change for one in bench.all if one.alarm.key == STORM_KEY] == ["raised", "raised"]
    while bench.all[-1].change != "cleared":
        bench.now_s += 1
        bench.tick()
    assert bench.all[-1].alarm.facts["count"] == "1"
    bench.engine.undo(bench.all[-1])
    bench.tick()
    assert (bench.all[-1].change, bench.all[-1].alarm.facts["count"]) == ("cleared", "1")


@pytest.mark.parametrize(
    "older",
    [
        lambda page: page | {"raised": [], "kept_back": 0},
        lambda page: page | {"storm": {"raised": [5], "kept_back": {}}},
        lambda page: page | {"storm": {"raised": [], "kept_back": 0}},
    ],
)
def test_a_page_of_another_version_is_met(older: Any) -> None:
    page = json.loads(json.dumps(stormy(3).engine.page()))
    if "raised" in older(page):
        del page["storm"]
    engine = Engine(Bench(RATIO).config, 0)
    with pytest.raises((KeyError, TypeError, ValueError)):
        engine.turn_to(older(page))
