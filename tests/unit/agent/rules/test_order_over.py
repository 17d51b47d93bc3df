"""An alarm of an order ends with the order, and loses nothing by that."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal

from agent.rules.alarms import AlarmChange
from agent.rules.engine import Engine
from config.calendar import Window
from config.orders import Order
from config.rulekinds import LimitOrder
from tests.support.plants import Story, plant

UTC_MS = 1_795_622_400_000  # 2026-11-26 00:00 in Shanghai
STOP = Order(id="s1", kind="stop", source="city", from_ms=UTC_MS, grace_s=0)


def running(order: Order, seconds: int = 3600) -> Story:
    """A kiln that runs whatever is ordered, at 12 kW and once at 15."""
    story = Story(plant(), utc_ms=UTC_MS)
    story.engine.know((order,), ())
    for second in range(0, seconds, 10):
        story.poll(second, kiln="15" if second == 600 else "12")
    assert [one.change for one in story.all] == ["raised"]
    return story


def told(change: AlarmChange) -> tuple[int | None, bool, int | None, str]:
    """Duration in s, whether its energy is 12 kWh an hour, measured %, why."""
    hours = 0 if change.dur_ms is None else change.dur_ms / 3_600_000
    whole = change.kwh is not None and abs(float(change.kwh) - 12 * hours) < 0.2
    return (
        None if change.dur_ms is None else change.dur_ms // 1000,
        whole,
        change.measured_percent,
        change.reason,
    )


def test_a_cancelled_order_ends_its_alarm_with_all_its_facts() -> None:
    story = running(STOP)
    story.engine.know((replace(STOP, to_ms=UTC_MS + 3_600_000),), ())
    story.poll(3600, kiln="12")
    over = story.all[-1]
    assert told(over) == (3600, True, 100, "order over")
    assert over.alarm.peak == 15
    assert over.to_record == 361
    assert over.alarm.level == "alarm"


def test_an_order_that_is_forgotten_is_over_too() -> None:
    story = running(STOP)
    story.engine.know((), ())
    story.poll(3600, kiln="12")
    assert told(story.all[-1]) == (3600, True, 100, "order over")


def test_a_window_that_ends_is_an_end() -> None:
    story = running(replace(STOP, daily=Window.parse("00:00-00:30")), 1800)
    story.poll(1800, kiln="12")
    assert told(story.all[-1]) == (1800, True, 100, "order over")


def test_one_that_was_fine_already_ended_then() -> None:
    """Fine, and not yet cleared, when the order is over: it ended when it turned fine."""
    limit = Order(id="l1", kind="limit", source="city", from_ms=UTC_MS, grace_s=0, limit_kw=Decimal(10))
    rule = LimitOrder(average_s=60, clear_s=600)
    story = Story(plant(rule), utc_ms=UTC_MS)
    story.engine.know((limit,), ())
    story.run(range(0, 1800, 10), kiln="12")
    story.run(range(1800, 2000, 10), kiln="0")
    story.engine.know((), ())
    story.poll(2000, kiln="0")
    over = story.all[-1]
    assert over.reason == "order over"
    assert over.ended_ms is not None
    assert 1_800_000 <= over.ended_ms - story.start_ms <= 1_830_000


def test_an_order_that_was_over_while_the_box_was_off_claims_no_duration() -> None:
    story = running(STOP)
    page, up = json.loads(json.dumps(story.engine.page())), story.engine.active
    story.engine = Engine(plant(), page["world"]["now"])
    story.engine.turn_to(page)
    story.engine.restore(up)
    story.engine.know((replace(STOP, to_ms=UTC_MS + 5_000_000),), ())
    story.tick(9000)
    assert story.all[-1].dur_ms is None
    assert story.all[-1].reason == "order over"


def test_a_stop_order_that_takes_over_from_a_limit_does_not_make_that_one_over() -> None:
    limit = Order(id="l1", kind="limit", source="city", from_ms=UTC_MS, grace_s=0, limit_kw=Decimal(10))
    story = running(limit)
    later = replace(STOP, from_ms=UTC_MS + 3_600_000)
    story.engine.know((limit, later), ())
    story.poll(3600, kiln="12")
    assert [(one.alarm.key, one.reason) for one in story.all if one.change == "cleared"] == [
        ("limit-order/l1", "not judged")
    ]
    assert story.all[-1].kwh is not None


def test_a_full_card_loses_no_end() -> None:
    story = running(STOP)
    story.engine.know((), ())
    story.poll(3600, kiln="12")
    first = story.all[-1]
    story.engine.undo(first)
    story.tick(3600)
    assert story.all[-1] == first
