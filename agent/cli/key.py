"""``sitebox key``: the box's public key, as a platform registers it. Never prints a secret."""

from __future__ import annotations

import argparse

from agent.accepted import accept
from agent.cli.shell import Shell
from buffer.keys import Keys

VERB = "key"
ORDER = 70
HELP = "SBX-CLI-108"


def add(parser: argparse.ArgumentParser) -> None:
    """No options of its own."""


def run(args: argparse.Namespace, shell: Shell) -> int:
    """Creates the keys when the box has none yet (first start)."""
    box = accept(shell.paths.config, shell.paths.accepted, keep=False).loaded.config.site.id
    keys = Keys.open(shell.paths.keys, box)
    verifier = str(keys.identity.verifier)
    if shell.json:
        shell.data({"box": box, "verifier": verifier})
    else:
        shell.put(verifier)
    return 0
