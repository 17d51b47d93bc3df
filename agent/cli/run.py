"""``sitebox run``: the daemon in the foreground, as systemd starts it. Ends with 78 without a usable
configuration, 70 after a defect, 0 after a clean stop."""

from __future__ import annotations

import argparse
import sys

from agent.accepted import ConfigRefusedError
from agent.cli.config import show_problems
from agent.cli.shell import Shell
from agent.log import Log

VERB = "run"
ORDER = 60
HELP = "SBX-CLI-111"


def add(parser: argparse.ArgumentParser) -> None:
    """No options of its own."""


def run(args: argparse.Namespace, shell: Shell) -> int:
    """Until SIGTERM; SIGHUP takes a changed configuration over."""
    # Only here: the other verbs start in a fraction of the time without buses and uplinks.
    from agent.build import build
    from agent.service import restart

    log = Log(shell.lang, plain=sys.stderr.isatty())
    try:
        service = build(shell.paths, log)
    except ConfigRefusedError as refused:
        show_problems(refused.problems, shell)
        raise
    status = service.run()
    if service.wants_reload and status == 0:
        restart()
    return status
