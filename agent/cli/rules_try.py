"""``sitebox rules try FILE...``: play scenarios, print expected against actual. Needs no configuration.

::

    [FAIL] off.toml  Scrubber off while the kiln runs
           expected  actual
         = 08:25:00  08:25:10  raise pair  SBX-RUL-001 alarm
         - 08:40:00            clear pair
         +           08:50:20  clear pair  SBX-RUL-001 alarm
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from agent.cli.shell import Shell
from agent.cli.table import WIDTH, wrap
from agent.errors import AgentError
from agent.scenario.compare import Row, compare
from agent.scenario.file import take
from agent.scenario.model import Expected, Happened, Scenario
from agent.scenario.play import play
from agent.scenario.times import Clock
from config.errors import ConfigInvalid, Problem
from config.messages import render

PART = "try"
ORDER = 10
HELP = "SBX-SCN-903"
EX_DATAERR = 65
EX_NOINPUT = 66
_BLANK = " " * 8


@dataclass(frozen=True, slots=True)
class _Tried:
    """One file: its rows, or its mistakes."""

    file: str
    scenario: Scenario | None
    rows: tuple[Row, ...] = ()
    problems: tuple[Problem, ...] = ()

    @property
    def good(self) -> bool:
        return self.scenario is not None and all(row.agrees for row in self.rows)


def add(parser: argparse.ArgumentParser) -> None:
    """Files, in any order."""
    parser.add_argument("file", metavar="FILE", nargs="+", type=Path)


def run(args: argparse.Namespace, shell: Shell) -> int:
    """0: all agree; 1: some differ; 65: a file has mistakes; 66: one cannot be read."""
    found = []
    for path in args.file:
        tried = _try(path)
        found.append(tried)
        if not shell.json:
            _show(tried, shell)
    if shell.json:
        shell.data({"ok": all(one.good for one in found), "files": [_plain(one, shell) for one in found]})
    else:
        shell.put(shell.say("SBX-SCN-905", good=sum(one.good for one in found), count=len(found)))
    if any(one.problems for one in found):
        return EX_DATAERR
    return 0 if all(one.good for one in found) else 1


def _try(path: Path) -> _Tried:
    try:
        scenario = take(str(path), path.read_bytes())
    except OSError as error:
        raise AgentError("SBX-SCN-901", EX_NOINPUT, file=path, reason=error.strerror or error) from error
    except ConfigInvalid as invalid:
        return _Tried(str(path), None, problems=invalid.problems)
    return _Tried(str(path), scenario, compare(scenario.expected, play(scenario)))


def _show(tried: _Tried, shell: Shell) -> None:
    scenario = tried.scenario
    if scenario is None:
        shell.tell(
            f"{shell.tag('fail')} {shell.say('SBX-SCN-906', file=tried.file, count=len(tried.problems))}"
        )
        for problem in tried.problems:
            shell.complain(render(problem, shell.lang))
        return
    title = scenario.title_zh if shell.lang == "zh" else scenario.title
    shell.tell(f"{shell.tag('ok' if tried.good else 'fail')} {Path(tried.file).name}  {title}")
    if not tried.rows:
        shell.put(f"         {shell.say('SBX-SCN-907')}")
        return
    shell.put(f"         {shell.say('SBX-SCN-904')}")
    for row in tried.rows:
        for part in wrap(_line(row, _clock(scenario)), 22, WIDTH - 7).split("\n"):
            shell.put(f"       {part}")


def _clock(scenario: Scenario) -> Clock:
    return Clock(scenario.begin_ms, ZoneInfo(scenario.config.site.timezone))


def _line(row: Row, clock: Clock) -> str:
    expected, actual = row.expected, row.actual
    mark = "=" if row.agrees else "-" if actual is None else "+"
    times = "  ".join(clock.shown(one.at_ms) if one else _BLANK for one in (expected, actual))
    one = actual or expected
    assert one is not None, "a row has at least one side"
    said = " ".join(word for word in (one.code, one.level, one.declared) if word)
    return f"{mark} {times}  {one.verb} {one.key}  {said}".rstrip()


def _plain(tried: _Tried, shell: Shell) -> dict[str, Any]:
    found: dict[str, Any] = {"file": tried.file, "ok": tried.good}
    if tried.scenario is None:
        problems = [
            {"code": p.code, "line": p.line, "key": p.key, "text": render(p, shell.lang)}
            for p in tried.problems
        ]
        return {**found, "problems": problems}
    clock = _clock(tried.scenario)
    rows = [
        {"expected": _side(row.expected, clock), "actual": _side(row.actual, clock)} for row in tried.rows
    ]
    return {**found, "title": tried.scenario.title, "title_zh": tried.scenario.title_zh, "rows": rows}


def _side(one: Expected | Happened | None, clock: Clock) -> dict[str, Any] | None:
    if one is None:
        return None
    names: Sequence[str] = ("verb", "key", "level", "code", "fault", "declared")
    said = {name: getattr(one, name) for name in names}
    return {"time": clock.shown(one.at_ms), "at_ms": one.at_ms, **{k: v for k, v in said.items() if v}}
