"""``sitebox orders [list|show|add|cancel]``: stop and limit orders, with or without a daemon to look."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from agent.accepted import accept
from agent.cli.shell import Shell
from agent.cli.table import WIDTH, folded
from agent.clock import Clock, kernel_boot_id
from agent.control import ask
from agent.errors import AgentError
from agent.orders import shown
from agent.orders.counter import plain, problem_of
from agent.orders.opening import look
from agent.orders.trial import trial
from config.calendar import moment
from config.errors import ConfigInvalid, Problem
from config.messages import render
from config.orderfile import MAX_FILE
from config.site import SiteConfig

VERB = "orders"
ORDER = 21
HELP = "SBX-ORD-800"
EX_DATA = 65
Put = Callable[[Mapping[str, Any], ZoneInfo, Shell], None]  # shows one of a list
_MEASURES = {"reduce_percent": "SBX-ORD-911", "limit_kw": "SBX-ORD-912", "limit_kwh": "SBX-ORD-913"}
_LEVELS = {"yellow": "SBX-ORD-934", "orange": "SBX-ORD-935", "red": "SBX-ORD-936"}


def add(parser: argparse.ArgumentParser) -> None:
    """``list``: what is in force and to come, with ``--all`` also what is over; ``show ID``: one, with its
    history and the signed notes; ``add FILE``: orders in TOML or a signed command, with ``--dry-run`` judged
    and not taken; ``cancel ID``, with ``--reason``: one that was given at this box."""
    parser.add_argument("action", choices=("list", "show", "add", "cancel"), nargs="?", default="list")
    parser.add_argument("target", metavar="ID|FILE", nargs="?")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--dry-run", action="store_true")
    parser.add_argument("--reason", default="", metavar="TEXT")


def run(args: argparse.Namespace, shell: Shell) -> int:
    """Looks into journal and logbook beside the daemon; ``add`` and ``cancel`` are done by the daemon and
    need the right to act (group ``sitebox-op``). Exit 0, or 65 when something was refused."""
    if args.action == "list":
        return listing("order", "SBX-ORD-900", args.all, shell, _print)
    if args.target is None:
        raise AgentError("SBX-ORD-048", 64)
    if args.action == "show":
        return _show(args.target, shell)
    if args.action == "cancel":
        return hand_in("orders-cancel", {"id": args.target, "reason": args.reason}, shell)
    file = Path(args.target)
    with file.open("rb") as opened:
        data = opened.read(MAX_FILE + 1)
    if args.dry_run:
        return _judged(file.name, data, shell)
    return hand_in("orders-add", {"name": file.name, "text": data.decode("utf-8", "surrogateescape")}, shell)


def site(shell: Shell) -> tuple[SiteConfig, int]:
    """The configuration in force, and the time."""
    config = accept(shell.paths.config, shell.paths.accepted).loaded.config
    return config, Clock(0, kernel_boot_id()).now().utc_ms


def hand_in(verb: str, values: Mapping[str, Any], shell: Shell) -> int:
    """Let the daemon do it, and say what came of it."""
    found = ask(shell.paths.socket, verb, values)
    problems = [problem_of(one) for one in found["problems"]]
    if verb != "orders-add":  # its note was written by the box: a line of it says nothing to anybody
        problems = [replace(one, line=0, key="") if one.line else one for one in problems]
    if shell.json:
        shell.data(found)
    for one in () if shell.json else found["done"]:
        code = "SBX-ORD-951" if one["repeated"] else "SBX-ORD-950"
        shell.tell(f"{shell.tag('ok')} {shell.say(code, id=one['id'], record=one['record'])}")
    return refused(problems, shell)


def refused(problems: Sequence[Problem], shell: Shell) -> int:
    """Each mistake with its place and mend; the exit status."""
    if not problems:
        return 0
    for problem in problems:
        shell.complain(render(problem, shell.lang))
    shell.complain(f"{shell.tag('fail')} {shell.say('SBX-ORD-953', count=len(problems))}")
    return EX_DATA


def span(one: Mapping[str, Any], zone: ZoneInfo, shell: Shell) -> str:
    """Its beginning and end in the plant's time."""
    times = {"from": moment(one["from"], zone)}
    if one["to"] is None:
        return shell.say("SBX-ORD-903", **times)
    return shell.say("SBX-ORD-902", **times, to=moment(one["to"], zone))


