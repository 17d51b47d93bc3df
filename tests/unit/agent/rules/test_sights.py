"""Time counts against a plant only between two readings that both say so and have none missing between."""

from __future__ import annotations

from dataclasses import replace

import pytest

from config.orders import Order
from config.rulekinds import OffShift, TreatmentStopped
from config.site import SiteConfig
from tests.support.plants import PAIR, Story, meter, plant


def slow_scrubber(config: SiteConfig) -> SiteConfig:
    """The kiln is read each 10 s, the scrubber each 2 min."""
    return replace(config, meters=(meter("kiln-m"), meter("scrubber-m", 120), meter("spare-m")))


def test_meters_that_are_read_one_after_the_other_make_no_sight_of_two_moments() -> None:
    """The kiln runs at each second reading and stands between: it was never seen to run for any time, though
    the scrubber is read as off half a second after each."""
    story = Story(plant(PAIR))
    for second in range(0, 900, 10):
        story.poll(second, kiln="12" if second % 20 else "0")
        story.poll(second + 0.5, scrubber="0")
    assert story.changes == []


def test_what_was_never_so_at_one_moment_is_not_so_without_a_lag_either() -> None:
    """The one was read as off before the other was, and is not read any more: it may run."""
    story = Story(plant(replace(PAIR, treatment=("scrubber", "spare"), need="any", stop_lag_s=0)))
    story.run(range(0, 30, 10), kiln="12", scrubber="0", spare=None)
    story.poll(30, kiln="12", scrubber=None, spare="0")
    assert story.changes == []
    story.poll(40, kiln="12", scrubber="0", spare="0")
    assert story.changes == [(40, "pair", True)]


def test_meters_that_are_read_one_after_the_other_see_a_violation_in_its_time() -> None:
    story = Story(plant(PAIR))
    for second in range(0, 90, 10):
        story.poll(second, kiln="12")
        story.poll(second + 0.5, scrubber="0")
    assert story.changes == [(70, "pair", True)]  # seen from 0.5 to 60.5, of which it hears at 70
    assert story.all[0].alarm.since_ms == story.start_ms + 500


def test_two_producers_in_turn_are_production_without_a_break() -> None:
    story = Story(plant(replace(PAIR, production=("kiln", "spare"))))
    story.run(range(0, 40, 10), kiln="12", spare="0", scrubber="0")
    story.poll(40, kiln="12", spare="12", scrubber="0")
    story.run(range(50, 90, 10), kiln="0", spare="12", scrubber="0")
    assert story.changes == [(60, "pair", True)]


def test_a_producer_between_its_thresholds_does_not_hide_one_that_runs() -> None:
    """The spare is on and drawing little: on by its last clear reading, and no more seen to be."""
    story = Story(plant(replace(PAIR, production=("kiln", "spare"))))
    story.poll(0, kiln="0", spare="12", scrubber="0")
    story.run(range(10, 90, 10), kiln="12", spare="1.5", scrubber="0")
    assert story.changes == [(70, "pair", True)]


@pytest.mark.parametrize(("lost", "raised"), [((), 240), ((130,), 360)])
def test_a_lost_reading_of_a_fast_meter_does_not_count_beside_a_slow_one(
    lost: tuple[int, ...], raised: int
) -> None:
    story = Story(slow_scrubber(plant(replace(PAIR, stop_lag_s=230))))
    for second in range(0, 400, 10):
        story.poll(second, kiln=None if second in lost else "12")
        if second % 120 == 0:
            story.poll(second, scrubber="0")
    assert story.changes == [(raised, "pair", True)]


def test_a_reading_between_the_thresholds_ends_nothing() -> None:
    """Above 5 kW it is on, above 4 it stays on: it ran all the time."""
    order = Order(id="s1", kind="stop", source="", from_ms=0, grace_s=0)
    story = Story(plant(), utc_ms=1_000_000)
    story.engine.know((order,), ())
    for second in range(0, 200, 10):
        story.poll(second, kiln="4.5" if second % 20 else "6")
    assert story.changes == [(120, "stop-order/s1/kiln", True)]


