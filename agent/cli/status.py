"""``sitebox status``: one screen that says what is wrong and what to do next. Exit 0, 1 or 2."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

from agent.check import LEVELS
from agent.cli.shell import Shell
from agent.cli.table import pad, table
from agent.control import ask
from agent.errors import AgentError
from agent.offline import status as offline_status

VERB = "status"
ORDER = 10
HELP = "SBX-CLI-101"

_TOPICS = {
    "daemon": "SBX-CLI-120",
    "meters": "SBX-CLI-121",
    "bus": "SBX-CLI-122",
    "uplink": "SBX-CLI-123",
    "storage": "SBX-CLI-124",
    "clock": "SBX-CLI-125",
    "alarm": "SBX-CLI-126",
    "config": "SBX-CLI-127",
}


COLUMNS = ("good", "timeouts", "checksum", "foreign", "echo", "refused", "dropped", "doubted")


def add(parser: argparse.ArgumentParser) -> None:
    """``--buses``: what was counted on each line and of each meter since the daemon started."""
    parser.add_argument("--buses", action="store_true")


def run(args: argparse.Namespace, shell: Shell) -> int:
    """Ask the daemon; without one, say so and read the journal."""
    found = fetch(shell)
    if shell.json:
        shell.data(found)
    elif args.buses:
        _print_buses(found.get("buses", ()), shell)
    else:
        _print(found, shell)
    return LEVELS.index(found["level"])


def fetch(shell: Shell) -> dict[str, Any]:
    """The status object, from the daemon or from what it left."""
    try:
        return ask(shell.paths.socket, "status")
    except AgentError as error:
        if error.code != "SBX-CTL-010":
            raise
    return offline_status(shell.paths)


def _print(found: dict[str, Any], shell: Shell) -> None:
    site = found["site"]
    shell.put(f"{site['id']}  {site['name']}  {shell.when(found['time'], site.get('timezone'))}")
    for check in found["checks"]:
        topic = pad(shell.say(_TOPICS[check["topic"]]), 9)
        what = shell.say(check["code"], **check["args"])
        code = "" if check["level"] == "ok" else f"{check['code']} "
        shell.tell(f"{shell.tag(check['level'])} {topic}{code}{what}", 16)
    shell.tell(f"{shell.say('SBX-CLI-102')}: {' | '.join(found['next'][:3])}")


def _print_buses(buses: Sequence[Mapping[str, Any]], shell: Shell) -> None:
    """A table a bus: the line as a whole, then its meters."""
    head = shell.say("SBX-CLI-191").split("|")
    for bus in buses:
        named = [(bus["id"], bus["line"]), *((f"  {name}", counts) for name, counts in bus["meters"].items())]
        rows = [[name, *(str(counts[column]) for column in COLUMNS)] for name, counts in named]
        for line in table(head, rows, right=range(1, len(head))):
            shell.put(line)
        shell.put(shell.say("SBX-CLI-192", bus=bus["id"], reopened=bus["reopened"]))
    if not buses:
        shell.fault("SBX-SYS-010")
