"""Acknowledging an alarm: over the socket's verb, by the recorder, on record, and still up afterwards."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from agent.asking import Asking, RulesAsked
from agent.cli.alarms import duration
from agent.errors import AgentError
from tests.support.boxes import Box
from tests.support.plants import PAIR, plant


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    made = Box(tmp_path, plant(PAIR))
    yield made
    made.crash()


def served(box: Box, second: float) -> Asking:
    """A counter whose items the recorder takes at once."""

    def put(item: RulesAsked) -> bool:
        taken = box.inbox.put(item)
        box.recorder.step(box.at(second))
        return taken

    return Asking(put, patience_s=0.01)


@pytest.mark.parametrize("logbook", ["kept", "deleted"])
def test_an_acknowledged_alarm_is_on_record_and_stays_up_over_a_restart(box: Box, logbook: str) -> None:
    box.start(0)
    box.run(0, 100, kiln="12", scrubber="0")
    verb = served(box, 101).verbs()["alarm-ack"]
    assert verb.act
    assert verb.audited
    assert verb.run({"alarm": "pair", "reason": "seen\n", "uid": 0})["by"] == "root"
    box.recorder.step(box.at(103))
    raised, seen = box.records("alarm")
    assert (seen["state"], seen["by"], seen["reason"]) == ("acknowledged", "root", "seen?")
    assert seen["since_i"] == raised["since_i"]
    assert seen["raised_i"] == raised["i"]
    box.crash()
    if logbook == "deleted":
        shutil.rmtree(box.folder / "logbook")
    box.start(110)
    (alarm,) = box.recorder.snapshot.alarms
    assert (alarm.acknowledged, alarm.record) == ("root", raised["i"])
    box.run(110, 140, kiln="12", scrubber="8")
    box.recorder.step(box.at(142))
    assert [one["state"] for one in box.records("alarm")] == ["raised", "acknowledged", "cleared"]


def test_what_is_not_up_cannot_be_acknowledged(box: Box) -> None:
    box.start(0)
    with pytest.raises(AgentError, match="SBX-ALM-001"):
        served(box, 1).verbs()["alarm-ack"].run({"alarm": "pair", "uid": 0})
    box.recorder.step(box.at(3))
    assert box.records("alarm") == []


@pytest.mark.parametrize("room", [True, False])
def test_silence_is_not_taken_for_a_yes(room: bool) -> None:
    with pytest.raises(AgentError, match="SBX-ALM-002"):
        Asking(lambda item: room, patience_s=0.01).verbs()["alarm-ack"].run({"alarm": "pair"})


def test_the_verdicts_change_nothing(box: Box) -> None:
    box.start(0)
    box.run(0, 50, kiln="12", scrubber="0")
    found: Mapping[str, Any] = served(box, 51).verbs()["verdicts"].run({})
    assert found["verdicts"]["pair"] == {"pair": "violated"}
    assert found["verdicts"]["power-cut"] == {"power-cut": "unknown"}
    assert box.recorder.snapshot.alarms == ()


def test_durations_are_short() -> None:
    assert [duration(ms) for ms in (45_000, 80 * 60_000, 3_600_000 * 76, -5)] == [
        "45 s",
        "1 h 20 min",
        "3 d 4 h",
        "0 s",
    ]
