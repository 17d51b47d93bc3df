"""Every scenario of ``tests/scenarios``: the alarms that come are those expected, none missed, none false."""

from __future__ import annotations

import re
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from agent.scenario.compare import compare
from agent.scenario.file import take
from agent.scenario.play import play
from agent.scenario.times import Clock

TESTS = Path(__file__).parents[3]
FILES = sorted((TESTS / "scenarios").glob("*.toml"))
DOCUMENT = TESTS.parent / "docs" / "scenarios.md"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_scenario(path: Path) -> None:
    scenario = take(path.name, path.read_bytes())
    rows = compare(scenario.expected, play(scenario))
    assert [row for row in rows if not row.agrees] == []


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
