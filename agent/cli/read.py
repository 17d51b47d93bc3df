"""``sitebox read METER``: read a meter now, through the daemon, between its live polls.

Without a daemon the last recorded values are shown, and said to be old. ``--raw`` adds each frame in hex,
with what it says below.
"""

from __future__ import annotations

import argparse
from typing import Any

from agent.cli.parsing import said
from agent.cli.shell import Shell, as_text
from agent.cli.table import table
from agent.control import ask
from agent.errors import AgentError
from agent.offline import last_reading
from agent.oneline import one_line
from config.quantities import QUANTITIES

VERB = "read"
ORDER = 30
HELP = "SBX-CLI-106"


def add(parser: argparse.ArgumentParser) -> None:
    """The meter's id; ``--raw`` for hex."""
    parser.add_argument("meter", metavar="METER", help=said(parser, "SBX-CLI-216"))
    parser.add_argument("--raw", action="store_true", help=said(parser, "SBX-CLI-217"))


def run(args: argparse.Namespace, shell: Shell) -> int:
    """0: all good, 1: some items missing or the values are old, 2: the meter gave nothing."""
    try:
        found = ask(shell.paths.socket, "read", {"meter": args.meter}, timeout_s=40)
    except AgentError as error:
        if error.code != "SBX-CTL-010":
            raise
        found = last_reading(shell.paths, args.meter)
    if shell.json:
        shell.data(found)
    else:
        _print(found, args.raw, shell)
    if found["error"] is not None or not found["samples"]:
        return 2
    return 1 if not found["live"] or any(s["quality"] != "good" for s in found["samples"]) else 0


def _print(found: dict[str, Any], raw: bool, shell: Shell) -> None:
    if not found["live"]:
        shell.put(f"{shell.tag('warn')} {shell.say('SBX-CLI-107', when=shell.when(found['time']))}")
    if found["error"] is not None:
        shell.fault(_ERRORS[found["error"]], meter=found["meter"])
    rows = []
    for sample in found["samples"]:
        quantity = QUANTITIES[sample["quantity"]]
        title = quantity.title_zh if shell.lang == "zh" else quantity.title_en
        good = sample["quality"] == "good"
        value = as_text(sample["value"]) if good else sample["quality"]
        rows.append([sample["quantity"], value, quantity.unit if good else "", title])
    for line in table(["", found["meter"], "", ""], rows, right=[1]):
        shell.put(line)
    if raw:
        _print_frames(found["frames"], shell)


def _print_frames(frames: list[dict[str, Any]], shell: Shell) -> None:
    """Each frame in hex, what it says below."""
    asked = b""
    for frame in frames:
        data = bytes.fromhex(frame["hex"])
        shell.put(f"{frame['way']} {frame['hex']}")
        shell.put(f"  {one_line(data, b'' if frame['way'] == '>' else asked)}")
        asked = data if frame["way"] == ">" else asked


_ERRORS = {
    "no_reply": "SBX-MTR-010",
    "garbled": "SBX-MTR-011",
    "refused": "SBX-MTR-012",
    "port": "SBX-MTR-013",
    "overrun": "SBX-MTR-014",
}