def measure(one: Mapping[str, Any], shell: Shell) -> str:
    """What it demands."""
    level = [shell.say(_LEVELS[one["level"]])] if "level" in one else []
    if one["kind"] == "stop":
        return ", ".join([shell.say("SBX-ORD-910"), *level])
    said = [shell.say(code, value=one[key]) for key, code in _MEASURES.items() if key in one]
    each = shell.say("SBX-ORD-914" if one.get("per") == "point" else "SBX-ORD-915")
    return ", ".join([*said, each, *level])


def below(text: str, shell: Shell) -> None:
    """More of what the line above speaks of."""
    for line in folded(text, WIDTH - 7):
        shell.put(f"       {line}")


def points(one: Mapping[str, Any], nobody: str, shell: Shell) -> str:
    """The points it names; ``nobody`` is the code of what no point means."""
    named = ", ".join(one.get("points", ()))
    return shell.say("SBX-ORD-906", points=named) if named else shell.say(nobody)


def listing(kind: str, none: str, everything: bool, shell: Shell, put: Put) -> int:
    """All of a kind, each by ``put``; ``none`` is the code of what is said when there is nothing."""
    config, now_ms = site(shell)
    zone = ZoneInfo(config.site.timezone)
    found = shown.listed(look(shell.paths), kind, now_ms, zone, everything)
    if shell.json:
        shell.data({f"{kind}s": [brief(one) for one in found]})
        return 0
    for one in found:
        put(one, zone, shell)
    if not found:
        shell.put(f"{shell.tag('ok')} {shell.say(none)}")
    return 0


def _show(identity: str, shell: Shell) -> int:
    config, now_ms = site(shell)
    zone = ZoneInfo(config.site.timezone)
    held = look(shell.paths).held["order"].get(identity)
    if held is None:
        raise AgentError("SBX-ORD-040", 64, id=identity)
    one = shown.facts(held, now_ms, zone)
    if shell.json:
        shell.data(one)
        return 0
    _print(one, zone, shell)
    for change in one["history"]:
        who = change.get("who", change["by"])
        what = f"{change['op']} {who} {change.get('reason', '')}".rstrip()
        shell.tell(f"{shell.when(change['time'], config.site.timezone)}  {change['record']}  {what}")
        for line in change["note"].splitlines():
            shell.put(f"  | {line}")
    return 0


def _print(one: Mapping[str, Any], zone: ZoneInfo, shell: Shell) -> None:
    shell.tell(f"{one['id']}  {shell.say(shown.STATES[one['state']])}: {measure(one, shell)}")
    daily = [shell.say("SBX-ORD-905", daily=one["daily"])] if "daily" in one else []
    moved = [shell.say("SBX-ORD-904")] if one.get("provisional") else []
    place = points(one, "SBX-ORD-907", shell)
    below(", ".join([span(one, zone, shell), *daily, *moved, place]), shell)
    replaces = [shell.say("SBX-ORD-943", id=one["replaces"])] if "replaces" in one else []
    source = shell.say("SBX-ORD-908", source=one["source"], record=one["record"])
    title = [one["title"]] if one.get("title") else []
    below(", ".join([source, *replaces, *title]), shell)


def _judged(called: str, data: bytes, shell: Shell) -> int:
    """What the daemon would say of a file, without one and without any change."""
    config, now_ms = site(shell)
    try:
        orders, declarations = trial(shell.paths, config, called, data, now_ms)
    except ConfigInvalid as invalid:
        if shell.json:
            shell.data({"problems": [plain(one) for one in invalid.problems]})
        return refused(invalid.problems, shell)
    if shell.json:
        shell.data({"orders": orders, "declarations": declarations, "problems": []})
    else:
        good = shell.say("SBX-ORD-952", orders=orders, declarations=declarations)
        shell.tell(f"{shell.tag('ok')} {good}")
    return 0


def brief(one: Mapping[str, Any]) -> dict[str, Any]:
    """The facts without the text of the notes."""
    history = [{name: value for name, value in was.items() if name != "note"} for was in one["history"]]
    return {**one, "history": history}
