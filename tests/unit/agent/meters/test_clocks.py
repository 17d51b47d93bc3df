"""Meters' clocks: offset with its uncertainty, daily, jumps, limits, and the meter as a witness of time."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.meters.clocks import Clocks, Shown, dump, load
from buffer.instant import Instant
from tests.support.boxes import START_MS
from tests.unit.agent.meters.plant import Plant

HOUR = 3600
ZONE = "Asia/Shanghai"
NOW = Instant(START_MS, 5_000_000, "S", 3, "ab" * 16)


def shown_when(utc_ms: float, offset_ms: float, delay_ms: int, split: float) -> Shown:
    """What a meter with that offset says when it is asked ``delay_ms`` before it is heard."""
    taken_ms = utc_ms - delay_ms * split
    local = datetime.fromtimestamp((taken_ms + offset_ms) / 1000, UTC).astimezone(ZoneInfo(ZONE))
    at = local.replace(tzinfo=None, microsecond=0)
    return Shown("m", at, NOW.mono_ms - delay_ms, NOW.mono_ms)


@given(
    st.integers(-400_000_000, 400_000_000), st.integers(20, 3000), st.floats(0, 1), st.integers(0, 86_400_000)
)
def test_the_true_offset_lies_within_the_error(offset: int, delay: int, split: float, later: int) -> None:
    clocks = Clocks(ZONE, {}, {})
    now = replace(NOW, utc_ms=NOW.utc_ms + later)
    measured, _ = clocks.measure(shown_when(now.utc_ms, offset, delay, split), now)
    assert abs(measured.offset_ms - offset) <= measured.error_ms + 1
    assert measured.error_ms <= 500 + delay / 2 + 1
    assert load(dump(measured)) == measured


@given(st.integers(-400_000_000, 400_000_000), st.integers(0, 30 * 86_400_000))
def test_a_witness_is_right_within_its_error(offset: int, later: int) -> None:
    clocks = Clocks(ZONE, {}, {})
    clocks.measure(shown_when(NOW.utc_ms, offset, 200, 0.5), NOW)
    drifted = offset + later * 5e-6
    told = clocks.witness(shown_when(NOW.utc_ms + later, drifted, 200, 0.5))
    assert told is not None
    true_utc = NOW.utc_ms + later - (NOW.mono_ms - told.mono_ms)
    assert abs(told.utc_ms - true_utc) <= told.error_ms + 1


def test_each_clock_is_measured_daily_and_says_how_sure_it_is(tmp_path: Path) -> None:
    plant = Plant(tmp_path, ahead_s=37, every_s=300, slow_every_s=600)
    plant.start()
    plant.run(49 * HOUR)
    plant.commit()
    events = plant.events("clock")
    assert len(events) == 3
    for event in events:
        assert abs(event["offset_ms"] - 37_000) <= event["error_ms"]
        assert 500 <= event["error_ms"] <= 1000
        assert "over_ms" not in event
    assert plant.events("clock-jump") == []
    assert plant.box.recorder.snapshot.wrong_clocks == ()


def test_a_clock_beyond_its_limit_shows_and_a_jump_is_evidence(tmp_path: Path) -> None:
    plant = Plant(tmp_path, clock_limit_s=60, every_s=300, slow_every_s=600)
    plant.start()
    plant.run(60)
    plant.device.ahead_s = -300
    plant.run(25 * HOUR)
    plant.commit()
    (jump,) = plant.events("clock-jump")
    assert abs(jump["old"]) < 2000
    assert abs(jump["new"] + 300_000) < 2000
    assert plant.events("clock")[-1]["over_ms"] == 60_000
    ((meter, offset_ms),) = plant.box.recorder.snapshot.wrong_clocks
    assert meter == "kiln-m"
    assert abs(offset_ms + 300_000) < 2000


@pytest.mark.parametrize("logbook", ["kept", "deleted"])
def test_a_box_without_time_takes_the_meters(tmp_path: Path, logbook: str) -> None:
    plant = Plant(tmp_path, ahead_s=90)
    plant.start()
    plant.run(60)
    plant.off(HOUR)
    if logbook == "deleted":
        (tmp_path / "logbook" / "clocks.json").unlink()
    plant.box.letter = "R"
    plant.start()
    plant.run(60)
    plant.commit()
    anchors = plant.box.records("anchor")
    assert anchors
    for anchor in anchors:
        assert abs(anchor["utc"] - (START_MS + anchor["at"])) <= anchor["error_ms"]
        assert anchor["source"] == "meter kiln-m"
    assert len(plant.events("clock")) == 1, "an offset against a clock that is not trusted is none"


def test_a_meter_that_was_never_measured_is_no_witness(tmp_path: Path) -> None:
    plant = Plant(tmp_path, ahead_s=90)
    plant.box.letter = "R"
    plant.start()
    plant.run(60)
    plant.commit()
    assert plant.box.records("anchor") == []
    (event,) = plant.events("clock")
    assert "offset_ms" not in event
    at = datetime.fromtimestamp((START_MS + event["at"]) / 1000 + 90, ZoneInfo(ZONE)).replace(tzinfo=None)
    assert abs(datetime.fromisoformat(event["mt"]) - at) <= timedelta(seconds=1)


def test_a_gap_is_asked_for_in_the_meters_time_though_the_box_has_none(tmp_path: Path) -> None:
    plant = Plant(tmp_path, ahead_s=900)
    plant.start()
    plant.run(120)
    before = plant.device.clock()
    plant.off(2 * HOUR)
    plant.box.letter = "R"
    plant.start()
    after = plant.device.clock()
    plant.run(300)
    plant.commit()
    times = [datetime.fromisoformat(one["mt"]) for one in plant.stored()]
    assert before < times[0] <= before + timedelta(minutes=15)
    assert after - timedelta(minutes=15) <= times[-1] < after


def test_a_gap_before_a_boot_in_1970_is_found(tmp_path: Path) -> None:
    """Without a clock of its own the box wakes up long before it fell asleep."""
    plant = Plant(tmp_path, ahead_s=30)
    plant.start()
    plant.run(120)
    before = plant.device.clock()
    plant.off(2 * HOUR)
    right = plant.box.at
    plant.box.letter = "R"
    plant.box.at = lambda second: replace(  # type: ignore[method-assign]  # another boot, another time
        right(second), utc_ms=int(second * 1000), boot_id="0d" * 16
    )
    plant.start()
    after = plant.device.clock()
    plant.run(300)
    plant.commit()
    (filled,) = plant.events("filled")
    times = [datetime.fromisoformat(one["mt"]) for one in plant.stored()]
    assert (filled["load"], filled["closes"]) == (len(times), True)
    assert before < times[0] <= before + timedelta(minutes=15)
    assert after - timedelta(minutes=15) <= times[-1] < after
