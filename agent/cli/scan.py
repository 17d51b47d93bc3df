"""``sitebox scan``: find the meters on a line, over protocols, line settings and addresses.

A line of the running daemon is searched by the daemon itself, in the free moments between its polls; any
other port directly. Sends reading requests only. Ctrl-C keeps what was found; each meter comes with the
lines that declare it.
"""

from __future__ import annotations

import argparse
import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agent.accepted import ConfigRefusedError, accept, read
from agent.cli.shell import Shell
from agent.cli.table import table
from agent.clock import mono_ms
from agent.control import ask
from agent.errors import AgentError
from agent.proposal import Declaring, Scanned, declare, declared, same_place
from agent.scanning import PROTOCOLS, Wish, doubts, plain, plan_of
from config.errors import ConfigInvalid
from config.folder import Files
from config.profile import Profile
from config.profiles import builtin_profiles, take_profiles
from config.quantities import QUANTITIES
from config.site import Bus, SiteConfig
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

    scanned: Scanned
    doubts: Mapping[str, Sequence[str]]


def run(args: argparse.Namespace, shell: Shell) -> int:
    """0: meters were found, 1: none; 69 when the port cannot be opened or another search runs there."""
    wish = Wish(tuple(args.protocol or ()), args.line, args.addresses, args.deep)
    site = _site(shell)
    bus, owned = _bus(args, site, shell)
    outcome = _by_daemon(bus, wish, shell) if owned else _directly(bus, wish, shell)
    parts = ((), ()) if site is None else (site.buses, site.meters)
    _report(outcome, declare(outcome.scanned, parts, _profiles(shell), shell.say), shell)
    try:
        outcome.scanned.keep(shell.paths.runtime)
    except OSError as error:
        shell.fault("SBX-CLI-188", reason=error)
    return 0 if any(one["confirmed"] for one in outcome.scanned.found) else 1


def _site(shell: Shell) -> SiteConfig | None:
    """What the files declare, or the last good ones; None on a box that never had any."""
    try:
        return accept(shell.paths.config, shell.paths.accepted, keep=False).loaded.config
    except ConfigRefusedError:
        return None


def _bus(args: argparse.Namespace, site: SiteConfig | None, shell: Shell) -> tuple[Bus, bool]:
    """The bus that is meant, and whether the daemon owns it: two users of a line would garble each other."""
    buses = () if site is None else site.buses
    owned = _owned(shell)
    if args.port:
        port = os.path.abspath(args.port)
        meant = Bus(id=os.path.basename(port), kind="serial", port=port)
        meant = declared(meant, buses) or meant
    else:
        known = next((one for one in (*owned, *buses) if one.id == args.bus), None)
        if known is None:
            raise AgentError("SBX-BUS-010", EX_USAGE, bus=args.bus)
        meant = known
    one = next((one for one in owned if same_place(one, meant)), None)
    return (meant, False) if one is None else (one, True)


def _owned(shell: Shell) -> tuple[Bus, ...]:
    """The buses of the running daemon; none without one."""
    try:
        return tuple(Bus(**one) for one in ask(shell.paths.socket, "buses")["buses"])
    except AgentError as error:
        if error.code != "SBX-CTL-010":
            raise
        return ()


def _profiles(shell: Shell) -> dict[str, Profile]:
    try:
        own: Files = read(shell.paths.config)[1] if (shell.paths.config / "profiles").is_dir() else []
        return {**builtin_profiles(), **take_profiles(own)}
    except ConfigInvalid as invalid:
        raise AgentError("SBX-CFG-902", EX_CONFIG, count=len(invalid.problems)) from invalid


def _by_daemon(place: Bus, wish: Wish, shell: Shell) -> Outcome:
    """Ask the daemon to search, and look on."""
    bus = place.id
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
    return Outcome(Scanned(place, tuple(seen["found"])), {name: seen.get(name, []) for name in _DOUBTS})


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
    return Outcome(Scanned(bus, tuple(plain(one) for one in search.found)), doubts(search))


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


def _report(outcome: Outcome, lines: Declaring, shell: Shell) -> None:
    scanned = outcome.scanned
    if shell.json:
        shell.data({"bus": scanned.bus.id, "found": list(scanned.found), **outcome.doubts})
    else:
        _show(scanned, lines, shell)
    for name, code in _DOUBTS.items():
        for where in outcome.doubts[name]:
            shell.fault(code, line=where)
    if not scanned.found and not any(outcome.doubts.values()):
        shell.fault("SBX-CLI-186", bus=scanned.bus.id)


_DOUBTS = {"noisy": "SBX-CLI-185", "unclear": "SBX-CLI-197", "nameless": "SBX-CLI-198"}


def _show(scanned: Scanned, lines: Declaring, shell: Shell) -> None:
    """The meters with their numbers, the lines that declare them, and how to add these."""
    rows = [
        [str(n), one["protocol"], one["address"], one["line"] or "-", _shown(one, known, shell)]
        for n, (one, known) in enumerate(zip(scanned.found, lines.known, strict=True), 1)
    ]
    for line in table(["#", "", "", "", ""], rows)[1:] if rows else ():
        shell.put(line)
    numbers = lines.numbers()
    if numbers:
        shell.put("\n" + lines.text(numbers) + "\n")
        shell.tell(shell.say("SBX-CLI-195", numbers=" ".join(map(str, numbers))))


def _shown(one: Mapping[str, Any], known: str, shell: Shell) -> str:
    declared_as = f"  ({shell.say('SBX-CLI-196', meter=known)})" if known else ""
    if one["profile"] is None:
        return shell.say("SBX-CLI-187" if one["confirmed"] else "SBX-CLI-200") + declared_as
    values = (f"{name} {value} {QUANTITIES[name].unit}" for name, value in one["values"].items())
    return "  ".join([*values, f"({one['profile']})"]) + declared_as
