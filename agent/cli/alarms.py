"""``sitebox alarms``: what is up now, and what was. Exit 0, 1 (warnings up) or 2 (alarms up)."""

from __future__ import annotations

import argparse
from typing import Any

from agent.cli.shell import Shell
from agent.cli.status import fetch
from agent.cli.table import table
from agent.offline import alarm_history

VERB = "alarms"
ORDER = 20
HELP = "SBX-CLI-103"


def add(parser: argparse.ArgumentParser) -> None:
    """``--last N``: how many past changes to show."""
    parser.add_argument("--last", type=int, default=20, metavar="N")


def run(args: argparse.Namespace, shell: Shell) -> int:
    """Active alarms from the daemon or the journal; history from the journal."""
    active = fetch(shell)["alarms"]
    history = alarm_history(shell.paths, max(0, args.last))
    if shell.json:
        shell.data({"active": active, "history": history})
    else:
        _print(active, history, shell)
    levels = [alarm["level"] for alarm in active]
    return 2 if "alarm" in levels else 1 if levels else 0


def _print(active: list[dict[str, Any]], history: list[dict[str, Any]], shell: Shell) -> None:
    if not active:
        shell.put(f"{shell.tag('ok')} {shell.say('SBX-CLI-104')}")
    for alarm in active:
        tag = shell.tag("fail" if alarm["level"] == "alarm" else "warn")
        what = shell.say(alarm["code"], **alarm["facts"], alarm=alarm["id"])
        shell.tell(f"{tag} {alarm['id']}  {alarm['code']} {what}")
        shell.put(f"       {shell.say('SBX-CLI-105', record=alarm['record'], since=alarm['since_record'])}")
    if history:
        shell.put()
        rows = [
            [shell.when(row["t"]), str(row["i"]), row["state"], row["id"], row["code"]] for row in history
        ]
        for line in table(["time", "record", "state", "alarm", "code"], rows, right=[1]):
            shell.put(line)
