"""Every scenario of ``tests/scenarios``: the alarms that come are those expected, none missed, none false."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.scenario.compare import compare
from agent.scenario.file import take
from agent.scenario.play import play

FILES = sorted((Path(__file__).parents[3] / "scenarios").glob("*.toml"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_scenario(path: Path) -> None:
    scenario = take(path.name, path.read_bytes())
    rows = compare(scenario.expected, play(scenario))
    assert [row for row in rows if not row.agrees] == []
