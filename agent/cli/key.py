"""``sitebox key``: the box's public key, as a platform registers it; ``key rotate``: another one.

Never prints a secret.
"""

from __future__ import annotations

import argparse

from agent.accepted import accept
from agent.cli.shell import Shell
from agent.control import ask
from agent.errors import AgentError
from buffer.keys import shown

VERB = "key"
ORDER = 70
HELP = "SBX-CLI-108"


def add(parser: argparse.ArgumentParser) -> None:
    """``rotate``: the running daemon takes a new identity; the old one names it in a signed note, and a block
    hands over. Needs the right to act. Platforms that have the old key follow by themselves."""
    parser.add_argument("what", nargs="?", choices=["show", "rotate"], default="show")


def run(args: argparse.Namespace, shell: Shell) -> int:
    """Creates the keys when the box has none yet (first start)."""
    if args.what == "rotate":
        return _rotate(shell)
    box = accept(shell.paths.config, shell.paths.accepted).loaded.config.site.id
    verifier = str(shown(shell.paths.keys, box))
    if shell.json:
        shell.data({"box": box, "verifier": verifier})
    else:
        shell.put(verifier)
    return 0


def _rotate(shell: Shell) -> int:
    try:
        found = ask(shell.paths.socket, "rotate")
    except AgentError as error:
        if error.code != "SBX-CTL-010":
            raise
        raise AgentError("SBX-KEY-010", 69, path=shell.paths.socket) from error
    if shell.json:
        shell.data(found)
    else:
        shell.tell(f"{shell.tag('ok')} {shell.say('SBX-KEY-011', path=shell.paths.journal)}")
        shell.put(str(found["verifier"]))
    return 0
