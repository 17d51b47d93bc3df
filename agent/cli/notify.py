"""``sitebox notify``: how the plant itself is warned, and a test of it.

``test`` goes through the running daemon, because it owns the LEDs and starts the programs with its own
rights: what works there works at an alarm.
"""

from __future__ import annotations

import argparse
from typing import Any

from agent.accepted import accept
from agent.cli.shell import Shell, as_text
from agent.cli.table import table
from agent.control import ask
from agent.errors import AgentError
from config.site import NotifyLed

VERB = "notify"
ORDER = 22
HELP = "SBX-NTF-020"
TIMEOUT_S = 1300.0  # two runs of the longest timeout_s, and a little


def add(parser: argparse.ArgumentParser) -> None:
    """``list`` is the default; ``test ID`` lights the LED for 3 s, or runs the program once."""
    parser.add_argument("action", choices=("list", "test"), nargs="?", default="list")
    parser.add_argument("id", metavar="ID", nargs="?", default="")


def run(args: argparse.Namespace, shell: Shell) -> int:
    """``list``: 0, or 1 when one does not work. ``test``: 0 done, 1 it failed; 64 there is no such notice; 69
    no daemon answers, or it does not let you."""
    return _test(args.id, shell) if args.action == "test" else _list(shell)


def _list(shell: Shell) -> int:
    rows = _rows(shell)
    if shell.json:
        shell.data({"notices": rows})
    elif not rows:
        shell.tell(shell.say("SBX-NTF-021"))
    else:
        head = ["notice", "kind", "levels", "state", "does"]
        cells = [
            [row["id"], row["kind"], ",".join(row["levels"]), as_text(row["state"]), row["does"]]
            for row in rows
        ]
        for line in table(head, cells):
            shell.put(line)
        for row in rows:
            if not row["ok"]:
                shell.fault(row["code"], **row["facts"])
    return 0 if all(row["ok"] for row in rows) else 1


def _rows(shell: Shell) -> list[dict[str, Any]]:
    """From the daemon; without one what the site file says, with a state that nobody knows."""
    try:
        found: list[dict[str, Any]] = ask(shell.paths.socket, "notices")["notices"]
    except AgentError as error:
        if error.code != "SBX-CTL-010":
            raise
        shell.fault(error.code, **error.args_)
        config = accept(shell.paths.config, shell.paths.accepted).loaded.config
        return [
            {
                "id": one.id,
                "kind": one.kind,
                "levels": list(one.levels),
                "does": one.led if isinstance(one, NotifyLed) else " ".join(one.command),
                "state": None,
                "held": 0,
                "ok": True,
                "code": None,
                "facts": {},
            }
            for one in config.notify
        ]
    return found


def _test(name: str, shell: Shell) -> int:
    found = ask(shell.paths.socket, "notice-test", {"notice": name}, timeout_s=TIMEOUT_S)
    if shell.json:
        shell.data(found)
    elif found["ok"]:
        shell.tell(f"{shell.tag('ok')} {shell.say(found['code'], **found['facts'])}")
        if found["kind"] == "led":
            shell.tell(f"       {shell.say('SBX-NTF-022', **found['facts'])}")
    else:
        shell.fault(found["code"], **found["facts"])
    return 0 if found["ok"] else 1
