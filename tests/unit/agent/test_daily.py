"""The plant's day end in the journal: once, whole, over restarts, found again by walking back."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from agent.dayrecords import use_of
from agent.pastdays import last_summary, walk
from agent.rules.world import DayUse
from buffer.reader import JournalReader
from config.calendar import Window
from config.orders import Declaration, Order
from config.site import Shift
from tests.support.boxes import START_MS, Box
from tests.support.plants import PAIR, plant

DAY = 86_400
# START_MS is 2026-11-18 19:06:40 in Shanghai.
MIDNIGHT = 17_600
HOUR = 3_600


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    shifts = (Shift(id="night", window=Window.parse("22:00-06:00")),)
    made = Box(tmp_path, replace(plant(PAIR), shifts=shifts))
    made.letter = "S"
    yield made
    made.crash()


def live(box: Box, begin: int, end: int, step: int = 30, **power: str | None) -> None:
    """Polls each half minute, in the middle of the axis between two looks; quicker than ten seconds."""
    for second in range(begin, end, step):
        box.poll(second, **power)


def rows(box: Box, what: str) -> list[Mapping[str, Any]]:
    return [row for row in box.records("summary") if row["what"] == what]


def walked(box: Box) -> list[tuple[Mapping[str, Any], ...]]:
    with closing(JournalReader(box.folder / "journal")) as reader:
        return list(walk(reader, last_summary(reader)))


@pytest.mark.parametrize("stop", ["none", "kill", "clean"])
def test_a_day_end_is_summed_up_once(box: Box, stop: str) -> None:
    box.start(0)
    live(box, 0, 2 * HOUR, kiln="60", scrubber="6")
    if stop == "kill":
        box.recorder.step(box.at(2 * HOUR))
        box.recorder.step(box.at(2 * HOUR + 2))
        box.crash()
    elif stop == "clean":
        box.stop(2 * HOUR)
    if stop != "none":
        box.start(2 * HOUR + 5)
    live(
        box, 2 * HOUR + 10, 2 * HOUR + 100, step=10, kiln="60", scrubber="0"
    )  # for the alarm, none is missing
    live(box, 2 * HOUR + 100, MIDNIGHT + 120, kiln="60", scrubber="0")
    box.recorder.step(box.at(MIDNIGHT + 200))
    (day,) = rows(box, "day")
    assert day["day"] == "2026-11-18"
    assert day["prev_n"] == -1
    assert day["rows"] == 3 + 1 + 3
    assert day["hours"] == 24
    (alarm,) = day["alarms"]
    assert (alarm["rule"], alarm["raised"]) == ("pair", 1)
    kiln, scrubber, spare = rows(box, "point")
    assert (kiln["point"], scrubber["point"], spare["point"]) == ("kiln", "scrubber", "spare")
    assert kiln["on_s"] + kiln["off_s"] + kiln["unknown_s"] == pytest.approx(day["counted_s"], abs=3)
    assert kiln["on_s"] == pytest.approx(MIDNIGHT, abs=40)
    assert spare["unknown_s"] == pytest.approx(MIDNIGHT, abs=40)
    assert Decimal(kiln["kwh"]) == pytest.approx(Decimal(MIDNIGHT) / 60, abs=1)
    assert kiln["hours"][:19] == ["-"] * 19
    assert [Decimal(text) for text in kiln["hours"][20:]] == pytest.approx([60] * 4, abs=Decimal(1))
    assert Decimal(kiln["shifts"]["night"]) == pytest.approx(Decimal(120), abs=1)
    (pair,) = rows(box, "pair")
    assert pair["sync_s"] == pytest.approx(2 * HOUR, abs=40)
    assert pair["apart_s"] == pytest.approx(MIDNIGHT - 2 * HOUR, abs=40)
    assert pair["violated_s"] == pytest.approx(pair["apart_s"], abs=40)
    assert pair["declared_s"] == 0
    assert kiln["alarms"] == scrubber["alarms"] == day["alarms"]
    assert (alarm["s"], alarm["declared_s"]) == (pair["violated_s"], 0)
    assert spare["alarms"] == []
    meter = next(row for row in rows(box, "meter") if row["m"] == "kiln-m")
    assert meter["f"]["expected"] == pytest.approx(MIDNIGHT // 10, abs=2)
    assert meter["f"]["read"] == meter["f"]["stored"] == pytest.approx(MIDNIGHT / 30 + 6, abs=2)
    assert meter["alarms"] == []


def test_a_day_of_declared_maintenance_is_no_violation(box: Box) -> None:
    box.start(0)
    said = Declaration(
        id="m-1", kind="maintenance", from_ms=START_MS, to_ms=START_MS + DAY * 1000, declared_ms=START_MS
    )
    box.recorder._rules.engine.know((), (said,))
    live(box, 0, 100, step=10, kiln="60", scrubber="0")  # for the alarm, none is missing
    live(box, 100, MIDNIGHT + 120, kiln="60", scrubber="0")
    box.recorder.step(box.at(MIDNIGHT + 200))
    (pair,) = rows(box, "pair")
    assert pair["violated_s"] == 0
    assert pair["declared_s"] == pytest.approx(pair["apart_s"], abs=40)
    (alarm,) = rows(box, "point")[1]["alarms"]
    assert (alarm["rule"], alarm["warnings"], alarm["declared_s"]) == ("pair", 1, alarm["s"])


def test_a_restart_over_midnight_sums_the_day_up_and_only_once(box: Box) -> None:
    box.start(0)
    live(box, 0, MIDNIGHT + 10, kiln="60", scrubber="6")
    box.recorder.step(box.at(MIDNIGHT + 12))
    box.crash()  # the day is over and not on record
    box.start(MIDNIGHT + 20)
    live(box, MIDNIGHT + 20, MIDNIGHT + 100, 10, kiln="60", scrubber="6")
    assert [row["day"] for row in rows(box, "day")] == ["2026-11-18"]
    box.crash()  # it is on record, the page of the rules is older
    box.start(MIDNIGHT + 120)
    live(box, MIDNIGHT + 120, MIDNIGHT + 300, kiln="60", scrubber="6")
    assert [row["day"] for row in rows(box, "day")] == ["2026-11-18"]


def days(box: Box, count: int) -> None:
    """Some days at a poll an hour ... of meters that are asked each half hour."""
    for second in range(0, MIDNIGHT + count * DAY, 1_800):
        box.poll(second, kiln="60" if second // HOUR % 2 else "30", scrubber="6")


@pytest.fixture
def slow(box: Box) -> Box:
    meters = tuple(replace(one, every_s=1_800, slow_every_s=3_600) for one in box.config.meters)
    box.config = replace(box.config, meters=meters)
    return box


@pytest.mark.parametrize("logbook", ["kept", "deleted"])
def test_days_are_found_by_walking_back_and_make_the_history(slow: Box, logbook: str) -> None:
    box = slow
    box.start(0)
    days(box, 4)
    end = MIDNIGHT + 4 * DAY
    found = walked(box)
    assert [one[0]["day"] for one in found] == ["2026-11-21", "2026-11-20", "2026-11-19", "2026-11-18"]
    assert all(len(one) == 1 + one[0]["rows"] for one in found)
    assert [one[0]["prev_n"] for one in found][-1] == -1
    before = box.recorder._rules.engine.history
    assert [use.day for use in before["kiln"]] == [one[0]["day"] for one in found]
    assert all(hour is not None for hour in before["kiln"][1].hours)
    box.stop(end)
    if logbook == "deleted":
        shutil.rmtree(box.folder / "logbook")
    box.start(end + 60)
    assert box.recorder._rules.engine.history == before
    box.poll(end + 1_800, kiln="60", scrubber="6")
    live(box, end + 1_800, end + DAY + 4_000, 1_800, kiln="60", scrubber="6")
    assert len(walked(box)) == 5


def order(box: Box, begin: int) -> Order:
    return Order(
        id="cut",
        kind="limit",
        source="local",
        from_ms=START_MS + begin * 1000,
        points=("kiln",),
        reduce_percent=Decimal(50),
        reference_days=3,
        grace_s=0,
    )


@pytest.mark.parametrize("logbook", ["kept", "deleted"])
def test_a_baseline_is_on_record_and_holds_after_a_restart(slow: Box, logbook: str) -> None:
    box = slow
    box.start(0)
    days(box, 4)
    end = MIDNIGHT + 4 * DAY
    cut = order(box, end)
    box.recorder._rules.engine.know((cut,), ())
    box.poll(end + 60, kiln="60", scrubber="6")
    box.poll(end + 70, kiln="60", scrubber="6")
    box.recorder.step(box.at(end + 130))
    assert box.records("order") == []  # yesterday waits for the readings behind midnight
    assert box.recorder.snapshot.alarms == ()
    box.poll(end + HOUR + 130, kiln="60", scrubber="6")
    box.recorder.step(box.at(end + HOUR + 200))
    (record,) = box.records("order")
    assert (record["op"], record["id"]) == ("baseline", "cut")
    assert record["days"] == ["2026-11-20", "2026-11-21", "2026-11-22"]
    assert Decimal(record["kw"]) == pytest.approx(45, abs=1)
    assert record["points"] == {"kiln": record["kw"]}
    box.stop(end + HOUR + 210)
    if logbook == "deleted":
        shutil.rmtree(box.folder / "logbook")
    box.start(end + HOUR + 220)
    engine = box.recorder._rules.engine
    engine.recall({"kiln": tuple(DayUse(day, (Decimal(500),) * 24) for day in record["days"])})
    engine.know((cut,), ())
    box.poll(end + HOUR + 260, kiln="60", scrubber="6")
    box.recorder.step(box.at(end + HOUR + 330))
    assert len(box.records("order")) == 1  # not fixed anew
    assert engine.baselines["cut"].fields() == {name: record[name] for name in ("kw", "days", "points")}


def test_a_baseline_of_an_issuer_is_found_in_the_summary_of_a_day(slow: Box) -> None:
    box = slow
    box.start(0)
    days(box, 4)
    end = MIDNIGHT + 4 * DAY
    cut = replace(order(box, end), id="city/cut", source="city")
    box.recorder._rules.engine.know((cut,), ())
    for second in range(end + 1_800, end + DAY + 3 * HOUR, 1_800):
        box.poll(second, kiln="20", scrubber="6")
    found = box.recorder._rules.engine.baselines["city/cut"]
    (row,) = rows(box, "order")
    assert row["order"] == "city/cut"
    assert {name: row[name] for name in ("kw", "days", "points")} == found.fields()
    assert row["force_s"] == row["obeyed_s"] + row["violated_s"] + row["unknown_s"]
    box.stop(end + DAY + 3 * HOUR)
    shutil.rmtree(box.folder / "logbook")
    box.start(end + DAY + 3 * HOUR + 10)
    assert box.recorder._rules.engine.baselines == {"city/cut": found}


@pytest.mark.parametrize(
    ("day", "count", "missing"),
    [("2026-03-29", 23, {2}), ("2026-10-25", 25, set()), ("2026-06-01", 24, set())],
)
def test_the_history_speaks_of_hours_of_the_clock(day: str, count: int, missing: set[int]) -> None:
    row = {"day": day, "hours": [f"{n}.5" for n in range(count)], "hour_s": [3600] * count}
    use = use_of(row, ZoneInfo("Europe/Berlin"))
    assert {hour for hour, kwh in enumerate(use.hours) if kwh is None} == missing
    assert use.hours[1] == Decimal("1.5")
    assert use.hours[23] == Decimal(count - 1) + Decimal("0.5")
    if count == 25:
        assert use.hours[2] == Decimal(3)  # 02:00 came twice: 2.5 and 3.5


def test_an_hour_measured_in_part_counts_at_its_mean_power() -> None:
    row = {"day": "2026-06-01", "hours": ["54.000", "-"] + ["1"] * 22, "hour_s": [3240, 100] + [3600] * 22}
    use = use_of(row, ZoneInfo("Asia/Shanghai"))
    assert (use.hours[0], use.hours[1]) == (Decimal(60), None)
