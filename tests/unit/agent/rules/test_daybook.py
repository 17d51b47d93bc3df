"""The daybook: what passes is counted once, whatever the clock does, and no data is never off."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from agent.rules.daybook import Daybook
from agent.rules.daycount import DayCount
from agent.rules.engine import Engine
from agent.rules.metering import Observation
from agent.rules.world import Moment
from config.calendar import Window, moment_ms
from config.orders import Declaration, Order
from config.site import Shift, Site, SiteConfig
from tests.support.plants import PAIR, plant

HOUR = 3_600_000
SHANGHAI = ZoneInfo("Asia/Shanghai")


class Life:
    """An engine with a daybook, fed every ten seconds; ``offset`` is what somebody set the clock by."""

    def __init__(
        self, config: SiteConfig, start: str, zone: ZoneInfo = SHANGHAI, trusted: bool = True
    ) -> None:
        self.config = replace(config, site=Site(id="T1", timezone=zone.key))
        self.ms = moment_ms(start, zone)
        self.offset = 0
        self.trusted = trusted
        self.record = 0
        self.engine = Engine(self.config, self.ms, daily=True)
        self.tick()

    @property
    def book(self) -> Daybook:
        book = self.engine.daybook
        assert book is not None
        return book

    @property
    def today(self) -> DayCount:
        today = self.book.today
        assert today is not None
        return today

    def run(self, hours: float, step_s: int = 10, **power: str | None) -> None:
        """``None``: the poll fails."""
        for _ in range(int(hours * 3600) // step_s):
            self.ms += step_s * 1000
            for name, kw in power.items():
                self.record += 1
                values = {} if kw is None else {"p": Decimal(kw)}
                self.engine.observe(Observation(f"{name}-m", self.ms, self.record, values))
                self.book.poll(f"{name}-m", False, kw is not None, True)
            self.tick()

    def tick(self) -> None:
        wall = self.ms + self.offset
        for change in self.engine.tick(Moment(self.ms, wall if self.trusted else None, wall_ms=wall)):
            self.book.alarm(change)

    def restart(self) -> None:
        page = json.loads(json.dumps(self.engine.page()))
        self.engine = Engine(self.config, page["world"]["now"], daily=True)
        self.engine.turn_to(page)

    def over(self) -> tuple[DayCount, ...]:
        return self.book.ended(self.ms)


def kwh(day: DayCount, meter: str = "kiln-m") -> dict[int, float]:
    return {int(hour): float(work) / HOUR for hour, (work, _) in day.hours.get(meter, {}).items()}


def hours(counts: dict[str, int]) -> dict[str, float]:
    return {name: ms / HOUR for name, ms in counts.items()}


@pytest.mark.parametrize("restarts", [0, 7])
def test_a_day_in_hours_and_states(restarts: int) -> None:
    life = Life(plant(PAIR), "2026-11-25 00:00")
    for part in range(24):
        on = 8 <= part < 18
        life.run(1, kiln="60" if on else "0", scrubber="6" if on and part != 12 else "0")
        if restarts and part % restarts == 0:
            life.restart()
    assert life.over() == ()
    life.run(0.05, kiln="0", scrubber="0")
    (day,) = life.over()
    assert day.day == "2026-11-25"
    found = kwh(day)
    assert set(found) == set(range(24))
    assert found[9] == pytest.approx(60, abs=0.01)
    assert found[3] == 0
    assert sum(found.values()) == pytest.approx(600, abs=0.2)
    assert float(day.drawn["kiln-m"][0]) / HOUR == pytest.approx(sum(found.values()))
    assert hours(day.points["kiln"])["on"] == pytest.approx(10, abs=0.01)
    assert hours(day.points["kiln"])["off"] == pytest.approx(14, abs=0.01)
    pair = hours(day.pairs["pair"])
    assert pair["production"] == pytest.approx(10, abs=0.01)
    assert pair["sync"] == pytest.approx(9, abs=0.01)
    assert pair["apart"] == pytest.approx(1, abs=0.01)
    assert day.alarms["pair"]["raised"] == 1
    assert day.alarms["pair"]["ms"] / HOUR == pytest.approx(1, abs=0.01)


def test_no_data_is_unknown_and_never_off() -> None:
    life = Life(plant(PAIR), "2026-11-25 00:00")
    life.run(2, kiln="60", scrubber="6")
    life.run(1, kiln=None, scrubber="6")
    life.run(1, kiln="60", scrubber=None)
    counts = hours(life.today.points["kiln"])
    assert counts["on"] == pytest.approx(3, abs=0.02)
    assert counts["unknown"] == pytest.approx(1, abs=0.02)
    assert "off" not in counts
    pair = hours(life.today.pairs["pair"])
    assert pair["sync"] == pytest.approx(2, abs=0.02)
    assert pair["unsure"] == pytest.approx(1, abs=0.02)
    assert "apart" not in pair


def test_while_the_box_is_off_nothing_is_known() -> None:
    life = Life(plant(PAIR), "2026-11-25 20:00")
    life.run(2, kiln="60", scrubber="6")
    life.ms += 8 * HOUR  # over midnight, to 06:00
    life.restart()
    life.run(1, kiln="60", scrubber="6")
    (day,) = life.over()
    assert hours(day.points["kiln"])["unknown"] == pytest.approx(2, abs=0.02)
    assert hours(life.today.points["kiln"])["unknown"] == pytest.approx(6, abs=0.02)
    assert set(kwh(day)) <= {19, 20, 21, 22, 23}
    assert sum(kwh(day).values()) == pytest.approx(120, abs=1)


def test_a_week_and_more_without_power_is_not_counted() -> None:
    life = Life(plant(PAIR), "2026-11-25 20:00")
    life.run(1, kiln="60")
    life.ms += 24 * 30 * HOUR
    life.run(1, kiln="60")
    (day,) = life.over()
    assert sum(hours(day.points["kiln"]).values()) == pytest.approx(4, abs=0.02)
    assert life.today.day == "2026-12-25"
    assert sum(hours(life.today.points["kiln"]).values()) == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize(
    ("day", "count", "repeated"), [("2026-03-29", 23, {}), ("2026-10-25", 25, {}), ("2026-06-01", 24, {})]
)
def test_days_of_23_and_25_hours(day: str, count: int, repeated: dict[str, int]) -> None:
    zone = ZoneInfo("Europe/Berlin")
    life = Life(plant(PAIR), f"{day} 00:00", zone)
    life.run(count, kiln="60", scrubber="6")
    life.run(0.1, kiln="60", scrubber="6")
    (over,) = life.over()
    assert over.hour_count == count
    found = kwh(over)
    assert sorted(found) == list(range(count))
    assert all(value == pytest.approx(60, abs=0.5) for value in found.values())
    assert hours(over.points["kiln"])["on"] == pytest.approx(count, abs=0.02)


@pytest.mark.parametrize("step_h", [-1, 1, -3, 5, -24, 30])
def test_a_clock_step_neither_loses_nor_doubles(step_h: int) -> None:
    life = Life(plant(PAIR), "2026-11-25 10:00")
    life.run(4.5, kiln="60", scrubber="6")
    life.offset = step_h * HOUR
    life.run(7.25, kiln="60", scrubber="6")
    days = (*life.over(), life.today)
    assert len({one.serial for one in days}) == len(days)
    life.book._energy.close(life.today.serial)
    life.book._energy.end(life.book._cell, life.ms)
    life.run(0.01, kiln="60", scrubber="6")
    total_h = 4.5 + 7.25
    drawn = sum(float(one.drawn["kiln-m"][0]) for one in days if one.drawn) / HOUR
    assert drawn == pytest.approx(60 * total_h, abs=0.6)
    passed = sum(ms for one in days for ms in one.points["kiln"].values()) / HOUR
    assert passed == pytest.approx(total_h, abs=0.02)
    by_hour = sum(sum(kwh(one).values()) for one in days)
    assert by_hour == pytest.approx(60 * total_h, abs=0.6)
    if step_h > 0:
        assert all(value <= 60.2 for one in days for value in kwh(one).values())


def test_with_a_clock_that_is_not_trusted_no_hour_is_named() -> None:
    life = Life(plant(PAIR), "2026-11-25 10:00", trusted=False)
    life.run(2, kiln="60", scrubber="6")
    life.trusted = True
    life.run(2, kiln="60", scrubber="6")
    assert set(kwh(life.today)) <= {12, 13}
    assert float(life.today.drawn["kiln-m"][0]) / HOUR == pytest.approx(180, abs=61)
    assert hours(life.today.points["kiln"])["on"] == pytest.approx(4, abs=0.02)


def test_energy_by_shift_over_midnight() -> None:
    shifts = (
        Shift(id="day", window=Window.parse("06:00-22:00")),
        Shift(id="night", window=Window.parse("22:00-06:30")),
    )
    life = Life(replace(plant(PAIR), shifts=shifts), "2026-11-25 00:00")
    life.run(24.1, kiln="60", scrubber="6")
    (day,) = life.over()
    found = {name: float(work) / HOUR for name, (work, _) in day.shifts["kiln-m"].items()}
    assert found["night"] == pytest.approx(60 * 8.5, abs=0.5)
    assert found["day"] == pytest.approx(60 * 16, abs=0.5)


def test_an_order_is_obeyed_violated_or_unknown() -> None:
    life = Life(plant(PAIR), "2026-11-25 08:00")
    begin = moment_ms("2026-11-25 10:00", SHANGHAI)
    order = Order(id="red-1", kind="stop", source="local", from_ms=begin, grace_s=0, points=("kiln",))
    life.engine.know((order,), ())
    life.run(2, kiln="60", scrubber="6")
    assert life.today.orders == {}
    life.run(1, kiln="0", scrubber="0")
    life.run(2, kiln="60", scrubber="6")
    life.run(1, kiln=None, scrubber="6")
    assert hours(life.today.orders["red-1"]) == {
        "obeyed": pytest.approx(1, abs=0.02),
        "violated": pytest.approx(2, abs=0.02),
        "unknown": pytest.approx(1, abs=0.02),
    }


def stop(name: str, begin: str, **more: Any) -> Order:
    source, _, _ = name.partition("/")
    from_ms = moment_ms(begin, SHANGHAI)
    given: dict[str, Any] = {"grace_s": 0, "points": ("kiln",), **more}
    return Order(id=name, kind=given.pop("kind", "stop"), source=source, from_ms=from_ms, **given)


def test_each_order_has_its_own_count_whoever_gave_it() -> None:
    life = Life(plant(PAIR), "2026-11-25 08:00")
    orders = (stop("county/1", "2026-11-25 08:00"), stop("county/2", "2026-11-25 09:00", grace_s=7200))
    life.engine.know(orders, ())
    life.run(2, kiln="60", scrubber="6")
    assert {name: hours(counts) for name, counts in life.today.orders.items()} == {
        "county/1": {"violated": pytest.approx(2, abs=0.02)},
        "county/2": {"obeyed": pytest.approx(1, abs=0.02)},
    }


def test_an_order_that_another_overrules_has_its_count_and_no_alarm() -> None:
    life = Life(plant(PAIR), "2026-11-25 08:00")
    orders = (
        stop("city/loose", "2026-11-25 08:00", exempt_kw=Decimal(10)),
        stop("county/strict", "2026-11-25 08:00"),
        stop("city/cut", "2026-11-25 08:00", kind="limit", limit_kw=Decimal(20)),
        stop("city/energy", "2026-11-25 08:00", kind="limit", limit_kwh=Decimal(30)),
    )
    life.engine.know(orders, ())
    life.run(1, kiln="8", scrubber="6")
    life.run(1, kiln="60", scrubber="6")
    assert [alarm.key for alarm in life.engine.active] == ["stop-order/county/strict/kiln"]
    counted = {name: hours(counts) for name, counts in life.today.orders.items()}
    assert counted["county/strict"] == {"violated": pytest.approx(2, abs=0.02)}
    for name, violated in (("city/loose", 1), ("city/cut", 0.95), ("city/energy", 0.63)):
        assert counted[name]["violated"] == pytest.approx(violated, abs=0.05), name
        assert sum(counted[name].values()) == pytest.approx(2, abs=0.02), name


def test_without_a_clock_an_order_in_force_is_unknown() -> None:
    """By what the clock shows, as days are."""
    life = Life(plant(PAIR), "2026-11-25 08:00")
    later = stop("county/later", "2026-11-25 11:00")
    life.engine.know((stop("county/1", "2026-11-25 08:00", to_ms=later.from_ms), later), ())
    life.run(1, kiln="0", scrubber="6")
    life.trusted = False
    life.run(2, kiln="60", scrubber="6")
    assert {name: hours(counts) for name, counts in life.today.orders.items()} == {
        "county/1": {"obeyed": pytest.approx(1, abs=0.02), "unknown": pytest.approx(2, abs=0.02)}
    }


def test_an_order_for_points_that_the_site_lacks_is_unknown() -> None:
    life = Life(plant(PAIR), "2026-11-25 08:00")
    life.engine.know((stop("county/1", "2026-11-25 08:00", points=("mill",)),), ())
    life.run(1, kiln="60", scrubber="6")
    assert hours(life.today.orders["county/1"]) == {"unknown": pytest.approx(1, abs=0.02)}


def test_what_is_near_a_limit_is_obeyed_and_without_a_baseline_unknown() -> None:
    life = Life(plant(PAIR), "2026-11-25 08:00")
    near = stop("city/near", "2026-11-25 08:00", kind="limit", limit_kwh=Decimal("62"))
    cut = stop("city/cut", "2026-11-25 08:00", kind="limit", reduce_percent=Decimal(50))
    life.engine.know((near, cut), ())
    life.run(1, kiln="60", scrubber="6")
    assert {alarm.key for alarm in life.engine.active} == {
        "limit-order/city/near/near",
        "limit-order/city/cut/baseline",
    }
    assert hours(life.today.orders["city/near"]) == {"obeyed": pytest.approx(1, abs=0.02)}
    assert hours(life.today.orders["city/cut"]) == {"unknown": pytest.approx(1, abs=0.02)}


def test_what_was_declared_is_counted() -> None:
    life = Life(plant(PAIR), "2026-11-25 08:00")
    noon = moment_ms("2026-11-25 09:00", SHANGHAI)
    said = Declaration(id="m-1", kind="maintenance", from_ms=noon, to_ms=noon + HOUR, declared_ms=noon)
    life.engine.know((), (said,))
    life.run(3, kiln="0", scrubber="0")
    assert life.today.declared["m-1"] / HOUR == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("restarted", [False, True])
def test_what_a_declaration_lowered_is_told_from_a_violation(restarted: bool) -> None:
    """Over midnight, until it escalates at the end of the declaration; by rule and by subject."""
    life = Life(plant(PAIR), "2026-11-25 22:00")
    begin = moment_ms("2026-11-25 20:00", SHANGHAI)
    said = Declaration(id="m-1", kind="maintenance", from_ms=begin, to_ms=begin + 6 * HOUR, declared_ms=begin)
    life.engine.know((), (said,))
    life.run(3, kiln="60", scrubber="0")
    if restarted:
        life.restart()
        life.engine.know((), (said,))
    life.run(2, kiln="60", scrubber="0")
    life.run(0.1, kiln="60", scrubber="6")
    (day,) = life.over()
    for counts in (day.alarms["pair"], day.subjects["kiln"]["pair"], day.subjects["scrubber"]["pair"]):
        assert (counts["raised"], counts["warnings"]) == (1, 1)
        assert counts["ms"] / HOUR == pytest.approx(2, abs=0.01)
        assert counts["declared"] / HOUR == pytest.approx(2, abs=0.01)
    counts = life.today.subjects["scrubber"]["pair"]
    assert counts["ms"] / HOUR == pytest.approx(3, abs=0.01)
    assert counts["declared"] / HOUR == pytest.approx(2, abs=0.01)
    assert "spare" not in life.today.subjects


def test_an_alarm_over_midnight_is_shared_between_both_days() -> None:
    life = Life(plant(PAIR), "2026-11-25 22:00")
    life.run(3, kiln="60", scrubber="0")
    life.run(1, kiln="60", scrubber="6")
    (day,) = life.over()
    assert day.alarms["pair"]["ms"] / HOUR == pytest.approx(2, abs=0.01)
    assert life.today.alarms["pair"]["ms"] / HOUR == pytest.approx(1, abs=0.01)
    assert (day.alarms["pair"]["raised"], life.today.alarms["pair"].get("raised", 0)) == (1, 0)


def test_a_receipt_confirms_what_its_block_holds() -> None:
    life = Life(plant(PAIR), "2026-11-25 08:00")
    for n in range(1, 100):
        life.run(0.1, kiln="60", scrubber=None)
        life.book.sealed(n)
    stored = life.today.confirmed(99)["kiln-m/f"]
    assert stored == 99 * 36
    assert 0 < life.today.confirmed(50)["kiln-m/f"] <= 50 * 36
    assert life.today.confirmed(0) == {}
    assert life.today.polls["kiln-m/f"] == [3564, 0, 3564]
    assert life.today.polls["scrubber-m/f"] == [0, 3564, 3564]
