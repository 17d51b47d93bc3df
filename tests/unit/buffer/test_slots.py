"""Holes in the polling: which are excused, and which are not."""

from __future__ import annotations

from typing import Any

import pytest

from buffer.verify.report import Finding, Findings, Wrong
from buffer.verify.slots import MAX_SERIES, Slots


def reading(slot: int, mono: int, meter: str = "kiln", letter: str = "f") -> dict[str, Any]:
    return {"k": "reading", "m": meter, "s": f"{letter}{slot}", "mono": mono}


def event(kind: str, mono: int, **fields: Any) -> dict[str, Any]:
    return {"k": kind, "mono": mono} | fields


def judged(*records: dict[str, Any]) -> tuple[Finding, ...]:
    findings = Findings()
    slots = Slots(findings)
    for record in records:
        slots.take(7, record)
    slots.clear()
    return findings.all()


def kinds(*records: dict[str, Any]) -> list[tuple[Wrong, int]]:
    return [(finding.kind, finding.times) for finding in judged(*records)]


def test_running_slots_of_two_classes_and_meters() -> None:
    rows = [
        reading(slot, slot * 10_000, meter, letter)
        for slot in range(5, 9)
        for meter in "ab"
        for letter in "fs"
    ]
    assert kinds(*rows) == []


def test_hole_is_counted_and_described() -> None:
    (found,) = judged(reading(1, 0), reading(2, 10), reading(5, 40), reading(6, 50))
    assert (found.kind, found.n, found.times, found.detail) == (Wrong.SLOT_MISSING, 7, 2, "kiln f3..f4")


def test_late_slot_fills_its_hole() -> None:
    assert kinds(reading(1, 0), reading(4, 40), reading(2, 41), reading(3, 42), reading(5, 50)) == []


def test_slot_answered_twice() -> None:
    assert kinds(reading(1, 0), reading(2, 10), reading(2, 11)) == [(Wrong.SLOT_REPEATED, 1)]


@pytest.mark.parametrize("order", ["loss first", "loss later"])
def test_readings_known_lost_excuse_as_many_slots(order: str) -> None:
    loss = event("loss", 45, what="readings", count=2)
    hole = [reading(1, 0), reading(4, 40)]
    rows = [reading(0, 0), loss, *hole] if order == "loss first" else [*hole, loss]
    assert [kind for kind, _ in kinds(*rows)] == []


def test_readings_known_lost_excuse_no_more_than_they_count() -> None:
    loss = event("loss", 45, what="readings", count=2)
    assert kinds(reading(1, 0), reading(6, 60), loss) == [(Wrong.SLOT_MISSING, 2)]


def test_readings_known_lost_are_spent_once() -> None:
    loss = event("loss", 45, what="readings", count=2)
    rows = [reading(1, 0), reading(4, 40), reading(5, 50), reading(8, 80), loss]
    assert kinds(*rows) == [(Wrong.SLOT_MISSING, 2)]


def test_bodies_thinned_away_excuse_no_slot() -> None:
    loss = event("loss", 45, what="bodies", count=1000)
    assert kinds(reading(1, 0), reading(3, 30), loss) == [(Wrong.SLOT_MISSING, 1)]


def test_loss_of_an_earlier_boot_excuses_nothing() -> None:
    loss = event("loss", 45, what="readings", count=9)
    rows = [reading(1, 0), loss, event("boot", 3), reading(1, 10), reading(3, 30)]
    assert kinds(*rows) == [(Wrong.SLOT_MISSING, 1)]


@pytest.mark.parametrize("kind", ["boot", "down"])
def test_start_and_stop_begin_anew(kind: str) -> None:
    assert kinds(reading(100, 0), event(kind, 5), reading(3, 10), reading(4, 20)) == []


def test_clock_step_moves_the_slots_once() -> None:
    rows = [reading(1, 0), event("step", 10_000, delta_ms=7), reading(3, 300_000), reading(4, 600_000)]
    assert kinds(*rows) == []
    assert kinds(*rows, reading(6, 900_000)) == [(Wrong.SLOT_MISSING, 1)]


def test_new_configuration_may_count_in_another_period() -> None:
    late = [reading(2, 10_100), reading(900, 14_000), reading(901, 19_000), reading(902, 100_000)]
    assert kinds(reading(1, 0), event("config", 10_000), *late) == []
    assert kinds(reading(1, 0), event("config", 10_000), *late, reading(904, 200_000)) == [
        (Wrong.SLOT_MISSING, 1)
    ]


def test_series_that_falls_silent() -> None:
    rows = [reading(1, 0), reading(2, 10_000), event("alarm", 100_000)]
    assert kinds(*rows) == []
    assert kinds(*rows, event("alarm", 200_000)) == [(Wrong.SLOT_MISSING, 1)]


def test_slot_that_is_none() -> None:
    assert kinds({"k": "reading", "m": "kiln", "s": "f01", "mono": 1}) == [(Wrong.BAD_ROW, 1)]


def test_memory_is_bounded() -> None:
    slots = Slots(Findings())
    for meter in range(MAX_SERIES + 1):
        slots.take(0, reading(1, 0, str(meter)))
    assert slots.overflow
