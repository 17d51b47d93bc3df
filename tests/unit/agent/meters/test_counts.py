"""A counter that rose has its meter asked for the records behind it; each stands in the journal once."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from agent.meters.book import GIVE_UP_MS
from buffer.raw import decode_raw
from buffer.reader import JournalReader
from drivers.samples import PollResult, Quality, Sample
from drivers.simulated.slave645 import Habits, Refusal
from tests.unit.agent.meters.plant import METER, Plant

COVER, PROGRAM, POWER = "03300D00", "03300000", "03110000"
BREAK = "03040000.b"


def started(folder: Path, **meter: Any) -> Plant:
    """A box that has read its meter's counters."""
    plant = Plant(folder, **meter)
    plant.start()
    plant.run(130)
    return plant


def starts(plant: Plant) -> list[tuple[str, datetime]]:
    return [(one["name"], datetime.fromisoformat(one["mt"])) for one in plant.events("happened")]


def asked(plant: Plant, since: int = 0) -> list[str]:
    """The event records asked for."""
    dis = [
        bytes((byte - 0x33) & 0xFF for byte in one.data.lstrip(b"\xfe")[10:14])[::-1].hex().upper()
        for one in plant.port.sent[since:]
    ]
    return [di for di in dis if di[:2] == "03" and di[6:] != "00"]


def test_what_a_meter_counted_stands_in_the_journal_with_its_own_words(tmp_path: Path) -> None:
    plant = started(tmp_path, ahead_s=37)
    plant.device.happened(COVER)
    first = plant.device.clock()
    plant.run(20)
    plant.device.happened(COVER)
    plant.device.happened(PROGRAM)
    second = plant.device.clock()
    plant.run(120)
    plant.commit()
    rises = [(one["name"], one["old"], one["new"]) for one in plant.events("counted")]
    assert sorted(rises) == [("n_cover", "0", "2"), ("n_program", "0", "1")]
    assert sorted(starts(plant)) == [("n_cover", first), ("n_cover", second), ("n_program", second)]
    assert sorted(asked(plant)) == ["03300001", "03300D01", "03300D02"]
    cover, program = (
        next(one for one in plant.events("happened") if one["name"] == name)
        for name in ("n_cover", "n_program")
    )
    assert datetime.fromisoformat(cover["end_mt"]) - second == timedelta(minutes=1)
    assert program["facts"] == {"DI 1": "04000306", "operator": "12345678"}
    assert "end_mt" not in program
    told = {one["name"]: one for one in plant.events("told")}
    assert {name: (one["ended"], one["records"]) for name, one in told.items()} == {
        "n_cover": ("done", 2),
        "n_program": ("done", 1),
    }
    readings = {one["i"] for one in plant.live()}
    assert {one["since_i"] for one in plant.events("counted")} <= readings
    assert [one for one in plant.live() if "e" in one] == []


def test_the_frames_behind_a_record_are_kept(tmp_path: Path) -> None:
    plant = started(tmp_path)
    plant.device.happened(BREAK)
    plant.run(120)
    plant.box.stop(plant.port.now() / 1000)
    (happened,) = plant.events("happened")
    reader = JournalReader(tmp_path / "journal")
    frames = [frame for block in reader.blocks() for frame in decode_raw(block.raw or b"")]
    reader.close()
    request, reply = (one for one in frames if one.i == happened["i"] and one.way in "><")
    assert bytes(byte + 0x33 for byte in (0x01, 0x02, 0x04, 0x03)) in request.data
    assert len(reply.data) == 12 + 4 + 131


def test_the_first_value_ever_counts_nothing(tmp_path: Path) -> None:
    plant = Plant(tmp_path)
    plant.device.counts[COVER] = 7
    plant.start()
    plant.run(200)
    plant.commit()
    assert plant.events("counted") == []
    assert asked(plant) == []


@pytest.mark.parametrize("clean", [True, False])
def test_what_happened_while_the_box_was_off_is_asked_for(tmp_path: Path, clean: bool) -> None:
    plant = started(tmp_path)
    plant.off(300, clean=clean)
    plant.device.happened(COVER)
    at = plant.device.clock()
    plant.port.advance(plant.port.now() + 300_000)
    plant.start()
    plant.run(130)
    plant.commit()
    assert starts(plant) == [("n_cover", at)]


