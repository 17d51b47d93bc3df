"""A search for meters as ``sitebox scan`` runs it: by the daemon that owns the line, else directly.

Ctrl-C ends the search and keeps what was found.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agent.cli.progress import Progress
from agent.cli.shell import Shell
from agent.clock import mono_ms
from agent.control import ask
from agent.errors import AgentError
from agent.proposal import Scanned
from agent.scanning import Wish, doubts, plain, plan_of
from config.profile import Profile
from config.site import Bus
from drivers.ports import PortError, open_port
from drivers.scan import estimate_s
from drivers.scan import run as exchanges_of
from drivers.search import Search
from drivers.wire import Heard, Wire

EX_UNAVAILABLE = 69
LOOK_S = 0.5


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a search gave, from wherever it ran; ``doubts``: its places by reason, as `agent.scanning.doubts`
    tells them; ``stopped``: before its end."""

    scanned: Scanned
    doubts: Mapping[str, Sequence[str]]
    stopped: bool


def by_daemon(place: Bus, wish: Wish, shell: Shell) -> Outcome:
    """Ask the daemon to search, and look on."""
    bus = place.id
    words = {"protocols": list(wish.protocols), "lines": wish.lines, "units": wish.units, "deep": wish.deep}
    begun = ask(shell.paths.socket, "scan", {"bus": bus, **words})
    _begin(bus, begun["seconds"], shell)
    if not shell.json:
        shell.tell(shell.say("SBX-CLI-182", bus=bus, known=", ".join(begun["known"]) or "-"))
    stopped = False
    try:
        seen = _look_on(bus, shell)
    except KeyboardInterrupt:
        ask(shell.paths.socket, "scan-cancel", {"bus": bus})
        seen, stopped = ask(shell.paths.socket, "scan-look", {"bus": bus}), True
    if seen["code"]:
        raise AgentError(seen["code"], EX_UNAVAILABLE, **seen["facts"])
    return Outcome(Scanned(place, tuple(seen["found"])), seen, stopped)


def _begin(bus: str, seconds: float, shell: Shell) -> None:
    if not shell.json:
        shell.tell(shell.say("SBX-CLI-181", bus=bus, seconds=round(seconds)))


def _look_on(bus: str, shell: Shell) -> dict[str, Any]:
    progress, pause = Progress(shell, mono_ms), threading.Event()
    try:
        while True:
            seen = ask(shell.paths.socket, "scan-look", {"bus": bus})
            progress.show(seen["where"], seen["asked"], seen["left_s"], seen["found"])
            if seen["ended"]:
                return seen
            pause.wait(LOOK_S)
    finally:
        progress.close()


def directly(bus: Bus, wish: Wish, profiles: Mapping[str, Profile], shell: Shell) -> Outcome:
    """Search a port that nobody owns."""
    search = Search(plan_of(wish, bus, profiles))
    _begin(bus.id, estimate_s(search.plan), shell)
    stopped = False
    try:
        _search(bus, search, Progress(shell, mono_ms))
    except PortError as error:
        raise AgentError(error.code, EX_UNAVAILABLE, **error.facts) from error
    except KeyboardInterrupt:
        stopped = True
    return Outcome(Scanned(bus, tuple(plain(one) for one in search.found)), doubts(search), stopped)


def _search(bus: Bus, search: Search, progress: Progress) -> None:
    """Run the search on the bare port."""
    port = open_port(bus, mono_ms)
    port.open()
    wire, exchanges = Wire(port), exchanges_of(search)
    wire.opened()
    heard: Heard | None = None
    try:
        while True:
            request = next(exchanges) if heard is None else exchanges.send(heard)
            progress.show(search.where, search.asked, search.ahead_ms / 1000, [*map(plain, search.found)])
            port.sleep(request.rest_ms)
            heard = Heard()
            wire.exchange(request.manner, request.exchange, heard)
    except StopIteration:
        return
    finally:
        progress.close()
        port.close()
