"""The first rules: every violation is found, nothing else is accused, no data is never off."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from agent.rules.alarms import Alarm
from agent.rules.engine import Engine, all_rules
from agent.rules.kinds.registry import steps
from agent.rules.metering import Observation
from agent.rules.points import State
from agent.rules.world import Moment
from config.calendar import Window
from config.orders import Declaration
from config.rulekinds import OffShift, Threshold
from config.ruleshapes import RULES
from tests.support.plants import OVER, PAIR, SILENT, Story, plant


def test_every_kind_of_the_configuration_has_a_judge() -> None:
    assert set(steps()) == set(RULES)
    assert {rule.kind for rule in all_rules(plant(PAIR))} <= set(RULES)


def test_point_states_with_hysteresis_and_staleness() -> None:
    story = Story(plant())
    states = []
    for second, power in [(0, "4.5"), (10, "12"), (20, "4.5"), (30, "3"), (40, "4.5")]:
        story.poll(second, kiln=power)
        states.append(story.engine.world.points["kiln"].state)
    # 4.5 kW lies between both thresholds: it never changes a state, and makes none at the start.
    assert states == [State.UNKNOWN, State.ON, State.ON, State.OFF, State.OFF]
    story.tick(40 + 35)
    assert story.state("kiln") == "off"
    story.tick(40 + 36)
    assert story.state("kiln") == "unknown"


def test_hold_time_of_a_point() -> None:
    story = Story(plant(hold_s=25))
    story.run(range(0, 30, 10), kiln="12")
    assert story.state("kiln") == "unknown"
    story.poll(30, kiln="12")
    assert story.state("kiln") == "on"
    story.poll(40, kiln="0")
    story.poll(50, kiln="12")  # a dip shorter than the hold time
    story.run(range(60, 100, 10), kiln="12")
    assert story.state("kiln") == "on"


def test_treatment_off_is_raised_after_the_lag_and_cleared() -> None:
    story = Story(plant(PAIR))
    story.run(range(0, 60, 10), kiln="12", scrubber="8")
    story.run(range(60, 200, 10), kiln="12", scrubber="0.1")
    story.run(range(200, 240, 10), kiln="12", scrubber="8")
    assert story.changes == [(120, "pair", True), (200, "pair", False)]
    assert [alarm.key for alarm in story.engine.active] == []


def test_treatment_off_names_its_evidence() -> None:
    story = Story(plant(PAIR))
    story.run(range(0, 60, 10), kiln="12", scrubber="8")
    story.run(range(60, 130, 10), kiln="12", scrubber="0.1")
    (alarm,) = story.engine.active
    assert alarm.subjects == ("kiln", "scrubber")
    assert alarm.facts == {"production": "kiln 12 kW", "treatment": "scrubber 0.1 kW"}
    assert alarm.since_ms == story.start_ms + 60_000
    assert (
        alarm.since_record == 14
    )  # the reading of the scrubber at 60 s: 6 pairs before, kiln 13, scrubber 14


def test_a_point_judged_by_current_is_told_in_amperes() -> None:
    night = OffShift(id="night", shifts=(Window.parse("08:00-09:00"),), grace_s=0, hold_s=60)
    config = plant(PAIR, night)
    by_current = replace(
        config.points[0],
        on_above_kw=None,
        off_below_kw=None,
        on_above_a=Decimal(10),
        off_below_a=Decimal(8),
    )
    story = Story(replace(config, points=(by_current, *config.points[1:])), utc_ms=1_795_614_900_000)
    for second in range(0, 130, 10):
        values = {"p": Decimal(12), "i_a": Decimal("19.3"), "i_b": Decimal(18)}
        at_ms = story.start_ms + second * 1000
        story.engine.observe(Observation("kiln-m", at_ms, second, values))
        story.poll(second, scrubber="0.1")
    facts = {alarm.key: alarm.facts for alarm in story.engine.active}
    assert facts["pair"] == {"production": "kiln 19.3 A", "treatment": "scrubber 0.1 kW"}
    assert facts["night/kiln"]["power"] == "19.3 A"


@pytest.mark.parametrize(
    ("kiln", "scrubber"),
    [("12", None), (None, "0"), (None, None), ("0", "0"), ("12", "1.5"), ("4.5", "0")],
)
def test_near_misses_raise_nothing(kiln: str | None, scrubber: str | None) -> None:
    story = Story(plant(PAIR))
    story.run(range(0, 900, 10), kiln=kiln, scrubber=scrubber)
    assert [change for change in story.changes if change[1] != "power-cut"] == []


def test_a_scrubber_that_falls_silent_is_not_off_and_an_alarm_is_not_cleared_by_silence() -> None:
    story = Story(plant(PAIR))
    story.run(range(0, 100, 10), kiln="12", scrubber="8")
    story.run(range(100, 900, 10), kiln="12", scrubber=None)
    assert story.changes == []
    story.run(range(900, 1000, 10), kiln="12", scrubber="0")
    assert story.changes == [(960, "pair", True)]
    story.run(range(1000, 2000, 10), kiln="12", scrubber=None)
    assert story.changes == [(960, "pair", True)]
    story.poll(2000, kiln="12", scrubber="8")
    assert story.changes[-1] == (2000, "pair", False)


def test_start_lead_lets_treatment_start_later() -> None:
    story = Story(plant(replace(PAIR, start_lead_s=120, stop_lag_s=60)))
    story.run(range(0, 60, 10), kiln="0", scrubber="0")
    story.run(range(60, 170, 10), kiln="12", scrubber="0")
    story.run(range(170, 300, 10), kiln="12", scrubber="8")
    assert story.changes == []
    late = Story(plant(replace(PAIR, start_lead_s=120, stop_lag_s=60)))
    late.run(range(0, 60, 10), kiln="0", scrubber="0")
    late.run(range(60, 400, 10), kiln="12", scrubber="0")
    assert late.changes == [(60 + 120 + 60, "pair", True)]


def test_duty_and_standby_any_is_enough() -> None:
    rule = replace(PAIR, treatment=("scrubber", "spare"), need="any")
    story = Story(plant(rule))
    story.run(range(0, 300, 10), kiln="12", scrubber="0", spare="8")
    assert story.changes == []
    story.run(range(300, 500, 10), kiln="12", scrubber="0", spare=None)  # the spare is unknown, not off
    assert story.changes == []
    story.run(range(500, 700, 10), kiln="12", scrubber="0", spare="0")
    assert story.changes == [(560, "pair", True)]


def test_all_needed_one_off_is_a_violation() -> None:
    story = Story(plant(replace(PAIR, treatment=("scrubber", "spare"))))
    story.run(range(0, 100, 10), kiln="12", scrubber="8", spare="0")
    assert story.changes == [(60, "pair", True)]


def test_threshold_hysteresis_hold_and_no_data() -> None:
    story = Story(plant(OVER))
    for second, power in [
        (0, "50"),
        (10, "101"),
        (20, "99"),
        (30, "101"),
        (40, "120"),
        (50, "120"),
        (60, "120"),
    ]:
        story.poll(second, kiln=power)
    assert story.changes == [(60, "over", True)]  # 101 at 10 s dipped below: the hold began anew at 30 s
    story.poll(70, kiln="95")  # between clear and limit
    story.poll(80, kiln=None)
    assert len(story.changes) == 1
    story.poll(90, kiln="89")
    assert story.changes[-1] == (90, "over", False)


def test_threshold_below() -> None:
    low = Threshold(id="low", meter="kiln-m", quantity="p", below=Decimal(10), clear=Decimal(12))
    story = Story(plant(low))
    story.poll(0, kiln="11")
    story.poll(10, kiln="9.99")
    story.poll(20, kiln="11")
    story.poll(30, kiln="12.01")
    assert story.changes == [(10, "low", True), (30, "low", False)]


def test_meter_silent_is_one_alarm_a_meter() -> None:
    story = Story(plant(SILENT))
    story.run(range(0, 60, 10), kiln="12", scrubber="8", spare="1")
    for second in range(60, 130, 10):
        story.poll(second, kiln="12", scrubber=None, spare="1")
    assert story.changes == [(110, "silent/scrubber-m", True)]
    story.poll(130, scrubber="8")
    assert story.changes[-1] == (130, "silent/scrubber-m", False)


def test_never_read_since_start_is_silent_too() -> None:
    story = Story(plant(SILENT))
    for second in range(0, 90, 10):
        story.poll(second, kiln="12", spare="1")
        story.tick(second)
    assert story.changes == [(60, "silent/scrubber-m", True)]


def test_restored_alarms_are_not_raised_again_and_clear() -> None:
    first = Story(plant(PAIR))
    first.run(range(0, 70, 10), kiln="12", scrubber="0")
    assert [change[2] for change in first.changes] == [True]
    second = Story(plant(PAIR), start_ms=5_000)
    second.engine.restore(first.engine.active)
    second.run(range(0, 200, 10), kiln="12", scrubber="0")
    assert second.changes == []
    second.poll(200, kiln="12", scrubber="8")
    assert second.changes == [(200, "pair", False)]


def test_an_alarm_without_its_rule_is_cleared() -> None:
    engine = Engine(plant(PAIR), 0)
    engine.restore([Alarm("gone", "gone", "SBX-RUL-002", "warning", (), {}, 0, 7, 9)])
    (change,) = engine.tick(Moment(10))
    assert not change.raised
    assert change.dur_ms is None  # nobody knows when it ended


def test_no_power_while_current_flows_without_voltage_is_not_off() -> None:
    story = Story(plant(PAIR))
    story.run(range(0, 60, 10), kiln="12", scrubber="8")
    leads = {"p": Decimal(0), "u_a": Decimal(0), "i_a": Decimal(12)}
    for second in range(60, 300, 10):
        at_ms = story.start_ms + second * 1000
        story.engine.observe(Observation("scrubber-m", at_ms, second, leads))
        story.poll(second, kiln="12")
    assert story.changes == []
    stopped = {**leads, "i_a": Decimal("0.05")}  # a feeder that is off has neither
    for second in range(300, 400, 10):
        at_ms = story.start_ms + second * 1000
        story.engine.observe(Observation("scrubber-m", at_ms, second, stopped))
        story.poll(second, kiln="12")
    assert [change for change in story.changes if change[1] == "pair"] == [(360, "pair", True)]


def test_a_warning_that_became_an_alarm_unrecorded_becomes_one_again() -> None:
    """A full card took no record of it: nothing may have happened that is not on record."""
    story = Story(plant(replace(PAIR, warn_s=20)))
    story.run(range(0, 70, 10), kiln="12", scrubber="0")
    assert [(change.change, change.alarm.level) for change in story.all] == [
        ("raised", "warning"),
        ("escalated", "alarm"),
    ]
    story.engine.undo(story.all[-1])
    story.poll(70, kiln="12", scrubber="0")
    assert story.all[-1].change == "escalated"
    assert len(story.all) == 3


def test_what_a_declaration_covers_is_told_again_until_it_is_recorded() -> None:
    story = Story(plant(SILENT), utc_ms=1_000_000)
    declared = Declaration(id="d", kind="stop", from_ms=0, to_ms=10**9, declared_ms=0, points=("spare",))
    story.engine.know((), (declared,))
    for second in range(0, 90, 10):
        story.poll(second, kiln="12", scrubber="8")
    assert [(change.change, change.alarm.declared) for change in story.all] == [("excused", "d")]
    story.engine.undo(story.all[-1])
    story.poll(90, kiln="12", scrubber="8")
    story.poll(100, kiln="12", scrubber="8")
    assert [change.change for change in story.all] == ["excused", "excused"]


def test_a_warning_that_comes_back_at_once_goes_on_toward_the_alarm_and_warns_no_second_time_at_once() -> (
    None
):
    """Cleared by one reading that could as well have been missing: what was seen before counts."""
    story = Story(plant(replace(PAIR, stop_lag_s=120, warn_s=40)))
    story.run(range(0, 60, 10), kiln="12", scrubber="0")
    story.poll(60, kiln="12", scrubber="8")
    story.run(range(70, 160, 10), kiln="12", scrubber="0")
    assert [(change.at_ms - story.start_ms, change.change, change.alarm.level) for change in story.all] == [
        (40_000, "raised", "warning"),
        (60_000, "cleared", "warning"),
        (110_000, "raised", "warning"),
        (140_000, "escalated", "alarm"),
    ]
    assert story.all[-1].alarm.since_ms == story.start_ms + 70_000
