"""``sitebox scan``: find the meters on a line, over protocols, line settings and addresses.

A line of the running daemon is searched by the daemon itself, in the free moments between its polls; any
other port directly. Sends reading requests only. Ctrl-C keeps what was found; each meter comes with the
lines that declare it.
"""

from __future__ import annotations

import argparse
import json
import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agent.accepted import accept, read
from agent.cli.shell import Shell
from agent.cli.table import table
from agent.clock import mono_ms
from agent.control import ask
from agent.errors import AgentError
from agent.scanning import PROTOCOLS, Wish, plain, plan_of, proposal
from config.errors import ConfigInvalid
from config.folder import Files
from config.profile import Profile
from config.profiles import builtin_profiles, take_profiles
from config.site import Bus
from drivers.exchange import Answer
from drivers.ports import PortError, open_port
from drivers.scan import estimate_s
from drivers.scan import run as exchanges_of
from drivers.search import Search
from drivers.wire import Heard, Wire

VERB = "scan"
ORDER = 33
HELP = "SBX-CLI-180"
EX_USAGE = 64
EX_UNAVAILABLE = 69
EX_CONFIG = 78
KEPT = "scan.json"  # in the runtime folder
LOOK_S = 0.5


def add(parser: argparse.ArgumentParser) -> None:
    """A declared bus or a device; which protocols, line settings and Modbus units to try. ``--deep`` asks
    each unit for every known model's registers."""
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--bus", metavar="ID")
    where.add_argument("--port", metavar="PATH")
    parser.add_argument("--protocol", choices=PROTOCOLS, action="append")
    parser.add_argument("--line", metavar='"2400 8E1,9600 8N1"', default="")
    parser.add_argument("--addresses", metavar="1-10", default="1-10")
    parser.add_argument("--deep", action="store_true")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a search gave, from wherever it ran."""

    bus: str
    found: Sequence[Mapping[str, Any]]
    noisy: Sequence[str]


def run(args: argparse.Namespace, shell: Shell) -> int:
    """0: meters were found, 1: none; 69 when the port cannot be opened or another search runs there."""
    wish = Wish(tuple(args.protocol or ()), args.line, args.addresses, args.deep)
    owned = _owned(args, shell)
    outcome = _directly(_bus(args, shell), wish, shell) if owned is None else _by_daemon(owned, wish, shell)
    _report(outcome, shell)
    _keep(outcome, shell)
    return 0 if outcome.found else 1


def _keep(outcome: Outcome, shell: Shell) -> None:
    """For ``sitebox config add N``: the lines of each meter, in the order of their numbers."""
    texts = ["" if one["profile"] is None else proposal(one, outcome.bus) for one in outcome.found]
    path = shell.paths.runtime / KEPT
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(texts), encoding="utf-8")
    except OSError as error:
        shell.fault("SBX-CLI-188", reason=error)


def _bus(args: argparse.Namespace, shell: Shell) -> Bus:
    if args.port:
        return Bus(id=os.path.basename(args.port), kind="serial", port=args.port)
    config = accept(shell.paths.config, shell.paths.accepted).loaded.config
    for bus in config.buses:
        if bus.id == args.bus:
            return bus
    raise AgentError("SBX-BUS-010", EX_USAGE, bus=args.bus)


def _owned(args: argparse.Namespace, shell: Shell) -> str | None:
    """The daemon's bus that is meant, by its id or by its port; None where no daemon owns it. Two users of
    one line would garble each other."""
    try:
        buses = ask(shell.paths.socket, "buses")["buses"]
    except AgentError as error:
        if error.code != "SBX-CTL-010":
            raise
        return None
    meant = Bus(id="", kind="serial", port=args.port) if args.port else None
    if meant is None and args.bus not in {one["id"] for one in buses}:
        meant = _bus(args, shell)  # declared, but not in what the daemon runs on: its place may be the same
    for one in buses:
        if one["id"] == args.bus or (meant is not None and _same_place(one, meant)):
            return str(one["id"])
    return None


def _same_place(one: Mapping[str, Any], bus: Bus) -> bool:
    if bus.port is not None:
        return one["port"] is not None and os.path.realpath(one["port"]) == os.path.realpath(bus.port)
    return (one["host"], one["tcp_port"]) == (bus.host, bus.tcp_port)


def _profiles(shell: Shell) -> dict[str, Profile]:
    try:
        own: Files = read(shell.paths.config)[1] if (shell.paths.config / "profiles").is_dir() else []
        return {**builtin_profiles(), **take_profiles(own)}
    except ConfigInvalid as invalid:
        raise AgentError("SBX-CFG-902", EX_CONFIG, count=len(invalid.problems)) from invalid


def _by_daemon(bus: str, wish: Wish, shell: Shell) -> Outcome:
    """Ask the daemon to search, and look on."""
    words = {"protocols": list(wish.protocols), "lines": wish.lines, "units": wish.units, "deep": wish.deep}
    begun = ask(shell.paths.socket, "scan", {"bus": bus, **words})
    if not shell.json:
        shell.tell(shell.say("SBX-CLI-181", bus=bus, seconds=round(begun["seconds"])))
        shell.tell(shell.say("SBX-CLI-182", bus=bus, known=", ".join(begun["known"]) or "-"))
    try:
        seen = _look_on(bus, shell)
    except KeyboardInterrupt:  # what was found so far counts
        ask(shell.paths.socket, "scan-cancel", {"bus": bus})
        seen = ask(shell.paths.socket, "scan-look", {"bus": bus})
    if seen["code"]:
        raise AgentError(seen["code"], EX_UNAVAILABLE, **seen["facts"])
    return Outcome(bus, seen["found"], seen["noisy"])


def _look_on(bus: str, shell: Shell) -> dict[str, Any]:
    where, pause = "", threading.Event()
    while True:
        seen = ask(shell.paths.socket, "scan-look", {"bus": bus})
        if seen["ended"]:
            return seen
        if seen["where"] != where and not shell.json:
            where = seen["where"]
            shell.put(f"  {where} ...")
        pause.wait(LOOK_S)


def _directly(bus: Bus, wish: Wish, shell: Shell) -> Outcome:
    """Search a port that nobody owns."""
    search = Search(plan_of(wish, bus, _profiles(shell)))
    if not shell.json:
        shell.tell(shell.say("SBX-CLI-181", bus=bus.id, seconds=round(estimate_s(search.plan))))
    try:
        _search(bus, search, shell)
    except PortError as error:
        raise AgentError(error.code, EX_UNAVAILABLE, **error.facts) from error
    except KeyboardInterrupt:  # what was found so far counts
        pass
    return Outcome(bus.id, [plain(one) for one in search.found], search.noisy)


def _search(bus: Bus, search: Search, shell: Shell) -> None:
    """Run the search on the bare port."""
    port = open_port(bus, mono_ms)
    port.open()
    wire, exchanges = Wire(port), exchanges_of(search)
    wire.opened()
    answer: Answer | None = None
    where = ""
    try:
        while True:
            request = next(exchanges) if answer is None else exchanges.send(answer)
            if search.where != where and not shell.json:
                where = search.where
                shell.put(f"  {where} ...")
            port.sleep(request.rest_ms)
            heard = Heard()
            wire.exchange(request.manner, request.exchange, heard)
            answer = heard.answer
    except StopIteration:
        return
    finally:
        port.close()


def _report(outcome: Outcome, shell: Shell) -> None:
    if shell.json:
        shell.data({"found": list(outcome.found), "noisy": list(outcome.noisy)})
    else:
        rows = [
            [str(n), one["protocol"], one["address"], one["line"] or "-", _shown(one, shell)]
            for n, one in enumerate(outcome.found, 1)
        ]
        for line in table(["#", "", "", "", ""], rows)[1:] if rows else ():
            shell.put(line)
        for one in outcome.found:
            if one["profile"] is not None:
                shell.put("\n" + proposal(one, outcome.bus))
    for where in outcome.noisy:
        shell.fault("SBX-CLI-185", line=where)
    if not outcome.found:
        shell.fault("SBX-CLI-186", bus=outcome.bus)


def _shown(one: Mapping[str, Any], shell: Shell) -> str:
    if one["profile"] is None:
        return shell.say("SBX-CLI-187")
    values = (f"{name} {value} {'kW' if name == 'p' else 'V'}" for name, value in one["values"].items())
    return "  ".join([*values, f"({one['profile']})"])
