"""``sitebox alarms [list|ack ID]``: what is up, and what was. Exit 0, 1 (warnings up) or 2 (alarms up)."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from agent.cli.shell import Shell
from agent.cli.status import fetch
from agent.cli.table import table
from agent.control import ask
from agent.errors import AgentError
from agent.offline import alarm_history

VERB = "alarms"
ORDER = 20
HELP = "SBX-CLI-103"
FAULTS = MappingProxyType({"plant": "SBX-ALM-010", "device": "SBX-ALM-011", "supply": "SBX-ALM-012"})
LEVELS = MappingProxyType({"warning": "SBX-ALM-013", "alarm": "SBX-ALM-014"})
STATES = MappingProxyType(
    {
        "raised": "SBX-ALM-020",
        "escalated": "SBX-ALM-021",
        "acknowledged": "SBX-ALM-022",
        "cleared": "SBX-ALM-023",
    }
)


def add(parser: argparse.ArgumentParser) -> None:
    """``list``, with ``--last N``: how many past changes to show; ``ack ID``, with ``--reason``: somebody has
    seen it; it stays up."""
    parser.add_argument("action", choices=("list", "ack"), nargs="?", default="list")
    parser.add_argument("id", metavar="ID", nargs="?")
    parser.add_argument("--last", type=int, default=20, metavar="N")
    parser.add_argument("--reason", default="", metavar="TEXT")


def run(args: argparse.Namespace, shell: Shell) -> int:
    """Active alarms from the daemon or the journal; history from the journal. ``ack`` is done by the daemon
    and needs the right to act (group ``sitebox-op``); it is on record."""
    if args.action == "ack":
        return _acknowledge(args.id, args.reason, shell)
    found = fetch(shell)
    active = found["alarms"]
    history = alarm_history(shell.paths, max(0, args.last))
    if shell.json:
        shell.data({"active": active, "history": history})
    else:
        _print(found, history, shell)
    levels = [alarm["level"] for alarm in active]
    return 2 if "alarm" in levels else 1 if levels else 0


def duration(ms: int) -> str:
    """``3 d 4 h``, ``1 h 20 min``, ``45 s``."""
    seconds = max(0, ms) // 1000
    days, hours, minutes = seconds // 86_400, seconds // 3_600 % 24, seconds // 60 % 60
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min" if minutes else f"{seconds} s"


def _acknowledge(alarm: str | None, reason: str, shell: Shell) -> int:
    if alarm is None:
        raise AgentError("SBX-ALM-003", 64)
    done = ask(shell.paths.socket, "alarm-ack", {"alarm": alarm, "reason": reason})
    if shell.json:
        shell.data(done)
    else:
        shell.tell(f"{shell.tag('ok')} {shell.say('SBX-ALM-004', **done)}")
    return 0


def _print(found: Mapping[str, Any], history: list[dict[str, Any]], shell: Shell) -> None:
    if not found["alarms"]:
        shell.put(f"{shell.tag('ok')} {shell.say('SBX-CLI-104')}")
    for alarm in found["alarms"]:
        _print_one(alarm, found, shell)
    if history:
        shell.put()
        rows = [_row(row, found["site"].get("timezone"), shell) for row in history]
        for line in table(shell.say("SBX-ALM-015").split(";"), rows, right=[1, 6, 7]):
            shell.put(line)


def _print_one(alarm: Mapping[str, Any], found: Mapping[str, Any], shell: Shell) -> None:
    tag = shell.tag("fail" if alarm["level"] == "alarm" else "warn")
    what = shell.say(alarm["code"], **alarm["facts"], alarm=alarm["id"])
    shell.tell(f"{tag} {alarm['id']}  {alarm['code']} {what}")
    since = shell.when(alarm["since"], found["site"].get("timezone"))
    lasted = duration(found["time"] - alarm["since"])
    fault = shell.say(FAULTS[alarm["fault"]])
    shell.tell(f"       {shell.say('SBX-ALM-005', since=since, duration=lasted, fault=fault)}")
    if alarm["acknowledged"]:
        shell.tell(f"       {shell.say('SBX-ALM-006', by=alarm['acknowledged'])}")
    if alarm["declared"]:
        shell.tell(f"       {shell.say('SBX-ALM-007', declared=alarm['declared'])}")
    shell.put(f"       {shell.say('SBX-CLI-105', record=alarm['record'], since=alarm['since_record'])}")


def _row(row: Mapping[str, Any], zone: str | None, shell: Shell) -> list[str]:
    lasted = duration(row["dur_ms"]) if "dur_ms" in row else ""
    state = shell.say(STATES[row["state"]]) if row["state"] in STATES else row["state"]
    level = shell.say(LEVELS[row["level"]])
    head = [shell.when(row["t"], zone), str(row["i"]), state, level, row["id"], row["code"]]
    return [*head, lasted, row.get("kwh", "")]
