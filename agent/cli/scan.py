"""``sitebox scan``: find the meters on a line, over protocols, line settings and addresses.

A line of the running daemon is searched by the daemon itself, in the free moments between its polls; any
other port directly. Sends reading requests only. Ctrl-C keeps what was found; each meter comes with the
lines that declare it.
"""

from __future__ import annotations

import argparse
import os

from agent.accepted import ConfigRefusedError, accept, read
from agent.cli.parsing import said
from agent.cli.progress import row
from agent.cli.seek import Outcome, by_daemon, directly
from agent.cli.shell import Shell
from agent.cli.table import table
from agent.control import ask
from agent.errors import AgentError
from agent.proposal import Declaring, Scanned, declare, declared, same_place
from agent.scanning import PROTOCOLS, Wish
from config.errors import ConfigInvalid
from config.folder import Files
from config.profile import Profile
from config.profiles import builtin_profiles, take_profiles
from config.site import Bus, SiteConfig

VERB = "scan"
ORDER = 33
HELP = "SBX-CLI-180"
EX_USAGE = 64
EX_CONFIG = 78


def add(parser: argparse.ArgumentParser) -> None:
    """A declared bus or a device; which protocols, line settings and Modbus units to try. ``--deep`` asks
    each unit for every known model's registers."""
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--bus", metavar="ID", help=said(parser, "SBX-CLI-210"))
    where.add_argument("--port", metavar="PATH", help=said(parser, "SBX-CLI-211"))
    protocol = said(parser, "SBX-CLI-212")
    parser.add_argument("--protocol", choices=PROTOCOLS, action="append", help=protocol)
    lines = said(parser, "SBX-CLI-213")
    parser.add_argument("--line", metavar='"2400 8E1,9600 8N1"', default="", help=lines)
    parser.add_argument("--addresses", metavar="1-10", default="1-10", help=said(parser, "SBX-CLI-214"))
    parser.add_argument("--deep", action="store_true", help=said(parser, "SBX-CLI-215"))


def run(args: argparse.Namespace, shell: Shell) -> int:
    """0: meters were found, 1: none; 69 when the port cannot be opened or another search runs there."""
    wish = Wish(tuple(args.protocol or ()), args.line, args.addresses, args.deep)
    site = _site(shell)
    bus, owned = _bus(args, site, shell)
    profiles = _profiles(shell)
    outcome = by_daemon(bus, wish, shell) if owned else directly(bus, wish, profiles, shell)
    parts = ((), ()) if site is None else (site.buses, site.meters)
    _report(outcome, declare(outcome.scanned, parts, profiles, shell.say), shell)
    return 0 if any(one["confirmed"] for one in outcome.scanned.found) else 1


def _site(shell: Shell) -> SiteConfig | None:
    """What the files declare, or the last good ones; None on a box that never had any."""
    try:
        return accept(shell.paths.config, shell.paths.accepted).loaded.config
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


def _report(outcome: Outcome, lines: Declaring, shell: Shell) -> None:
    scanned = outcome.scanned
    kept = _kept(scanned, shell)
    if shell.json:
        told = {name: list(outcome.doubts[name]) for name in _DOUBTS}
        shell.data({"bus": scanned.bus.id, "found": scanned.found, **told, "stopped": outcome.stopped})
    else:
        _show(scanned, lines, shell, kept)
    for name, code in _DOUBTS.items():
        for where in outcome.doubts[name]:
            shell.fault(code, line=where)
    if outcome.stopped:
        shell.warn("SBX-CLI-202", bus=scanned.bus.id)
    elif not scanned.found and not any(outcome.doubts[name] for name in _DOUBTS):
        shell.fault("SBX-CLI-186", bus=scanned.bus.id)


_DOUBTS = {"noisy": "SBX-CLI-185", "unclear": "SBX-CLI-197", "nameless": "SBX-CLI-198"}


def _kept(scanned: Scanned, shell: Shell) -> bool:
    """For ``config add``; False, and said, where that would add an older scan."""
    try:
        scanned.keep(shell.paths.runtime)
    except OSError as error:
        shell.fault("SBX-CLI-188", reason=error)
        return False
    return True


def _show(scanned: Scanned, lines: Declaring, shell: Shell, kept: bool) -> None:
    """The meters with their numbers, the lines that declare them, and how to add these if they are kept."""
    rows = [
        row(n, one, shell, known)
        for n, (one, known) in enumerate(zip(scanned.found, lines.known, strict=True), 1)
    ]
    for line in table(["#", "", "", "", ""], rows)[1:] if rows else ():
        shell.put(line)
    numbers = lines.numbers()
    if numbers:
        shell.put("\n" + lines.text(numbers) + "\n")
    if numbers and kept:
        shell.tell(shell.say("SBX-CLI-195", numbers=" ".join(map(str, numbers))))
