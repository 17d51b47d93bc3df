"""``sitebox scan``: find the meters on a line, over protocols, line settings and addresses.

Works on the port itself, so no daemon may own it: one that does is named, and nothing is opened. Sends
reading requests only. Ctrl-C keeps what was found; each meter comes with the lines that declare it.
"""

from __future__ import annotations

import argparse
import json
import os
import re
from dataclasses import asdict
from typing import Any

from agent.accepted import accept, read
from agent.cli.shell import Shell
from agent.cli.table import table
from agent.clock import mono_ms
from agent.control import ask
from agent.errors import AgentError
from config.errors import ConfigInvalid
from config.folder import Files
from config.profile import Profile
from config.profiles import builtin_profiles, take_profiles
from config.site import Bus, Line
from drivers.exchange import Answer
from drivers.ports import PortError, open_port
from drivers.samples import Sample
from drivers.scan import LINES, estimate_s, lines_of
from drivers.scan import run as exchanges_of
from drivers.search import Found, Plan, Search
from drivers.wire import Heard, Wire

VERB = "scan"
ORDER = 33
HELP = "SBX-CLI-180"
EX_USAGE = 64
EX_UNAVAILABLE = 69
EX_CONFIG = 78
KEPT = "scan.json"  # in the runtime folder
PROTOCOLS = (*LINES, "modbus-tcp")
_RANGE = re.compile(r"([0-9]{1,3})(?:-([0-9]{1,3}))?")


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


def run(args: argparse.Namespace, shell: Shell) -> int:
    """0: meters were found, 1: none; 69 when a daemon owns the port or it cannot be opened."""
    bus = _bus(args, shell)
    _refuse_owned(bus, shell)
    serial = bus.kind == "serial"
    usual = ["modbus-tcp"] if bus.kind == "tcp" else list(LINES)
    plan = Plan(
        lines=lines_of(args.protocol or usual, _lines(args.line), serial=serial),
        profiles=_profiles(shell),
        units=_units(args.addresses),
        deep=args.deep,
    )
    if not shell.json:
        shell.tell(shell.say("SBX-CLI-181", bus=bus.id, seconds=round(estimate_s(plan))))
    search = Search(plan)
    try:
        _search(bus, search, shell)
    except PortError as error:
        raise AgentError(error.code, EX_UNAVAILABLE, **error.facts) from error
    except KeyboardInterrupt:  # what was found so far counts
        pass
    _report(bus, search, shell)
    _keep(bus, search, shell)
    return 0 if search.found else 1


def _keep(bus: Bus, search: Search, shell: Shell) -> None:
    """For ``sitebox config add N``: the lines of each meter, in the order of their numbers."""
    texts = ["" if one.profile is None else proposal(one, bus.id) for one in search.found]
    path = shell.paths.runtime / KEPT
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(texts), encoding="utf-8")
    except OSError as error:
        shell.fault("SBX-CLI-188", reason=error)


def _bus(args: argparse.Namespace, shell: Shell) -> Bus:
    if args.port:
        return Bus(id=os.path.basename(args.port), kind="serial", port=args.port)
    config = accept(shell.paths.config, shell.paths.accepted, keep=False).loaded.config
    for bus in config.buses:
        if bus.id == args.bus:
            return bus
    raise AgentError("SBX-BUS-010", EX_USAGE, bus=args.bus)


def _refuse_owned(bus: Bus, shell: Shell) -> None:
    """Two users of one line garble each other."""
    try:
        owned = ask(shell.paths.socket, "buses")["buses"]
    except AgentError as error:
        if error.code != "SBX-CTL-010":
            raise
        return
    for one in owned:
        same = (one["host"], one["tcp_port"]) == (bus.host, bus.tcp_port)
        if bus.port is not None:
            same = one["port"] is not None and os.path.realpath(one["port"]) == os.path.realpath(bus.port)
        if same:
            raise AgentError("SBX-CLI-182", EX_UNAVAILABLE, port=bus.port or bus.host, bus=one["id"])


def _profiles(shell: Shell) -> dict[str, Profile]:
    try:
        own: Files = read(shell.paths.config)[1] if (shell.paths.config / "profiles").is_dir() else []
        return {**builtin_profiles(), **take_profiles(own)}
    except ConfigInvalid as invalid:
        raise AgentError("SBX-CFG-902", EX_CONFIG, count=len(invalid.problems)) from invalid


def _lines(text: str) -> list[Line]:
    try:
        return [Line.parse(word.strip()) for word in text.split(",") if word.strip()]
    except ValueError as error:
        raise AgentError("SBX-CLI-183", EX_USAGE, text=error) from error


def _units(text: str) -> tuple[int, ...]:
    units: list[int] = []
    for word in text.split(","):
        found = _RANGE.fullmatch(word.strip())
        first, last = (int(found[1]), int(found[2] or found[1])) if found else (0, 0)
        if not 1 <= first <= last <= 247:
            raise AgentError("SBX-CLI-184", EX_USAGE, text=word)
        units += range(first, last + 1)
    return tuple(dict.fromkeys(units))


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


def _report(bus: Bus, search: Search, shell: Shell) -> None:
    if shell.json:
        shell.data({"found": [_plain(one) for one in search.found], "noisy": search.noisy})
    else:
        rows = [
            [str(n), one.protocol, one.address, str(one.line or "-"), _shown(one, shell)]
            for n, one in enumerate(search.found, 1)
        ]
        for line in table(["#", "", "", "", ""], rows)[1:] if rows else ():
            shell.put(line)
        for one in search.found:
            if one.profile is not None:
                shell.put("\n" + proposal(one, bus.id))
    for where in search.noisy:
        shell.fault("SBX-CLI-185", line=where)
    if not search.found:
        shell.fault("SBX-CLI-186", bus=bus.id)


def _shown(one: Found, shell: Shell) -> str:
    if one.profile is None:
        return shell.say("SBX-CLI-187")
    return "  ".join([*map(_value, (s for s in one.values if s.value is not None)), f"({one.profile})"])


def _value(sample: Sample) -> str:
    unit = "kW" if sample.quantity == "p" else "V"
    return f"{sample.quantity} {sample.value} {unit}"


def _plain(one: Found) -> dict[str, Any]:
    values = {sample.quantity: f"{sample.value:f}" for sample in one.values if sample.value is not None}
    return {**asdict(one), "line": str(one.line) if one.line else None, "values": values}


def proposal(one: Found, bus: str) -> str:
    """The table of the site file that declares a found meter; other profiles that fit stand in a comment."""
    lines = [f'id = "meter-{one.address}"', f'bus = "{bus}"', f'protocol = "{one.protocol}"']
    others = f"  # or: {', '.join(one.others)}" if one.others else ""
    lines += [f'address = "{one.address}"', f'profile = "{one.profile}"{others}']
    if one.line is not None:
        lines.append(f'line = "{one.line}"')
    return "\n".join(["[[meter]]", *lines])
