"""How a search for meters goes, for the person who waits: on a terminal one line that lives, else one now and
then. Each meter is told as it is found, on a line that stays. Silent under ``--json``.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from agent.cli.shell import Shell
from agent.cli.table import folded
from config.quantities import QUANTITIES

LIVE_MS: Final = 200
PLAIN_MS: Final = 15_000
_CLEAR: Final = "\r\x1b[K"  # ECMA-48: carriage return, erase to the end of the line


class Progress:
    """``now``: the monotonic clock in ms."""

    def __init__(self, shell: Shell, now: Callable[[], int]) -> None:
        self._shell = shell
        self._now = now
        self._live = sys.stdout.isatty()
        self._told = 0
        self._due_ms = now()

    def show(self, where: str, asked: int, left_s: float, found: Sequence[Mapping[str, Any]]) -> None:
        """``where``: what is being tried; ``left_s``: if nobody else answers; ``found``: all so far."""
        if self._shell.json:
            return
        for number, one in enumerate(found[self._told :], self._told + 1):
            self.close()
            self._shell.put("  ".join(row(number, one, self._shell)))
        self._told = len(found)
        if self._now() < self._due_ms:
            return
        self._due_ms = self._now() + (LIVE_MS if self._live else PLAIN_MS)
        facts = {"where": where, "asked": asked, "found": len(found), "seconds": round(max(0.0, left_s))}
        line = "  " + self._shell.say("SBX-CLI-201", **facts)
        if self._live:
            width = shutil.get_terminal_size().columns - 1
            sys.stdout.write(_CLEAR + folded(line, width)[0])
            sys.stdout.flush()
        else:
            self._shell.put(line)

    def close(self) -> None:
        """Give the line free for what follows."""
        if self._live and not self._shell.json:
            sys.stdout.write(_CLEAR)
            sys.stdout.flush()


def row(number: int, one: Mapping[str, Any], shell: Shell, known: str = "") -> list[str]:
    """A found meter in words; ``known``: the id under which it is declared, or ""."""
    values = one["values"]
    hidden = ("u_b", "u_ab") if "u_a" in values else ()
    told = [f"{name} {value} {QUANTITIES[name].unit}" for name, value in values.items() if name not in hidden]
    if one["profile"] is not None:
        told.append(one["profile"])
    else:
        told.append(shell.say("SBX-CLI-187" if one["confirmed"] else "SBX-CLI-200"))
    if known:
        told.append(f"({shell.say('SBX-CLI-196', meter=known)})")
    return [str(number), one["protocol"], one["address"], one["line"] or "-", "  ".join(told)]
