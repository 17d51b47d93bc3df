"""``sitebox rules summary [--day D]``: a day of the plant as it was signed at its end."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from agent.cli.shell import Shell
from agent.cli.table import table
from agent.errors import AgentError
from agent.offline import open_reader
from agent.pastdays import last_summary, walk

PART = SUB = "summary"
ORDER = 40
HELP = "SBX-ALM-050"
_MOST_DAYS = 400
Row = Mapping[str, Any]


def add(parser: argparse.ArgumentParser) -> None:
    """``--day 2026-11-25``; the newest that is over by default."""
    parser.add_argument("--day", metavar="D")


def run(args: argparse.Namespace, shell: Shell) -> int:
    """Reads the journal beside the daemon: from the newest summary backwards."""
    day = _day(args.day)
    reader = open_reader(shell.paths)
    days = walk(reader, last_summary(reader), _MOST_DAYS)
    rows = next((rows for rows in days if day in (None, rows[0]["day"])), None)
    if rows is None:
        raise AgentError("SBX-ALM-049", 66) if day is None else AgentError("SBX-ALM-051", 66, day=day)
    if shell.json:
        shell.data({"day": rows[0]["day"], "rows": [dict(row) for row in rows]})
        return 0
    for line in _lines(rows, shell):
        shell.put(line)
    return 0


def hours(seconds: int) -> str:
    """``7.50``."""
    return f"{seconds / 3600:.2f}"


def _day(text: str | None) -> str | None:
    try:
        return None if text is None else date.fromisoformat(text).isoformat()
    except ValueError as error:
        raise AgentError("SBX-JNL-910", 64, text=text) from error


def _lines(rows: Sequence[Row], shell: Shell) -> Iterator[str]:
    first = rows[0]
    facts = {"ok": first.get("reads_ok", "-"), "failed": first.get("reads_failed", "-")}
    lost = first.get("lost", "-")
    yield shell.say("SBX-ALM-052", day=first["day"], counted=hours(first["counted_s"]), **facts, lost=lost)
    by_kind = {what: [row for row in rows if row["what"] == what] for what in _TABLES}
    for what, (code, cells) in _TABLES.items():
        if by_kind[what]:
            head = shell.say(code).split(";")
            found = [line for row in by_kind[what] for line in cells(row)]
            yield ""
            yield from table(head, found, right=range(1, len(head)))
    yield from _alarms([_alarm(one) for one in first["alarms"]], "SBX-ALM-053", shell)
    at = [
        [row.get("point") or row["m"], *_alarm(one)]
        for row in rows
        if row["what"] != "day"
        for one in row.get("alarms", ())
    ]
    yield from _alarms(at, "SBX-ALM-059", shell)
    for one in first["declared"]:
        yield shell.say("SBX-ALM-054", id=one["id"], hours=hours(one["s"]))


def _alarms(found: Sequence[list[str]], code: str, shell: Shell) -> Iterator[str]:
    if found:
        head = shell.say(code).split(";")
        yield ""
        yield from table(head, found, right=range(len(head) - 4, len(head)))


def _alarm(one: Row) -> list[str]:
    return [one["rule"], str(one["raised"]), str(one["warnings"]), hours(one["s"]), _hours(one, "declared")]


def _hours(row: Row, name: str) -> str:
    """An older version did not count everything."""
    seconds = row.get(f"{name}_s")
    return "-" if seconds is None else hours(seconds)


def _point(row: Row) -> Iterator[list[str]]:
    shifts = " ".join(f"{name} {kwh}" for name, kwh in row["shifts"].items())
    times = [hours(row[f"{name}_s"]) for name in ("on", "off", "unknown")]
    yield [row["point"], *times, row["kwh"], hours(row["measured_s"]), shifts]


def _pair(row: Row) -> Iterator[list[str]]:
    names = ("production", "sync", "apart", "unsure", "violated", "declared", "unknown")
    yield [row["rule"], *(_hours(row, name) for name in names)]


def _order(row: Row) -> Iterator[list[str]]:
    names = ("force", "obeyed", "violated", "unknown")
    yield [row["order"], *(hours(row[f"{name}_s"]) for name in names), row.get("kw", "-")]


def _meter(row: Row) -> Iterator[list[str]]:
    for letter in ("f", "s"):
        if letter in row:
            one = row[letter]
            counts = [str(one[name]) for name in ("expected", "read", "stored")]
            share = f"{100 * one['read'] / one['expected']:.1f}" if one["expected"] else "-"
            confirmed = " ".join(f"{uplink} {count}" for uplink, count in one["confirmed"].items())
            yield [f"{row['m']}/{letter}", *counts, share, confirmed or "-"]


_TABLES = {
    "point": ("SBX-ALM-055", _point),
    "pair": ("SBX-ALM-056", _pair),
    "order": ("SBX-ALM-057", _order),
    "meter": ("SBX-ALM-058", _meter),
}
