"""``sitebox status``: one screen that says what is wrong and what to do next. Exit 0, 1 or 2."""

from __future__ import annotations

import argparse
from typing import Any

from agent.cli.shell import Shell
from agent.cli.table import pad
from agent.control import ask
from agent.errors import AgentError
from agent.offline import status as offline_status
from agent.status import LEVELS

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


def add(parser: argparse.ArgumentParser) -> None:
    """No options of its own."""


def run(args: argparse.Namespace, shell: Shell) -> int:
    """Ask the daemon; without one, say so and read the journal."""
    found = fetch(shell)
    if shell.json:
        shell.data(found)
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
