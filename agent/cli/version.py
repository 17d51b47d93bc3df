"""``sitebox version``: what exactly runs here."""

from __future__ import annotations

import argparse

from agent.cli.shell import Shell
from agent.software import JOURNAL_FORMAT, digest, version

VERB = "version"
ORDER = 90
HELP = "SBX-CLI-110"


def add(parser: argparse.ArgumentParser) -> None:
    """No options of its own."""


def run(args: argparse.Namespace, shell: Shell) -> int:
    """Version, digest of the installed program text, journal format."""
    found = {"version": version(), "digest": digest(), "journal_format": JOURNAL_FORMAT}
    if shell.json:
        shell.data(found)
    else:
        shell.put(f"sitebox {found['version']}  {found['digest'][:16]}  {found['journal_format']}")
    return 0
