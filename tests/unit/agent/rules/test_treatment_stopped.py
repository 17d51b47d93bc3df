"""Treatment that stops before production: the violation ends with production, and with no silence."""

from __future__ import annotations

from dataclasses import replace

from config.rulekinds import TreatmentStopped
from tests.support.plants import Story, plant

EARLY = TreatmentStopped(id="early", production=("kiln",), treatment=("scrubber",), hold_s=60)
KEY = "early/scrubber"


def stopped(rule: TreatmentStopped) -> Story:
    """The scrubber stops at 60 s, the kiln at 300 s."""
    story = Story(plant(rule))
    story.run(range(0, 60, 10), kiln="12", scrubber="8")
    story.run(range(60, 300, 10), kiln="12", scrubber="0")
    return story


def test_it_ends_when_production_stops() -> None:
    story = stopped(EARLY)
    story.run(range(300, 600, 10), kiln="0", scrubber="0")
    assert story.changes == [(120, KEY, True), (300, KEY, False)]


def test_it_ends_when_treatment_need_not_run_on_any_more() -> None:
    story = stopped(replace(EARLY, run_on_s=120))
    story.run(range(300, 600, 10), kiln="0", scrubber="0")
    assert story.changes == [(120, KEY, True), (420, KEY, False)]  # production was last seen at 290 s


def test_silence_of_production_ends_nothing() -> None:
    story = stopped(EARLY)
    story.run(range(300, 900, 10), kiln=None, scrubber="0")
    assert story.changes == [(120, KEY, True)]
    story.poll(900, kiln="0", scrubber="0")
    assert story.changes[1:] == [(900, KEY, False)]
