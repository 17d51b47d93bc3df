"""``sitebox trace [BUS]``: every frame on a bus, decoded in one line, live through the daemon.

The daemon keeps the frames in a ring and goes on whether anybody reads or not. ``>`` sent, ``<`` taken as the
reply, ``?`` heard and not taken. ``--file`` writes each frame as one JSON object a line as well.
"""

from __future__ import annotations

import argparse
import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from agent.cli.parsing import said
from agent.cli.shell import Shell
from agent.clock import mono_ms
from agent.control import ask
from agent.errors import AgentError
from agent.oneline import one_line

VERB = "trace"
ORDER = 32
HELP = "SBX-CLI-170"
EX_USAGE = 64
PULSE_S = 0.25  # between two questions to the daemon
HEX_SHOWN = 24  # bytes of a frame on the screen; all of them with --json and in the file


def add(parser: argparse.ArgumentParser) -> None:
    """The bus (none: all), for how many seconds (none: until Ctrl-C), and a file for JSON lines."""
    parser.add_argument("bus", metavar="BUS", nargs="?", help=said(parser, "SBX-CLI-218"))
    seconds = said(parser, "SBX-CLI-219")
    parser.add_argument("--for", dest="seconds", metavar="S", type=float, help=seconds)
    parser.add_argument("--file", metavar="PATH", type=Path, help=said(parser, "SBX-CLI-220"))


def run(args: argparse.Namespace, shell: Shell) -> int:
    """0: frames were seen, 1: none; 64 for a bus that is not there, 69 without a daemon."""
    if args.seconds is not None and not args.seconds > 0:
        raise AgentError("SBX-CLI-173", EX_USAGE, seconds=args.seconds)
    buses = [args.bus] if args.bus else [bus["id"] for bus in ask(shell.paths.socket, "buses")["buses"]]
    seen = 0
    with ExitStack() as stack:
        file = stack.enter_context(args.file.open("a", encoding="utf-8")) if args.file else None
        show = _Printer(shell, file)
        try:
            for bus, frame in _watch(shell, buses, args.seconds):
                seen += 1
                show.frame(bus, frame)
        except KeyboardInterrupt:  # the usual end of watching
            pass
    if not seen:
        shell.fault("SBX-CLI-172", bus=", ".join(buses))
    return 0 if seen else 1


def _watch(shell: Shell, buses: list[str], seconds: float | None) -> Iterator[tuple[str, dict[str, Any]]]:
    """Frames of these buses from now on."""
    socket = shell.paths.socket
    behind = {bus: ask(socket, "trace", {"bus": bus, "after": -1})["next"] for bus in buses}
    end = None if seconds is None else mono_ms() + seconds * 1000
    pause = threading.Event()
    while end is None or mono_ms() < end:
        found = 0
        for bus in buses:
            answer = ask(socket, "trace", {"bus": bus, "after": behind[bus]})
            behind[bus] = answer["next"]
            found += len(answer["frames"])
            if answer["lost"]:
                shell.complain(
                    f"{shell.tag('warn')} {shell.say('SBX-CLI-171', bus=bus, count=answer['lost'])}"
                )
            yield from ((bus, frame) for frame in answer["frames"])
        if not found:
            pause.wait(PULSE_S)


class _Printer:
    """Writes frames; remembers the last request of each bus, because it explains the reply."""

    def __init__(self, shell: Shell, file: IO[str] | None) -> None:
        self._shell = shell
        self._file = file
        self._asked: dict[str, bytes] = {}

    def frame(self, bus: str, frame: dict[str, Any]) -> None:
        data = bytes.fromhex(frame["hex"])
        told = one_line(data, b"" if frame["way"] == ">" else self._asked.get(bus, b""))
        if frame["way"] == ">":
            self._asked[bus] = data
        line = json.dumps({"bus": bus, **frame, "text": told}, ensure_ascii=False)
        if self._file is not None:
            self._file.write(line + "\n")
            self._file.flush()
        if self._shell.json:
            self._shell.put(line)
            return
        self._shell.put(f"{clock(frame['time'])} {bus} {frame['way']} {frame['meter']}  {told}")
        self._shell.put(f"             {hexes(data)}")


def clock(utc_ms: int) -> str:
    """Local time of day with milliseconds."""
    return datetime.fromtimestamp(utc_ms / 1000).astimezone().strftime("%H:%M:%S.%f")[:-3]


def hexes(data: bytes, most: int = HEX_SHOWN) -> str:
    """The bytes in hex, cut at ``most`` with how many more there are."""
    more = f" +{len(data) - most}" if len(data) > most else ""
    return data[:most].hex(" ") + more
