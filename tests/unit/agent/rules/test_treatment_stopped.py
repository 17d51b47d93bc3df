"""Treatment that stops before production: the violation ends with production, and with no silence."""

from __future__ import annotations

from dataclasses import replace

from agent.rules.kinds.treatment_off import run
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


def test_of_two_producers_the_one_seen_last_counts() -> None:
    """The other is known by an older reading: that does not take back what was seen since."""
    held = run({}, 110_000, 35_000)
    assert run(held, 0, 35_000) == held == {"from": 110_000, "to": 110_000}


def test_silence_of_production_ends_nothing() -> None:
    story = stopped(EARLY)
    story.run(range(300, 900, 10), kiln=None, scrubber="0")
    assert story.changes == [(120, KEY, True)]
    story.poll(900, kiln="0", scrubber="0")
    assert story.changes[1:] == [(900, KEY, False)]
