"""The baseline of a reduction: each point's own, fixed once, never guessed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from agent.rules.baseline import Baseline
from agent.rules.engine import Engine
from agent.rules.metering import Observation
from agent.rules.world import DayUse, Moment
from config.calendar import moment_ms
from config.orders import Order
from config.site import SiteConfig
from tests.support.plants import meter, plant

SHANGHAI = ZoneInfo("Asia/Shanghai")
FROM_MS = moment_ms("2026-11-25 08:00", SHANGHAI)
CUT = Order(id="cut", kind="limit", source="city", from_ms=FROM_MS, reduce_percent=Decimal(50), grace_s=0)
HALF = {"kiln": "100", "press": "10"}


def mill() -> SiteConfig:
    """A kiln and a press."""
    whole = plant()
    press = replace(whole.points[0], id="press", meter="press-m", on_above_kw=Decimal(1))
    return replace(whole, meters=(*whole.meters, meter("press-m")), points=(*whole.points, press))


def history(*days: tuple[int, Mapping[str, str]]) -> dict[str, tuple[DayUse, ...]]:
    """``(24, {"kiln": "100"})``: what was drawn on 24 November; the newest day first."""
    names = {name for _, powers in days for name in powers}
    return {
        name: tuple(
            DayUse(f"2026-11-{day:02}", (Decimal(powers[name]),) * 24)
            for day, powers in days
            if name in powers
        )
        for name in names
    }


class Mill:
    """Runs an engine in steps of a minute."""

    def __init__(self, past: Mapping[str, tuple[DayUse, ...]], at_ms: int = FROM_MS) -> None:
        self.engine = Engine(mill(), at_ms)
        self.engine.recall(past)
        self.ms = at_ms

    def run(self, minutes: int, **kw: str) -> list[str]:
        """The keys of the alarms that were raised."""
        raised = []
        for _ in range(minutes * 6):
            self.ms += 10_000
            for name, power in kw.items():
                self.engine.observe(Observation(f"{name}-m", self.ms, 1, {"p": Decimal(power)}))
            changes = self.engine.tick(Moment(self.ms, self.ms))
            raised += [change.alarm.key for change in changes if change.raised]
        return raised

    def fixed(self, order: str = "cut") -> Baseline:
        return self.engine.baselines[order]

    def page(self) -> Any:
        return json.loads(json.dumps(self.engine.page()))


def week(powers: Mapping[str, str], *days: int) -> dict[str, tuple[DayUse, ...]]:
    return history(*((day, powers) for day in days))


THREE = week(HALF, 24, 23, 22)


def test_per_point_each_counts_against_its_own() -> None:
    box = Mill(THREE)
    box.engine.know((replace(CUT, per="point"),), ())
    assert box.run(60, kiln="45", press="4") == []
    assert box.fixed().points == {"kiln": Decimal(100), "press": Decimal(10)}
    assert box.run(60, kiln="45", press="9") == ["limit-order/cut/press"]


def test_in_total_the_sum_counts_also_with_a_point_that_must_stand() -> None:
    box = Mill(THREE)
    stop = Order(id="s1", kind="stop", source="county", from_ms=FROM_MS, grace_s=0, points=("kiln",))
    box.engine.know((CUT, stop), ())
    assert box.run(30, kiln="0", press="9") == []
    assert box.fixed().kw == 110
    box.engine.know((CUT,), ())
    assert box.run(60, kiln="45", press="9") == []
    assert box.run(60, kiln="50", press="9") == ["limit-order/cut"]


@pytest.mark.parametrize(
    ("past", "days", "per", "kw"),
    [
        (week(HALF, 24, 23, 22), 7, "total", 110),
        (week(HALF, 24, 23), 7, "total", None),  # a weekend is no week
        (week(HALF, 24, 23), 2, "total", 110),  # two are all that the order asks for
        (week({"kiln": "0", "press": "0"}, 24, 23, 22), 7, "total", None),
        (week({"kiln": "0", "press": "10"}, 24, 23, 22), 7, "total", 10),
        (week({"kiln": "100"}, 24, 23, 22), 7, "total", None),
        ({}, 7, "total", None),
        ({}, 7, "point", None),
        (week({"kiln": "0", "press": "0"}, 24, 23, 22), 7, "point", None),
    ],
)
def test_what_is_not_known_is_not_guessed(
    past: Mapping[str, tuple[DayUse, ...]], days: int, per: Any, kw: int | None
) -> None:
    box = Mill(past)
    box.engine.know((replace(CUT, reference_days=days, per=per),), ())
    raised = box.run(30, kiln="3", press="1")
    assert raised == ([] if kw else ["limit-order/cut/baseline"])
    assert [one.kw for one in box.engine.baselines.values()] == ([kw] if kw else [])


def test_one_point_without_a_baseline_leaves_the_others_judged() -> None:
    box = Mill(week({"kiln": "100", "press": "0"}, 24, 23, 22))
    box.engine.know((replace(CUT, per="point"),), ())
    assert box.run(30, kiln="60", press="5") == ["limit-order/cut/baseline", "limit-order/cut/kiln"]
    (missing,) = (alarm for alarm in box.engine.active if alarm.key.endswith("/baseline"))
    assert missing.subjects == ("press",)
    assert box.engine.verdicts()["limit-order"]["limit-order/cut/press"] == "unknown"


def test_days_that_become_known_later_make_it() -> None:
    box = Mill({})
    box.engine.know((CUT,), ())
    assert box.run(30, kiln="45", press="4") == ["limit-order/cut/baseline"]
    box.engine.recall(THREE)
    assert box.run(30, kiln="45", press="4") == []
    assert box.fixed().kw == 110
    assert box.engine.active == ()


@pytest.mark.parametrize("replaces", ["cut", None])
@pytest.mark.parametrize("restart", [False, True])
def test_an_order_that_goes_on_from_another_has_its_baseline(replaces: str | None, restart: bool) -> None:
    """The days before it are days of the reduction."""
    end_ms = FROM_MS + 3_600_000
    first = replace(CUT, to_ms=end_ms)
    longer = replace(CUT, id="longer", from_ms=end_ms, replaces=replaces, reduce_percent=Decimal(40))
    box = Mill(THREE)
    box.engine.know((first,), ())
    assert box.run(50, kiln="45", press="4") == []
    box.engine.recall(week({"kiln": "45", "press": "4"}, 24, 23, 22))
    if restart:
        engine = Engine(mill(), box.ms)
        engine.recall(box.engine.history)
        engine.turn_to(box.page())
        box.engine = engine
    box.engine.know((first, longer), ())
    assert box.run(60, kiln="60", press="4") == ["limit-order/cut"]
    assert box.fixed("longer") == box.fixed()
    assert "longer" in box.engine.untold
    box.engine.know((longer,), ())
    box.run(1)
    assert box.fixed("longer").kw == 110


def test_an_order_that_takes_the_place_from_the_beginning_has_it_too() -> None:
    """Of the one replaced nothing is left then, and its days may be forgotten."""
    box = Mill(THREE)
    box.engine.know((CUT,), ())
    box.run(1, kiln="45", press="4")
    box.engine.recall({})
    box.engine.know((replace(CUT, id="longer", replaces="cut", points=("kiln",)),), ())
    assert box.run(60, kiln="45", press="4") == []
    assert box.fixed("longer") == Baseline(Decimal(100), box_days(THREE), {"kiln": Decimal(100)})


def box_days(past: Mapping[str, tuple[DayUse, ...]]) -> tuple[str, ...]:
    return tuple(sorted(use.day for use in past["kiln"]))


def test_a_baseline_that_was_given_goes_on_too() -> None:
    end_ms = FROM_MS + 3_600_000
    first = replace(CUT, to_ms=end_ms, baseline_kw=Decimal(200))
    longer = replace(CUT, id="longer", from_ms=end_ms, replaces="cut")
    box = Mill(THREE)
    box.engine.know((first, longer), ())
    assert box.run(120, kiln="90", press="4") == []
    assert box.fixed("longer") == Baseline(Decimal(200), (), {})


def test_after_a_stop_the_days_before_the_stop_count() -> None:
    stop = Order(
        id="s1", kind="stop", source="city", from_ms=moment_ms("2026-11-22 00:00", SHANGHAI), to_ms=FROM_MS
    )
    still = {"kiln": "0", "press": "0"}
    box = Mill(history(*((day, still) for day in (24, 23, 22)), *((day, HALF) for day in (21, 20, 19))))
    box.engine.know((stop, replace(CUT, replaces="s1")), ())
    assert box.run(60, kiln="45", press="4") == []
    assert box.fixed().kw == 110


def test_a_record_of_the_lowest_alone_is_read_and_found_anew_for_each_point() -> None:
    """An older box wrote one number for all points: the lowest of theirs."""
    old = Baseline.take({"kw": "10.000", "days": ["2026-11-22", "2026-11-23", "2026-11-24"]})
    assert old == Baseline(Decimal("10.000"), ("2026-11-22", "2026-11-23", "2026-11-24"), {})
    box = Mill(THREE)
    box.engine.fix("cut", old)
    box.engine.know((replace(CUT, per="point"),), ())
    assert box.run(60, kiln="45", press="4") == []
    assert box.fixed().points == {"kiln": Decimal(100), "press": Decimal(10)}
    assert "cut" in box.engine.untold
    box.engine.told("cut")
    assert box.engine.untold == {}
    total = Mill({})
    total.engine.fix("cut", old)
    total.engine.know((CUT,), ())
    assert total.run(60, kiln="45", press="4") == ["limit-order/cut"]


def test_a_record_brings_it_back_whole() -> None:
    found = Baseline(Decimal("110.000"), ("2026-11-24",), {"kiln": Decimal("100.000"), "press": Decimal(10)})
    assert Baseline.take(json.loads(json.dumps(found.fields()))) == found
