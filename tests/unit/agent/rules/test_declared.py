"""What a declaration does to an alarm, where a scenario cannot say it: whose name stands on it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from config.orders import Declaration
from tests.support.plants import PAIR, Story, plant

UTC_MS = 1_795_000_000_000
SECONDS = range(0, 300, 10)


def story(*points: str) -> Story:
    """A scrubber that stands, a warning in advance, and a maintenance of some points."""
    made = Story(plant(replace(PAIR, stop_lag_s=120, warn_s=30)), utc_ms=UTC_MS)
    said = Declaration(id="d1", kind="maintenance", from_ms=0, to_ms=2 * UTC_MS, declared_ms=0, points=points)
    made.engine.know((), (said,))
    made.run(SECONDS, kiln="12", scrubber="0")
    return made


@pytest.mark.parametrize("points", [("spare",), ("elsewhere",)])
def test_a_warning_in_advance_is_not_that_of_a_declaration_of_another_point(points: tuple[str, ...]) -> None:
    early, later = (change.alarm for change in story(*points).all)
    assert (early.level, early.declared) == ("warning", "")
    assert (later.level, later.declared) == ("alarm", "")


@pytest.mark.parametrize("points", [("scrubber",), ("kiln",), ()])
def test_what_a_declaration_lowers_bears_its_name(points: tuple[str, ...]) -> None:
    (alarm,) = (change.alarm for change in story(*points).all)
    assert (alarm.level, alarm.declared) == ("warning", "d1")
