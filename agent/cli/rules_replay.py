"""``sitebox rules replay``: what would have fired on recorded data, beside what did. Changes nothing."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from zoneinfo import ZoneInfo

from agent.accepted import parse, read
from agent.cli.alarms import LEVELS, STATES
from agent.cli.config import show_problems
from agent.cli.export import moment_of
from agent.cli.shell import Shell
from agent.cli.table import table
from agent.offline import open_reader
from agent.orders.opening import look
from agent.whatif import Change, Row, compare, did, would
from config.errors import ConfigInvalid

PART = SUB = "replay"
ORDER = 30
HELP = "SBX-ALM-060"
EX_CONFIG = 78


def add(parser: argparse.ArgumentParser) -> None:
    """``--from`` and ``--to``: the plant's time, all that is kept by default. ``--config FOLDER``: another
    configuration than the present one."""
    parser.add_argument("--from", dest="since", metavar="TIME", help="2026-11-25 or 2026-11-25T22:00")
    parser.add_argument("--to", dest="until", metavar="TIME")


def run(args: argparse.Namespace, shell: Shell) -> int:
    """Reads the journal beside the daemon. Exit 0: the same alarms; 1: some differ; 78: the configuration has
    mistakes."""
    try:
        config = parse(*read(shell.paths.config))[0].config
    except ConfigInvalid as invalid:
        show_problems(invalid.problems, shell)
        return EX_CONFIG
    zone = ZoneInfo(config.site.timezone)
    span = moment_of(args.since, zone, 0), moment_of(args.until, zone, 2**53)
    reader, book = open_reader(shell.paths), look(shell.paths)
    rows = compare(did(reader, span), would(reader, config, span, book))
    if shell.json:
        shell.data({"rows": [asdict(row) for row in rows]})
    else:
        _print(rows, config.site.timezone, shell)
    return int(any(row.did is None or row.would is None for row in rows))


def _print(rows: Sequence[Row], zone: str, shell: Shell) -> None:
    """A line a change: ``=`` both, ``-`` it did and would not, ``+`` it would and did not."""
    cells = []
    for row in rows:
        sign = "=" if row.did and row.would else "-" if row.did else "+"
        one = row.any
        sides = (_when(row.did, zone, shell), _when(row.would, zone, shell))
        words = shell.say(STATES[one.state]), one.id, shell.say(LEVELS[one.level])
        cells.append([sign, *sides, *words, one.code])
    for line in table(shell.say("SBX-ALM-061").split(";"), cells):
        shell.put(line)
    differ = sum(row.did is None or row.would is None for row in rows)
    shell.put(shell.say("SBX-ALM-062", count=len(rows), differ=differ))


def _when(change: Change | None, zone: str, shell: Shell) -> str:
    return "" if change is None else shell.when(change.t, zone)[5:19]
