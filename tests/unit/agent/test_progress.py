"""How a search is shown: a line that lives on a terminal, few lines in a pipe, each meter as it is found."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from agent.cli.progress import LIVE_MS, PLAIN_MS, Progress
from agent.cli.shell import Shell
from agent.cli.table import cells
from agent.paths import Paths

METER: dict[str, object] = {"protocol": "modbus-rtu", "address": "3", "line": "9600 8N1", "profile": None}
METER |= {"confirmed": True, "values": {}}


class Watch:
    """A clock that goes on by itself."""

    def __init__(self, step_ms: int) -> None:
        self.time, self.step_ms = 0, step_ms

    def __call__(self) -> int:
        return self.time


def shown(lang: str, step_ms: int, steps: int, *, json: bool = False) -> None:
    watch = Watch(step_ms)
    shell = Shell(lang, json, Paths(Path(), Path(), Path()))
    progress = Progress(shell, watch)
    for asked in range(steps):
        found = [METER] if asked >= 3 else []
        progress.show("dlt645-2007 2400 8E1", asked, (steps - asked) * step_ms / 1000, found)
        watch.time += step_ms
    progress.close()


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_line_lives_on_a_terminal(
    lang: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "60")
    shown(lang, LIVE_MS, 10)
    out = capsys.readouterr().out
    found, _ = out.split("\n")
    assert "modbus-rtu" in found, "the only line that stays"
    states = [one for one in out.replace("\n", "").split("\r\x1b[K") if "2400" in one]
    assert len(states) == 10
    assert max(map(cells, states)) < 60
    assert out.endswith("\r\x1b[K"), "what follows finds an empty line"


def test_a_pipe_gets_few_lines(capsys: pytest.CaptureFixture[str]) -> None:
    shown("en", 700, 100)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1 + -(-100 * 700 // PLAIN_MS)
    assert [line for line in lines if "modbus-rtu" in line] == [lines[1]], "once, when it was found"
    assert lines[0] == "  dlt645-2007 2400 8E1: 0 asked, 0 found, about 70 s left"
    assert "\r" not in "".join(lines)


def test_json_is_alone_on_stdout(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    shown("en", 700, 10, json=True)
    assert capsys.readouterr().out == ""
