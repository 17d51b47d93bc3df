"""Orders that nobody can judge are said, and only while it is so."""

from __future__ import annotations

from dataclasses import replace

from agent.calendarcheck import calendar_checks
from agent.rules.engine import Engine
from agent.rules.world import Moment
from config.calendar import Window
from config.orders import Order
from config.rulekinds import OffShift
from tests.support.plants import plant


def test_an_order_without_a_clock_is_said() -> None:
    config = plant()
    engine = Engine(config, 0)
    engine.tick(Moment(1_000))
    assert calendar_checks(engine.world, config) == (), "nothing waits for the calendar"
    engine.know((Order(id="o", kind="stop", source="local", from_ms=1),), ())
    engine.tick(Moment(2_000))
    (check,) = calendar_checks(engine.world, config)
    assert (check.level, check.code, check.args) == ("warn", "SBX-CLK-004", {"orders": "1"})
    engine.tick(Moment(3_000, 1_795_000_000_000))
    assert calendar_checks(engine.world, config) == ()


def test_shifts_wait_for_the_clock_as_well() -> None:
    config = replace(plant(), rules=(OffShift(id="night", shifts=(Window.parse("06:00-22:00"),)),))
    engine = Engine(config, 0)
    engine.tick(Moment(1_000))
    assert [check.code for check in calendar_checks(engine.world, config)] == ["SBX-CLK-004"]
