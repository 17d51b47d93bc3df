"""Every scenario of ``tests/scenarios``: the alarms that come are those expected, none missed, none false."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from agent.rules.engine import all_rules
from agent.scenario.compare import compare
from agent.scenario.file import take
from agent.scenario.model import Scenario
from agent.scenario.play import play
from agent.scenario.times import Clock
from config.errors import ConfigInvalid
from config.ruleshapes import RULES

TESTS = Path(__file__).parents[3]
FILES = sorted((TESTS / "scenarios").glob("*.toml"))
DOCUMENT = TESTS.parent / "docs" / "scenarios.md"
LONG = 1_500  # polls of a scenario that takes part in ./run test only


def _polls(path: Path) -> int:
    try:
        scenario = take(path.name, path.read_bytes())
    except ConfigInvalid:
        return 0  # its own test says what is wrong
    return scenario.end_ms // scenario.step_ms * len(scenario.config.meters)


def _cases() -> Iterator[Any]:
    for path in FILES:
        marks = [pytest.mark.slow] if _polls(path) > LONG else []
        yield pytest.param(path, marks=marks, id=path.stem)


@pytest.mark.parametrize("path", tuple(_cases()))
def test_scenario(path: Path) -> None:
    scenario = take(path.name, path.read_bytes())
    rows = compare(scenario.expected, play(scenario))
    assert [row for row in rows if not row.agrees] == []


def _kinds(scenario: Scenario, verbs: Iterable[str]) -> set[str]:
    """The kinds of the rules of which something is expected."""
    kinds = {rule.id: rule.kind for rule in all_rules(scenario.config)}
    keys = {line.key.split("/")[0] for line in scenario.expected if line.verb in verbs}
    return {kinds[key] for key in keys if key in kinds}


def test_every_kind_has_a_true_case_and_a_near_miss() -> None:
    """A kind that somebody adds is asked for its scenarios."""
    scenarios = [take(path.name, path.read_bytes()) for path in FILES]
    raised = {kind for scenario in scenarios for kind in _kinds(scenario, ("raise",))}
    near = {kind for scenario in scenarios for kind in scenario.near}
    assert sorted(set(RULES) - raised) == []
    assert sorted(set(RULES) - near) == []
    assert len(scenarios) >= 60


def test_a_near_miss_raises_nothing_of_its_kind_and_has_its_rule() -> None:
    for path in FILES:
        scenario = take(path.name, path.read_bytes())
        assert {rule.kind for rule in all_rules(scenario.config)} >= set(scenario.near), path.name
        assert not set(scenario.near) & _kinds(scenario, ("raise", "escalate")), path.name


def test_the_example_of_the_documentation() -> None:
    """It plays, and agrees with itself and with the output shown below it."""
    blocks = re.findall(r"^```(toml)?\n(.*?)^```", DOCUMENT.read_text(encoding="utf-8"), re.M | re.S)
    example, shown = blocks[0][1], blocks[1][1]
    scenario = take("off.toml", example.encode())
    rows = compare(scenario.expected, play(scenario))
    assert [row for row in rows if not row.agrees] == []
    clock = Clock(scenario.begin_ms, ZoneInfo(scenario.config.site.timezone))
    for row in rows:
        assert row.expected is not None
        assert row.actual is not None
        times = f"{clock.shown(row.expected.at_ms)}  {clock.shown(row.actual.at_ms)}"
        assert f"= {times}  {row.actual.verb} {row.actual.key}  {row.actual.code}" in shown
    assert shown.count("       = ") == len(rows) == 2
