"""What the command line shows of orders and declarations, without a daemon: states, marks, 80 columns."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.cli import main
from agent.cli.table import WIDTH, cells
from agent.demo import plant as demo
from agent.orders.book import Held, fold
from agent.orders.counter import plain
from agent.orders.shown import STATES, facts, state
from buffer.command import sign_command
from config.load import load
from config.profiles import builtin_profiles
from tests.support.boxes import START_MS, Box
from tests.support.journals import CITY
from tests.support.orders import ZONE, Desk, at, command, stop

ISSUER = f'\n[[issuer]]\nid = "city"\nkey = "{CITY.verifier}"\nverbs = ["order-put"]\n'
FILE = """\
[[order]]
id = "local-order-with-a-long-name"
kind = "limit"
from = "2026-11-18 24:00"
to = "2126-11-28 24:00"
provisional = true
reduce_percent = "30"
daily = "mon-fri 22:00-06:00"
level = "orange"
per = "point"
points = ["kiln", "press"]
title = "重污染天气橙色预警减排措施第三号通知补充说明关于焦化行业延长出焦时间的要求"
"""


@pytest.fixture
def places(tmp_path: Path) -> list[str]:
    (tmp_path / "etc").mkdir()
    text = demo.site("en", "/dev/ttyUSB0", 502, ()) + ISSUER
    (tmp_path / "etc" / "sitebox.toml").write_text(text)
    return ["--config", str(tmp_path / "etc"), "--state", str(tmp_path), "--runtime", str(tmp_path / "run")]


@pytest.fixture
def box(tmp_path: Path, places: list[str]) -> Iterator[Box]:
    text = (tmp_path / "etc" / "sitebox.toml").read_bytes()
    made = Box(tmp_path, load([("sitebox.toml", text)], builtin_profiles()).config)
    made.start(0)
    made.recorder.step(made.at(0))
    yield made
    made.crash()


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_orders_are_listed_and_shown(
    box: Box, places: list[str], lang: str, capsys: pytest.CaptureFixture[str]
) -> None:
    desk = Desk(box)
    assert desk.file(FILE).problems == ()
    value = stop("7", "2026-11-18 00:00", "2126-12-01 00:00", level="red")
    assert desk.platform(1, "order-put", value, box=demo.BOX).problems == ()
    box.crash()
    assert main(["orders", *places, "--lang", lang]) == 0
    out = capsys.readouterr().out
    assert "2026-11-19 00:00" in out, "hour 24 is the next day's midnight"
    for line in out.splitlines():
        assert cells(line) <= WIDTH, line
    out = " ".join(out.split())
    for word in ("city/7", "local-order", "mon,tue,wed,thu,fri 22:00-06:00", "kiln, press"):
        assert word in out
    for word in ("30 % less", "each point", "orange") if lang == "en" else ("减 30 %", "每个监测点", "橙色"):
        assert word in out
    assert main(["orders", "show", "city/7", *places, "--lang", lang]) == 0
    assert "sitebox/command/v1" in capsys.readouterr().out
    assert main(["orders", "show", "city/8", *places]) == 64
    assert "SBX-ORD-040" in capsys.readouterr().err


def test_the_same_as_json(box: Box, places: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    desk = Desk(box)
    desk.file(FILE)
    desk.ask("order-cancel", id="local-order-with-a-long-name", reason="lifted")
    box.crash()
    assert main(["orders", "--json", *places]) == 0
    assert json.loads(capsys.readouterr().out) == {"orders": []}
    assert main(["orders", "--all", "--json", *places]) == 0
    (one,) = json.loads(capsys.readouterr().out)["orders"]
    assert (one["state"], one["reduce_percent"], one["points"]) == ("cancelled", "30", ["kiln", "press"])
    assert [(was["op"], was.get("reason")) for was in one["history"]] == [("put", None), ("cancel", "lifted")]
    assert main(["orders", "show", one["id"], "--json", *places]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["history"][0]["note"].startswith("sitebox/command/v1\n")


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_late_and_overlapping_declarations_are_seen_as_such(
    box: Box, places: list[str], lang: str, capsys: pytest.CaptureFixture[str]
) -> None:
    desk = Desk(box)
    desk.ask("declaration-put", kind="rebuild", to="2126-11-19 20:00", reason="换布袋")
    words = {
        "kind": "maintenance",
        "points": ["kiln"],
        "from": "2026-11-18 18:06:41",
        "to": "2126-11-19 18:00",
    }
    desk.ask("declaration-put", **words)
    box.crash()
    assert main(["declare", "list", *places, "--lang", lang]) == 0
    out = capsys.readouterr().out
    for line in out.splitlines():
        assert cells(line) <= WIDTH, line
    late = "LATE: declared 60 min after it began" if lang == "en" else "迟报: 开始 60 分钟后才报"
    overlap = "OVERLAPS d1" if lang == "en" else "与 d1 重叠"
    assert [line for line in out.splitlines() if late in line or overlap in line] == [
        f"{'[WARN]' if lang == 'en' else '[注意]'} {late}; {overlap}"
    ]
    assert "换布袋" in out
    assert main(["declare", "--json", *places]) == 0
    first, second = sorted(json.loads(capsys.readouterr().out)["declarations"], key=lambda one: one["id"])
    assert (first["late_ms"], first["overlaps"], first["who"]) == (0, [], "wang")
    assert (second["late_ms"], second["overlaps"]) == (3_600_000, ["d1"])


def test_nothing_known_is_said(box: Box, places: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    box.crash()
    assert (main(["orders", *places]), main(["declare", *places])) == (0, 0)
    assert capsys.readouterr().out.splitlines() == [
        "[ OK ] no order is in force or to come",
        "[ OK ] nothing is declared for now or later",
    ]


def test_a_dry_run_judges_and_changes_nothing(
    tmp_path: Path, box: Box, places: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    Desk(box).file(FILE)
    box.crash()
    before = {path: path.read_bytes() for path in (tmp_path / "journal").iterdir()}
    file = tmp_path / "order.toml"
    for text, status, code in (
        (FILE, 65, "SBX-ORD-022"),
        (FILE.replace("local-order", "another"), 0, "1 orders, 0 declarations"),
        (FILE.replace('"30"', "30").replace("kiln", "klin"), 65, "SBX-CFG-029"),
    ):
        file.write_text(text)
        assert main(["orders", "add", str(file), "--dry-run", "--lang", "en", *places]) == status
        said = capsys.readouterr()
        assert code in " ".join((said.out + said.err).split())
    head = box.recorder.snapshot.head
    value = stop("7", "2026-11-18 00:00", "2126-12-01 00:00")
    raw = sign_command(command(head, 1, "order-put", value, box=demo.BOX), CITY)
    file.write_bytes(raw)
    assert main(["orders", "add", str(file), "--dry-run", "--json", *places]) == 0
    assert json.loads(capsys.readouterr().out)["orders"] == 1
    file.write_bytes(raw.replace(b'"stop"', b'"stop "'))
    assert main(["orders", "add", str(file), "--dry-run", *places]) == 65
    assert "SBX-ORD-031" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in (tmp_path / "journal").iterdir() if path in before} == before


def test_a_dry_run_before_the_first_start(
    tmp_path: Path, places: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "order.toml"
    file.write_text(FILE)
    assert main(["orders", "add", str(file), "--dry-run", *places]) == 0
    file.write_text("sitebox/command/v1\n")
    assert main(["orders", "add", str(file), "--dry-run", *places]) == 66


@pytest.mark.parametrize(
    "words",
    [["orders", "show"], ["orders", "add"], ["orders", "cancel"], ["declare", "end"], ["declare", "stop"]],
)
def test_what_is_not_said_is_asked_for(words: list[str], places: list[str]) -> None:
    assert main([*words, *places]) == 64


def test_nothing_is_done_without_a_daemon(tmp_path: Path, box: Box, places: list[str]) -> None:
    file = tmp_path / "order.toml"
    file.write_text(FILE)
    box.crash()
    assert main(["orders", "add", str(file), *places]) == 69
    assert main(["declare", "stop", "--points", "all", "--to", "2126-01-01 00:00", *places]) == 69


def test_states() -> None:
    def held(**order: object) -> Held:
        fields = {"id": "a", "kind": "stop", "source": "local", **order}
        put = {
            "k": "order",
            "op": "put",
            "id": "a",
            "order": fields,
            "by": "b",
            "number": 1,
            "note": "",
            "i": 1,
        }
        return fold([{**put, "t": START_MS}]).held["order"]["a"]

    begin, end = at("2026-11-18 00:00"), at("2026-11-20 00:00")
    always, nightly = held(from_ms=begin, to_ms=end), held(from_ms=begin, to_ms=end, daily="22:00-06:00")
    assert [state(always, ms, ZONE) for ms in (begin - 1, begin, end - 1, end)] == [
        "coming",
        "in force",
        "in force",
        "over",
    ]
    assert state(nightly, at("2026-11-18 12:00"), ZONE) == "outside its hours"
    assert state(nightly, at("2026-11-18 23:00"), ZONE) == "in force"
    assert {facts(always, begin, ZONE)["state"], "coming", "over"} <= STATES.keys()


def test_a_refusal_names_no_line_of_a_note_that_the_box_wrote(
    box: Box, places: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only a file has lines that somebody can mend."""
    refused = Desk(box).ask("declaration-end", id="nope")
    assert [problem.line > 0 for problem in refused.problems] == [True]
    answer = {"done": [], "problems": [plain(problem) for problem in refused.problems]}
    monkeypatch.setattr("agent.cli.orders.ask", lambda *_: answer)
    assert main(["declare", "end", "nope", *places]) == 65
    assert capsys.readouterr().err.startswith("declare: SBX-ORD-040 ")