def test_a_reading_between_the_thresholds_after_a_hole_begins_nothing() -> None:
    """What was lost may have said that it stood, and then it still did."""
    shift = OffShift(id="night", points=("kiln",), shifts=(), hold_s=60, grace_s=0)
    story = Story(plant(shift), utc_ms=1_000_000)
    for second in range(0, 130, 10):
        story.poll(second, kiln=(None, "4.5", "6")[second // 10 % 3])
    assert story.changes == []
    story.run(range(130, 200, 10), kiln="6")
    assert story.changes == [(190, "night/kiln", True)]


def test_a_treatment_that_was_seen_on_in_between_did_not_stop_early() -> None:
    rule = TreatmentStopped(id="early", production=("kiln",), treatment=("scrubber",), hold_s=60)
    story = Story(plant(rule))
    story.run(range(0, 60, 10), kiln="12", scrubber="8")
    for second in range(60, 200, 10):
        story.poll(second, kiln="12", scrubber="8" if second % 30 == 0 else "0")
    assert story.changes == []


@pytest.mark.parametrize("lead_s", [0, 120])
def test_a_silence_of_production_clears_nothing(lead_s: int) -> None:
    """It may have stood meanwhile, or not: when it is read as on again, nothing was read that is fine."""
    story = Story(plant(replace(PAIR, start_lead_s=lead_s)))
    for second in range(0, 400, 10):
        story.poll(second, kiln=None if 300 <= second < 360 else "12")
        story.poll(second + 0.5, scrubber="0")
    assert [raised for _, _, raised in story.changes] == [True]
    story.poll(400, kiln="12", scrubber="8")
    assert story.changes[-1] == (400, "pair", False)


def test_production_that_was_seen_to_stand_clears_it_also_within_the_lead() -> None:
    story = Story(plant(replace(PAIR, start_lead_s=120)))
    story.run(range(0, 300, 10), kiln="12", scrubber="0")
    story.run(range(300, 440, 10), kiln="0", scrubber="0")  # longer than the lead: what follows has its own
    story.run(range(440, 600, 10), kiln="12", scrubber="0")
    assert [(second, raised) for second, _, raised in story.changes] == [(180, True), (300, False)]


def test_a_producer_that_is_not_read_any_more_does_not_make_the_run_of_production_older() -> None:
    """The kiln draws between its thresholds and was last clearly on at 0 s, the spare at 80 s: production was
    seen until 80 s, whoever is read now, and the lead is long over when the spare is read again."""
    rule = replace(PAIR, production=("kiln", "spare"), start_lead_s=40, stop_lag_s=0)
    config = plant(rule)
    story = Story(replace(config, meters=(meter("kiln-m", 30), meter("scrubber-m", 30), meter("spare-m"))))
    story.poll(0, kiln="12")
    story.poll(60, kiln="4.5")
    story.poll(80, spare="8")
    story.poll(120, scrubber="0")
    story.poll(120.5, spare="8")
    story.poll(130.5, spare="8")
    story.poll(150, scrubber="0")
    assert story.changes == [(150, "pair", True)]


def test_a_silence_of_a_treatment_that_stopped_early_clears_nothing() -> None:
    """It stood before the silence and stands behind it; when production stands as well, all is over."""
    rule = TreatmentStopped(id="early", production=("kiln",), treatment=("scrubber",), hold_s=60)
    story = Story(plant(rule))
    story.run(range(0, 60, 10), kiln="12", scrubber="8")
    story.run(range(60, 200, 10), kiln="12", scrubber="0")
    assert [raised for _, _, raised in story.changes] == [True]
    story.run(range(200, 280, 10), kiln="12", scrubber=None)
    story.run(range(280, 400, 10), kiln="12", scrubber="0")
    assert [raised for _, _, raised in story.changes] == [True]
    story.run(range(400, 600, 10), kiln="0", scrubber="0")
    assert [raised for _, _, raised in story.changes] == [True, False]
