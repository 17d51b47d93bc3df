"""The lines of the site file that declare what a search found, against what the files declare already.

::

    scan ------ Scanned ------> scan.json      the bus by its place, the meters as data
       `-- declare(...) --> shown               `--> config add: declare(...) again, as the files are then

A meter belongs to the declared bus of the same place, links followed; where there is none, its table comes
along. Never an id that is taken. Writes no file of the site.
"""

from __future__ import annotations

import itertools
import json
import os
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from config.profile import Profile, site_ratios
from config.site import Bus, Meter

KEPT: Final = "scan.json"  # in the runtime folder
_LONGEST: Final = 17  # characters of a bus id in a meter's: 12 digits of an address and "-2" have room

Say = Callable[..., str]  # a message code and its facts, in the person's language


@dataclass(frozen=True, slots=True)
class Scanned:
    """Where a search ran and the meters it found, each as ``agent.scanning.plain`` tells it."""

    bus: Bus
    found: tuple[Mapping[str, Any], ...]

    def keep(self, runtime: Path) -> None:
        """For ``sitebox config add N``. Raises OSError."""
        runtime.mkdir(parents=True, exist_ok=True)
        text = json.dumps({"bus": asdict(self.bus), "found": self.found}, ensure_ascii=False)
        (runtime / KEPT).write_text(text, encoding="utf-8")

    @classmethod
    def take(cls, runtime: Path) -> Scanned:
        """The last one kept. Raises OSError, or ValueError for what is none."""
        try:
            whole = json.loads((runtime / KEPT).read_text(encoding="utf-8"))
            return cls(Bus(**whole["bus"]), tuple(whole["found"]))
        except (KeyError, TypeError) as error:
            raise ValueError(error) from error


@dataclass(frozen=True, slots=True)
class Declaring:
    """``bus``: the table to declare it, or "" where it is declared; ``meters``: a table for each found meter,
    or "" where none can be written; ``known``: the id under which it is declared already, or ""."""

    bus: str
    meters: tuple[str, ...]
    known: tuple[str, ...]

    def numbers(self) -> list[int]:
        """What ``config add`` would take, counted from 1."""
        return [n for n, text in enumerate(self.meters, 1) if text]

    def text(self, numbers: Iterable[int]) -> str:
        """The tables of these meters, that of their bus before them."""
        return "\n\n".join(filter(None, (self.bus, *(self.meters[n - 1] for n in numbers))))


def same_place(one: Bus, other: Bus) -> bool:
    """Whether two buses are one line: a port is what its links lead to."""
    if one.port is not None and other.port is not None:
        return os.path.realpath(one.port) == os.path.realpath(other.port)
    return one.port is other.port and (one.host, one.tcp_port) == (other.host, other.tcp_port)


def declared(bus: Bus, buses: Iterable[Bus]) -> Bus | None:
    """The one of ``buses`` at the same place."""
    return next((one for one in buses if same_place(one, bus)), None)


def declare(
    scanned: Scanned,
    site: tuple[Sequence[Bus], Sequence[Meter]],
    profiles: Mapping[str, Profile],
    say: Say,
) -> Declaring:
    """The tables for what was found; ``site``: the buses and meters that the files declare."""
    buses, meters = site
    there = declared(scanned.bus, buses)
    bus = there.id if there else _free(_ident(scanned.bus.id), {one.id for one in buses})
    here = {(one.protocol, one.address): one.id for one in meters if there and one.bus == bus}
    taken = {one.id for one in meters}
    texts, known = [], []
    for one in scanned.found:
        known.append(here.get((one["protocol"], one["address"]), ""))
        profile = profiles.get(one["profile"] or "")
        if known[-1] or profile is None:
            texts.append("")
            continue
        taken.add(name := _free(f"{bus[:_LONGEST]}-{one['address']}", taken))
        texts.append("\n".join(_meter(one, name, bus, profile, say)))
    return Declaring("" if there else _bus(scanned.bus, bus), tuple(texts), tuple(known))


def _bus(bus: Bus, name: str) -> str:
    lines = ["[[bus]]", f'id = "{name}"', f'kind = "{bus.kind}"']
    if bus.port is not None:
        return "\n".join([*lines, f"port = {json.dumps(bus.port, ensure_ascii=False)}"])
    return "\n".join([*lines, f'host = "{bus.host}"', f"port = {bus.tcp_port}"])


def _meter(one: Mapping[str, Any], name: str, bus: str, profile: Profile, say: Say) -> list[str]:
    """Other profiles that fit stand in a comment, and so do the ratios that only a name plate tells."""
    lines = ["[[meter]]", f'id = "{name}"', f'bus = "{bus}"', f'protocol = "{one["protocol"]}"']
    others = f"  # or: {', '.join(one['others'])}" if one["others"] else ""
    lines += [f'address = "{one["address"]}"', f'profile = "{profile.id}"{others}']
    if one["line"] is not None:
        lines.append(f'line = "{one["line"]}"')
    if one.get("timeout_s") is not None:
        lines.append(f"reply_timeout_s = {one['timeout_s']}")
    ratios = [f'# {key} = "{form}"' for key, form in _FORMS.items() if key in site_ratios(profile)]
    return [*lines, *([f"# {say('SBX-CLI-194')}"] if ratios else []), *ratios]


_FORMS: Final = {"ct": "?/5", "pt": "?/100"}  # the file is refused while a ? stands


def _ident(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "-", text).strip("-_")[:_LONGEST] or "bus"


def _free(wanted: str, taken: Collection[str]) -> str:
    names = itertools.chain((wanted,), (f"{wanted}-{number}" for number in itertools.count(2)))
    return next(name for name in names if name not in taken)
