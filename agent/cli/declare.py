"""``sitebox declare``: the plant announces a stop, maintenance, a power cut or a rebuild (报备)."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any, get_args
from zoneinfo import ZoneInfo

from agent.cli.orders import below, hand_in, listing, points, span
from agent.cli.shell import Shell
from agent.errors import AgentError
from agent.orders import shown
from config.calendar import moment
from config.orders import DeclarationKind

VERB = "declare"
ORDER = 22
HELP = "SBX-ORD-801"
_KINDS = {
    "stop": "SBX-ORD-930",
    "maintenance": "SBX-ORD-931",
    "power-cut": "SBX-ORD-932",
    "rebuild": "SBX-ORD-933",
}


def add(parser: argparse.ArgumentParser) -> None:
    """``stop``, ``maintenance``, ``power-cut``, ``rebuild`` with ``--to`` and ``--reason``, from now or
    ``--from``, for ``--points a,b`` or the whole plant (``--points all``), times as ``"2026-11-26 18:00"`` in
    the plant's zone; ``list``, with ``--all`` also what is over; ``end ID``: it is over earlier."""
    parser.add_argument(
        "action", choices=(*get_args(DeclarationKind), "list", "end"), nargs="?", default="list"
    )
    parser.add_argument("target", metavar="ID", nargs="?")
    parser.add_argument("--points", metavar="ID,ID|all")
    parser.add_argument("--from", dest="begin", metavar="TIME")
    parser.add_argument("--to", metavar="TIME")
    parser.add_argument("--reason", default="", metavar="TEXT")
    parser.add_argument("--all", action="store_true")


def run(args: argparse.Namespace, shell: Shell) -> int:
    """A declaration suppresses alarms, never records, and is itself a record with the user's name; one that
    comes late, or overlaps another, is kept and marked. It needs the right to act (group ``sitebox-op``).
    Exit 0, or 65 when something was refused."""
    if args.action == "list":
        return listing("declaration", "SBX-ORD-901", args.all, shell, _print)
    if args.action == "end":
        if args.target is None:
            raise AgentError("SBX-ORD-048", 64)
        return hand_in("declare-end", {"id": args.target, "reason": args.reason}, shell)
    if not (args.points and args.to):
        raise AgentError("SBX-ORD-047", 64)
    values: dict[str, Any] = {"kind": args.action, "to": args.to, "reason": args.reason}
    if args.begin:
        values["from"] = args.begin
    if args.points != "all":
        values["points"] = args.points.split(",")
    return hand_in("declare", values, shell)


def _print(one: Mapping[str, Any], zone: ZoneInfo, shell: Shell) -> None:
    kind = shell.say(_KINDS[one["kind"]])
    shell.tell(f"{one['id']}  {shell.say(shown.STATES[one['state']])}: {kind}")
    below(f"{span(one, zone, shell)}, {points(one, 'SBX-ORD-909', shell)}", shell)
    when = moment(one["time"], zone)
    who = shell.say("SBX-ORD-942", by=one["who"] or one["by"], when=when, record=one["record"])
    reason = f"; {one['reason']}" if one.get("reason") else ""
    below(f"{who}{reason}", shell)
    marks = []
    if one["late_ms"]:
        marks.append(shell.say("SBX-ORD-940", minutes=max(1, one["late_ms"] // 60_000)))
    if one["overlaps"]:
        marks.append(shell.say("SBX-ORD-941", ids=", ".join(one["overlaps"])))
    if marks:
        shell.tell(f"{shell.tag('warn')} {'; '.join(marks)}")
