"""``sitebox rules explain | list | summary``: from the journal of a box that lived, without a daemon."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from agent.accepted import accept
from agent.cli import main, rules_explain
from agent.cli.rules import parts
from agent.cli.table import WIDTH, cells
from agent.explaining import explain
from agent.orders.book import Book
from buffer.reader import JournalReader
from config.messages import template
from tests.support.boxes import Box
from tests.support.orders import Desk
from tests.support.sites import site, written

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
    assert found["records"] == [record["since_i"], found["ended"]["to_i"]]
    assert found["ended"]["to_i"] > record["i"]
    assert found["escalated"] is None
    assert found["order"] is None
    kiln, scrubber = found["points"]
    assert (kiln["point"], kiln["read"], kiln["on_above"], kiln["off_below"]) == ("kiln", "12", "5", "4")
    assert (scrubber["read"], scrubber["unit"], scrubber["i"]) == ("0", "kW", readings[-1]["i"])
    for number in (record["i"], found["ended"]["i"]):
        assert main(["rules", "explain", str(number), "--json", *lived]) == 0
        assert json.loads(capsys.readouterr().out) == found


def test_the_proof_goes_to_the_end_of_the_violation(lived: list[str], tmp_path: Path) -> None:
    """Its blocks hold the last record behind it, and no more."""
    config = accept(tmp_path / "etc-60", tmp_path).loaded.config
    with closing(JournalReader(tmp_path / "journal")) as reader:
        found = explain(reader, config, "pair", Book())
        assert found is not None
        first, last = reader.infos(*found.blocks)[0], reader.infos(*found.blocks)[-1]
        assert first.first <= found.records[0]
        assert last.first <= found.records[1] <= last.last
        assert found.ended is not None
        assert found.records[1] == found.ended["to_i"]


@pytest.fixture
def ordered(tmp_path: Path) -> Iterator[list[str]]:
    """A box under a stop order, the plant's maintenance behind it, both violations still up."""
    config, options = written(tmp_path)
    box = Box(tmp_path, config)
    box.letter = "S"
    box.start(0)
    desk = Desk(box)
    said = desk.file(ORDER)
    assert not said.problems
    desk.ask("declaration-put", kind="maintenance", points=["scrubber"], to="2026-11-18 19:12")
    box.run(10, 900, kiln="12", scrubber="0")
    yield options
    box.crash()


ORDER = """
[[order]]
id = "red"
kind = "stop"
from = "2026-11-18 19:00"
to = "2026-11-20 24:00"
grace_s = 300
exempt_kw = "3"
"""


@pytest.mark.parametrize(
    ("lang", "texts"),
    [
        ("en", ("grace 5 min", "may keep 3 kW", "as alarm", "> 5 kW", "it is still up")),
        ("zh", ("宽限 5 min", "保安负荷 3 kW", "级别 报警", "> 5 kW", "尚未结束")),
    ],
)
def test_a_stop_order_is_explained_with_its_grace_and_exempt_load(
    lang: str, texts: tuple[str, ...], ordered: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["rules", "explain", "stop-order/red/kiln", *ordered[:-1], lang]) == 0
    out = capsys.readouterr().out
    for text in texts:
        assert text in out
    assert max(map(cells, out.splitlines())) <= WIDTH


def test_a_warning_that_escalated_is_called_an_alarm(
    ordered: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["rules", "explain", "pair", *ordered]) == 0
    out = capsys.readouterr().out
    assert "lowered by declaration d2" in out
    assert "2026-11-18 19:12:00 +08 escalated to alarm" in out
    assert main(["rules", "explain", "pair", "--json", *ordered]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["escalated"]["level"] == "alarm"
    assert found["ended"] is None
    assert found["points"][1]["i"] < found["escalated"]["i"] <= found["records"][1]


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


def test_a_silence_has_no_readings_and_none_are_missed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not what is said of a journal that let its old blocks go."""
    _, options = written(tmp_path)
    (tmp_path / "etc-60" / "sitebox.toml").write_text(
        site() + '[[rule]]\nid = "silent"\nkind = "meter-silent"\nmeters = ["scrubber-m"]\n'
    )
    config = accept(tmp_path / "etc-60", tmp_path).loaded.config
    box = Box(tmp_path, config)
    box.start(0)
    box.run(0, 100, kiln="12", scrubber="8")
    box.run(100, 300, scrubber=None, kiln="12")
    box.stop(300)
    assert main(["rules", "explain", "silent/scrubber-m", *options]) == 0
    out = capsys.readouterr().out
    assert "none of its meters gave a reading" in out
    assert "not kept" not in out
    box.crash()


@pytest.mark.parametrize("words", [["rules", "explain", "pair"], ["rules", "list"], ["alarms"]])
def test_levels_are_said_in_the_language(
    words: list[str], lived: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    main([*words, *lived[:-1], "zh"])
    assert "报警" in capsys.readouterr().out


def test_past_alarms_are_dated_in_the_time_of_the_plant(
    lived: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the zone of the machine is."""
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        main(["alarms", *lived])
    finally:
        monkeypatch.undo()
        time.tzset()
    assert "2026-11-18 19:12:40 +08" in capsys.readouterr().out


@pytest.mark.parametrize("day", ["foo", "2026-13-01"])
def test_a_day_that_is_none_is_said(day: str, lived: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rules", "summary", "--day", day, *lived]) == 64
    assert "SBX-JNL-910" in capsys.readouterr().err


def test_before_its_first_midnight_a_box_has_no_summary(
    ordered: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["rules", "summary", *ordered]) == 66
    assert "SBX-ALM-049" in capsys.readouterr().err


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