@pytest.mark.parametrize("clean", [True, False])
def test_a_restart_asks_again_for_what_was_never_told_and_tells_nothing_twice(
    tmp_path: Path, clean: bool
) -> None:
    plant = started(tmp_path)
    for _ in range(9):
        plant.device.happened(POWER)
        plant.port.advance(plant.port.now() + 1000)
    for _ in range(200):
        plant.run(0.2)
        plant.commit()
        if len(plant.events("happened")) > 3:
            break
    assert plant.events("told") == []
    plant.off(10, clean=clean)
    plant.start()
    plant.run(130)
    plant.commit()
    assert len(starts(plant)) == len(set(starts(plant))) == 9
    (told,) = plant.events("told")
    assert (told["ended"], told["records"]) == ("done", 9)
    plant.off(10, clean=clean)
    before = len(plant.port.sent)
    plant.start()
    plant.run(200)
    assert asked(plant, before) == [], "it was told"


@pytest.mark.parametrize("refusal", ["no-data", "other", "silence"])
def test_a_meter_without_event_records_is_not_asked_again_that_day(tmp_path: Path, refusal: Refusal) -> None:
    """Whatever way it refuses; what it counts is on record all the same."""
    habits = Habits(lacks=frozenset(f"033000{nn:02X}" for nn in range(1, 11)), refusal=refusal)
    plant = started(tmp_path, habits=habits)
    plant.device.happened(PROGRAM)
    plant.run(200)
    once = len(asked(plant))
    assert once == {"no-data": 1, "other": 3, "silence": 4}[refusal]
    plant.device.happened(PROGRAM)
    plant.run(200)
    plant.commit()
    assert len(asked(plant)) == once
    assert [one["new"] for one in plant.events("counted")] == ["1", "2"]
    assert [(one["ended"], one["records"]) for one in plant.events("told")] == [("done", 0), ("no memory", 0)]
    plant.device.happened(COVER)
    plant.run(200)
    plant.commit()
    assert [name for name, _ in starts(plant)] == ["n_cover"], "another counter is asked for"


def test_ten_records_at_most(tmp_path: Path) -> None:
    plant = started(tmp_path)
    for _ in range(25):
        plant.device.happened(POWER)
        plant.port.advance(plant.port.now() + 1000)
    plant.run(150)
    plant.commit()
    assert len(asked(plant)) == len(starts(plant)) == 10


def test_a_counter_that_rises_under_its_question_is_asked_for_the_rest(tmp_path: Path) -> None:
    plant = started(tmp_path)
    for _ in range(4):
        plant.device.happened(POWER)
        plant.port.advance(plant.port.now() + 1000)
    book = plant.box.recorder._book
    polls = [one for one in plant.live() if "n_power_down" in one["v"]]
    for _ in range(600):
        plant.run(0.1)
        plant.commit()
        if plant.events("happened"):
            break
    assert plant.events("told") == []
    plant.device.happened(POWER)
    (counted,) = plant.events("counted")
    sample = Sample("n_power_down", Decimal(5), Quality.GOOD)
    now = plant.box.at(plant.port.now() / 1000)
    result = PollResult(METER.id, "slow", 99, now.mono_ms, (sample,), None, (), 1)
    more = list(book.seen(result, counted["since_i"] + 1, now))
    assert [(fields["old"], fields["new"]) for _, fields in more] == [("4", "5")]
    plant.run(60)
    plant.commit()
    assert polls
    (told,) = plant.events("told")
    assert (told["new"], told["records"]) == ("4", 4)
    plant.run(3700)
    plant.commit()
    assert len(starts(plant)) == len(set(starts(plant))) == 5
    assert [one["new"] for one in plant.events("told")] == ["4", "5"]


def test_another_meter_number_and_a_counter_that_fell_count_nothing(tmp_path: Path) -> None:
    plant = started(tmp_path)
    plant.device.counts[COVER] = 3
    plant.device.number = "000000000099"
    plant.run(130)
    plant.device.counts[COVER] = 0
    plant.run(130)
    plant.commit()
    assert plant.events("counted") == []
    plant.device.happened(COVER)
    plant.run(130)
    plant.commit()
    (counted,) = plant.events("counted")
    assert (counted["old"], counted["new"]) == ("0", "1")


def test_what_is_never_answered_is_given_up(tmp_path: Path) -> None:
    plant = started(tmp_path)
    plant.device.garbles = "03300D01"
    plant.device.happened(COVER)
    plant.run(600)
    book = plant.box.recorder._book
    assert plant.events("told") == []
    later = replace(plant.box.at(plant.port.now() / 1000), mono_ms=round(plant.port.now()) + GIVE_UP_MS)
    told = [fields for kind, fields in book.hourly(later) if fields.get("what") == "told"]
    assert [(one["name"], one["ended"]) for one in told] == [("n_cover", "given up")]
