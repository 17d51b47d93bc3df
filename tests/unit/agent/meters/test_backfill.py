"""A gap is found when it ends, asked for in the line's free moments, filled once, and closed by how much."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from agent.meters.book import GIVE_UP_MS
from drivers.simulated.slave645 import Habits, Refusal
from tests.unit.agent.meters.plant import Plant

HOUR = 3600


def moments(plant: Plant) -> list[datetime]:
    return [datetime.fromisoformat(one["mt"]) for one in plant.stored()]


def test_a_box_that_was_off_fills_the_gap_from_load_records(tmp_path: Path) -> None:
    plant = Plant(tmp_path, ahead_s=37)
    plant.start()
    plant.run(300)
    before = plant.device.clock()
    plant.off(3 * HOUR)
    plant.start()
    after = plant.device.clock()
    plant.run(300)
    plant.commit()
    (gap,) = plant.events("gap")
    assert gap["to_t"] - gap["from_t"] > 3 * HOUR * 1000
    times = moments(plant)
    assert {one["src"] for one in plant.stored()} == {"load"}
    assert times == sorted(set(times)), "each once, in order"
    step = timedelta(minutes=15)
    assert times[0] - before <= step
    assert after - times[-1] <= step
    assert len(times) == 12
    for one, at in zip(plant.stored(), times, strict=True):
        assert Decimal(one["v"]["ep_imp"]) == plant.device.energy(at)
        assert "s" not in one
    (filled,) = plant.events("filled")
    assert (filled["from_i"], filled["ended"], filled["closes"]) == (gap["from_i"], "done", True)
    assert (filled["load"], filled["hourly"], filled["daily"]) == (12, 0, 0)
    assert Decimal(filled["total"]) == Decimal(gap["new"]) - Decimal(gap["old"])
    assert Decimal(filled["stored"]) + Decimal(filled["rest"]) == Decimal(filled["total"])
    assert 0 <= Decimal(filled["rest"]) <= Decimal("0.25") * 2 * 15, "less than a step at each end"
    assert plant.box.recorder.snapshot.gaps == ()


def test_live_polls_lose_nothing_while_a_gap_is_filled(tmp_path: Path) -> None:
    plant = Plant(tmp_path)
    plant.start()
    plant.run(120)
    plant.off(24 * HOUR)
    plant.start()
    begun, asked = plant.port.now(), len(plant.port.sent)
    while not plant.events("filled"):
        plant.run(1)
    load = sum(one.data.lstrip(b"\xfe")[13] == 0x39 for one in plant.port.sent[asked:])
    print(
        f"{load} requests for load records, {(plant.port.now() - begun) / 1000:.0f} s to the end of the gap"
    )
    plant.run(300)
    plant.commit()
    assert len(plant.stored()) == 96
    assert [one for one in plant.live() if "e" in one] == []
    slots = [int(one["s"][1:]) for one in plant.live() if one["s"][0] == "f"]
    second = slots[slots.index(max(slots)) - 28 :]
    assert second == list(range(second[0], second[0] + len(second)))


@pytest.mark.parametrize("clean", [True, False])
def test_an_interrupted_filling_goes_on_and_tells_nothing_twice(tmp_path: Path, clean: bool) -> None:
    plant = Plant(tmp_path)
    plant.start()
    plant.run(120)
    plant.off(48 * HOUR)
    plant.start()
    for _ in range(50):
        plant.run(1)
        plant.commit()
        if len(plant.stored()) > 20:
            break
    told = len(plant.stored())
    assert 20 < told < 192
    plant.off(30, clean=clean)
    plant.start()
    plant.run(600)
    plant.commit()
    assert len(plant.stored()) == 192
    assert len(set(moments(plant))) == 192
    (filled,) = plant.events("filled")
    assert (filled["load"], filled["closes"]) == (192, True)


def test_without_the_logbook_the_journal_says_what_is_open(tmp_path: Path) -> None:
    plant = Plant(tmp_path)
    plant.start()
    plant.run(120)
    plant.off(12 * HOUR)
    plant.start()
    plant.run(12)
    plant.off(10, clean=False)
    assert plant.events("gap")
    assert not plant.events("filled")
    (tmp_path / "logbook" / "gaps.json").unlink()
    plant.start()
    plant.run(300)
    plant.commit()
    (filled,) = plant.events("filled")
    assert filled["load"] == len(set(moments(plant))) == len(moments(plant)) == 48


def test_a_cut_wire_is_a_gap_as_well(tmp_path: Path) -> None:
    plant = Plant(tmp_path)
    plant.start()
    plant.run(120)
    plant.device.silent = True
    plant.run(2 * HOUR)
    plant.device.silent = False
    plant.run(300)
    plant.commit()
    (filled,) = plant.events("filled")
    assert filled["closes"]
    assert len(moments(plant)) == 8


def test_hourly_freezes_where_there_are_no_load_records(tmp_path: Path) -> None:
    plant = Plant(tmp_path, step_min=0, freezes="parts")
    plant.start()
    plant.run(120)
    plant.off(5 * HOUR)
    plant.start()
    plant.run(300)
    plant.commit()
    assert {one["src"] for one in plant.stored()} == {"hourly"}
    assert len(moments(plant)) == 5
    (filled,) = plant.events("filled")
    assert (filled["hourly"], filled["closes"]) == (5, True)


@pytest.mark.parametrize("refusal", ["silence", "other"])
def test_a_meter_that_refuses_in_its_own_way_is_asked_for_its_hours(tmp_path: Path, refusal: Refusal) -> None:
    habits = Habits(lacks=frozenset({"06000001", "06040001"}), refusal=refusal)
    plant = Plant(tmp_path, habits=habits)
    plant.start()
    plant.run(120)
    plant.off(5 * HOUR)
    plant.start()
    plant.run(300)
    plant.commit()
    assert {one["src"] for one in plant.stored()} == {"hourly"}
    (filled,) = plant.events("filled")
    assert (filled["hourly"], filled["ended"], filled["closes"]) == (5, "done", True)
    assert [one for one in plant.live() if "e" in one] == []


@pytest.mark.parametrize("clean", [True, False])
def test_what_a_meter_does_not_keep_is_remembered_for_the_gap(tmp_path: Path, clean: bool) -> None:
    """Over a restart: its load records are not asked for again."""
    habits = Habits(lacks=frozenset({"06000001", "06040001"}), refusal="silence")
    plant = Plant(tmp_path, habits=habits)
    plant.start()
    plant.run(120)
    plant.off(24 * HOUR)
    plant.start()
    for _ in range(600):
        plant.run(1)
        if plant.stored():
            break
    assert plant.events("filled") == []
    plant.off(10, clean=clean)
    sent = len(plant.port.sent)
    plant.start()
    plant.run(300)
    plant.commit()
    assert not [one for one in plant.port.sent[sent:] if one.data.lstrip(b"\xfe")[13] == 0x39]
    (filled,) = plant.events("filled")
    assert (filled["load"], filled["hourly"], filled["ended"]) == (0, 24, "done")


def test_a_meter_without_memory_has_its_totals(tmp_path: Path) -> None:
    plant = Plant(tmp_path, step_min=0, freezes="none")
    plant.start()
    plant.run(120)
    plant.off(5 * HOUR)
    plant.start()
    plant.run(300)
    plant.commit()
    assert plant.stored() == []
    (filled,) = plant.events("filled")
    assert filled["stored"] == "0"
    assert filled["rest"] == filled["total"]
    assert abs(Decimal(filled["total"]) - Decimal("0.25") * 60 * 5) < 1


def test_a_register_that_went_back_does_not_close(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plant = Plant(tmp_path)
    plant.start()
    plant.run(120)
    plant.off(2 * HOUR)
    whole = plant.device.energy
    monkeypatch.setattr(plant.device, "energy", lambda at: whole(at) - 20)  # another meter hangs there now
    plant.start()
    plant.run(300)
    plant.commit()
    (filled,) = plant.events("filled")
    assert filled["closes"] is False


@pytest.mark.parametrize("settings", [{"backfill_after_s": 0}, {"backfill_after_s": 4 * HOUR}])
def test_a_short_hole_or_a_meter_told_not_to_is_left_alone(tmp_path: Path, settings: dict[str, Any]) -> None:
    plant = Plant(tmp_path, **settings)
    plant.start()
    plant.run(120)
    plant.off(3 * HOUR)
    plant.start()
    plant.run(300)
    plant.commit()
    assert plant.events("gap") == []
    assert plant.stored() == []


def test_a_meter_that_dies_again_has_two_gaps_and_both_are_filled(tmp_path: Path) -> None:
    plant = Plant(tmp_path)
    plant.start()
    plant.run(120)
    plant.off(48 * HOUR)
    plant.start()
    while len(plant.stored()) < 20:
        plant.run(1)
    plant.device.silent = True
    plant.run(2 * HOUR)
    assert plant.events("filled") == []
    plant.device.silent = False
    plant.run(1.5 * HOUR)
    plant.commit()
    first, second = plant.events("gap")
    filled = {one["from_i"]: one for one in plant.events("filled")}
    assert filled[first["from_i"]]["load"] == 192
    assert filled[second["from_i"]]["load"] == 8
    assert all(one["closes"] and one["ended"] == "done" for one in filled.values())
    assert len(set(moments(plant))) == 200


def test_a_gap_whose_meter_never_answers_for_it_is_given_up(tmp_path: Path) -> None:
    plant = Plant(tmp_path)
    plant.start()
    plant.run(120)
    plant.off(2 * HOUR)
    plant.start()
    plant.device.garbles = "06"
    plant.run(2 * HOUR)
    assert len(plant.box.recorder.snapshot.gaps) == 1
    book = plant.box.recorder._book
    closed = list(book.hourly(plant.box.at(plant.port.now() / 1000 + GIVE_UP_MS / 1000)))
    assert [fields["ended"] for kind, fields in closed if fields["what"] == "filled"] == ["given up"]
    assert book.gaps == ()
