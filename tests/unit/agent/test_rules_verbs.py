"""``sitebox rules explain | list | summary``: from the journal of a box that lived, without a daemon."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.cli import main, rules_explain
from agent.cli.rules import parts
from config.messages import template
from tests.support.boxes import Box
from tests.support.sites import written

MIDNIGHT = 17_600  # of a box's clock, Shanghai


@pytest.fixture
def lived(tmp_path: Path) -> Iterator[list[str]]:
    """A box with a violation in the evening and the midnight behind it; gives the options of a verb."""
    config, options = written(tmp_path)
    box = Box(tmp_path, config)
    box.letter = "S"
    box.start(0)
    box.run(0, 300, kiln="12", scrubber="8")
    box.run(300, 600, kiln="12", scrubber="0")
    box.run(600, 700, kiln="12", scrubber="8")
    box.run(MIDNIGHT - 100, MIDNIGHT + 100, kiln="12", scrubber="8")
    box.recorder.step(box.at(MIDNIGHT + 200))
    box.stop(MIDNIGHT + 300)
    yield options
    box.crash()


def test_the_parts_are_found() -> None:
    assert {"explain", "list", "summary", "try"} <= set(parts())


def test_an_alarm_is_explained(lived: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rules", "explain", "pair", *lived]) == 0
    out = capsys.readouterr().out
    for text in (
        "SBX-RUL-001",
        "stop_lag_s = 60",
        "the plant",
        "over after 5 min",
        "100 % of the time measured",
        "kiln-m",
        "scrubber-m",
        "12",
        "--from-block",
    ):
        assert text in out
    assert main(["rules", "explain", "pair", "--json", *lived]) == 0
    found = json.loads(capsys.readouterr().out)
    record = found["record"]
    readings = found["readings"]["scrubber-m"]
    assert record["since_i"] == readings[0]["i"]
    assert all(row["v"] == {"p": "0"} for row in readings)
    assert len(readings) == 6
    assert found["left_out"]["scrubber-m"] == 1
    assert found["blocks"][0] <= found["blocks"][1]
    assert main(["rules", "explain", str(record["i"]), *lived]) == 0


def test_what_never_fired_cannot_be_explained(lived: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rules", "explain", "nothing", *lived]) == 64
    assert "SBX-ALM-031" in capsys.readouterr().err


def test_the_rules_are_listed_with_their_parameters(
    lived: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["rules", "list", *lived]) == 0
    out = capsys.readouterr().out
    assert "pair  treatment-off  alarm" in out
    assert "stop_lag_s = 60" in out
    assert "power-cut" in out
    assert main(["rules", "list", "--json", *lived]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["daemon"] is False
    assert {row["parameters"]["id"] for row in found["rules"]} >= {"pair", "stop-order", "limit-order"}


@pytest.mark.parametrize("day", [[], ["--day", "2026-11-18"]])
def test_a_day_is_printed(day: list[str], lived: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rules", "summary", *day, *lived]) == 0
    out = capsys.readouterr().out
    assert "2026-11-18" in out
    assert "kiln" in out
    assert "kiln-m/f" in out
    assert "pair" in out
    assert main(["rules", "summary", "--json", *day, *lived]) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert [row["what"] for row in rows] == ["day", "point", "point", "pair", "meter", "meter"]


def test_a_day_that_is_not_there_is_said(lived: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rules", "summary", "--day", "2020-01-01", *lived]) == 66
    assert "SBX-ALM-051" in capsys.readouterr().err


def rows_of(words: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, list[str]]:
    status = main(["rules", "replay", *words])
    lines = capsys.readouterr().out.splitlines()
    return status, [line[0] + " " + " ".join(line.split()[-4:-2]) for line in lines[1:-1]]


def test_a_replay_under_the_same_rules_gives_the_same_alarms(
    lived: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    status, rows = rows_of(lived, capsys)
    assert rows == ["= raised pair", "= cleared pair"]
    assert status == 0


def test_a_replay_shows_what_other_rules_would_have_said(
    lived: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written(tmp_path, 120)
    words = ["--config", str(tmp_path / "etc-120"), *lived[2:]]
    assert rows_of(words, capsys) == (0, ["= raised pair", "= cleared pair"])  # a minute later
    written(tmp_path, 3600)
    words = ["--config", str(tmp_path / "etc-3600"), *lived[2:]]
    assert rows_of(words, capsys) == (1, ["- raised pair", "- cleared pair"])
    written(tmp_path, 250)
    words = ["--config", str(tmp_path / "etc-250"), *lived[2:]]
    assert rows_of(words, capsys)[1] == ["- raised pair", "+ raised pair", "= cleared pair"]


def test_a_replay_of_a_time_without_alarms_is_empty(
    lived: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert rows_of(["--from", "2026-11-18T23:00", *lived], capsys) == (0, [])


def test_a_duration_that_nobody_knows_is_a_dash_and_each_reason_has_its_text() -> None:
    assert rules_explain._end({}) == {"duration": "-", "kwh": "-", "measured": "-"}
    assert rules_explain._end({"dur_ms": 0})["duration"] == "0 s"
    for code in rules_explain.REASONS.values():
        assert template(code, "zh").what != template(code, "en").what
