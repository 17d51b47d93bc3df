"""A search for meters as words and plain data: what is asked of it and what it found.

::

    sitebox scan ----- words ---> Wish --plan_of--> drivers.search.Plan --> Search
                 <---- data ----- plain(found) <-----------------------------+

The command line runs a search on a bare port, the daemon as an errand of its bus (`Searches`); both take the
same words and give the same data; ``agent.proposal`` makes the lines of it. Nothing here touches a port.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from agent.errors import AgentError
from config.profile import Profile
from config.protocols import PROTOCOLS as SPOKEN
from config.site import Bus, Line, Meter
from drivers.errand import Errand
from drivers.exchange import Answer
from drivers.scan import LINES, estimate_s, lines_of, run
from drivers.search import Ask, Found, Plan, Search

EX_USAGE = 64
PROTOCOLS = (*LINES, "modbus-tcp")
LEASE_MS = 20_000  # a search ends by itself when nobody has asked for it so long
_RANGE = re.compile(r"([0-9]{1,3})(?:-([0-9]{1,3}))?")
_EDITIONS = ("dlt645-2007", "dlt645-1997")  # one address space: a meter is not asked by the other edition


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person asked for, as words; empty means the usual."""

    protocols: tuple[str, ...] = ()
    lines: str = ""  # "2400 8E1,9600 8N1"
    units: str = "1-10"
    deep: bool = False

    @classmethod
    def take(cls, args: Mapping[str, Any]) -> Wish:
        """From the arguments of the control socket. Raises AgentError for words of the wrong kind."""
        protocols, lines, units = args.get("protocols", []), args.get("lines", ""), args.get("units", "1-10")
        known = isinstance(protocols, list) and all(one in PROTOCOLS for one in protocols)
        if not (known and isinstance(lines, str) and isinstance(units, str)):
            raise AgentError("SBX-CTL-001", EX_USAGE)
        return cls(tuple(protocols), lines, units, args.get("deep") is True)


def plan_of(
    wish: Wish,
    bus: Bus,
    profiles: Mapping[str, Profile],
    known: Sequence[Meter] = (),
    *,
    patient: bool = True,
) -> Plan:
    """What to try on ``bus``; meters that are ``known`` are not asked. Raises AgentError (64)."""
    if wish.lines and bus.kind != "serial":
        raise AgentError("SBX-CLI-203", EX_USAGE, bus=bus.id, kind=bus.kind)
    for protocol in wish.protocols:
        kinds = SPOKEN[protocol].kinds
        if bus.kind not in kinds:
            raise AgentError("SBX-CLI-199", EX_USAGE, protocol=protocol, kind=bus.kind, kinds=" ".join(kinds))
    usual = [protocol for protocol in PROTOCOLS if bus.kind in SPOKEN[protocol].kinds]
    serial = bus.kind == "serial"
    seen = profiles.values()
    return Plan(
        lines=lines_of(wish.protocols or usual, _lines(wish.lines), serial=serial, profiles=seen),
        profiles=profiles,
        units=_units(wish.units),
        known=frozenset(pair for meter in known for pair in _names(meter)),
        deep=wish.deep,
        patient=patient,
    )


def _names(meter: Meter) -> list[tuple[str, str]]:
    protocols = _EDITIONS if meter.protocol in _EDITIONS else (meter.protocol,)
    return [(protocol, meter.address) for protocol in protocols]


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


def plain(one: Found) -> dict[str, Any]:
    """A found meter as data: decimal strings, the line as people write it."""
    values = {sample.quantity: f"{sample.value:f}" for sample in one.values if sample.value is not None}
    return {
        **asdict(one),
        "others": list(one.others),
        "line": str(one.line) if one.line else None,
        "values": values,
    }


def doubts(search: Search) -> dict[str, list[str]]:
    """Where a search heard somebody and could not say who, by the reason."""
    return {"noisy": list(search.noisy), "unclear": list(search.unclear), "nameless": list(search.nameless)}


@dataclass(slots=True)
class _Running:
    search: Search
    errand: Errand
    estimate_s: float


class Searches:
    """The searches that the daemon runs, one a bus at a time. Any thread."""

    def __init__(self) -> None:
        self._running: dict[str, _Running] = {}
        self._lock = threading.Lock()

    def begin(self, bus: str, plan: Plan, send: Callable[[Errand], None], mono_ms: int) -> float:
        """Start one; gives its estimate in seconds. Raises AgentError while another runs there."""
        with self._lock:
            before = self._running.get(bus)
            if before is not None and not before.errand.ended:
                raise AgentError("SBX-CLI-189", 69, bus=bus)
            search = Search(plan)
            errand = Errand(_exchanges(search), mono_ms + LEASE_MS)
            self._running[bus] = _Running(search, errand, estimate_s(plan))
        send(errand)
        return self._running[bus].estimate_s

    def look(self, bus: str, mono_ms: int) -> dict[str, Any]:
        """How it goes; asking keeps it alive."""
        running = self._get(bus)
        running.errand.renew(mono_ms + LEASE_MS)
        fault = running.errand.fault
        return {
            "where": running.search.where,
            "asked": running.search.asked,
            "found": [plain(one) for one in tuple(running.search.found)],
            **doubts(running.search),
            "left_s": running.search.ahead_ms / 1000,
            "ended": running.errand.ended,
            "code": "" if fault is None else fault.code,
            "facts": {} if fault is None else dict(fault.facts),
        }

    def cancel(self, bus: str) -> None:
        """End it; what it found can still be looked at."""
        self._get(bus).errand.cancel()

    def _get(self, bus: str) -> _Running:
        with self._lock:
            running = self._running.get(bus)
        if running is None:
            raise AgentError("SBX-CLI-190", 69, bus=bus)
        return running


def _exchanges(search: Search) -> Generator[Ask, Answer, None]:
    yield from run(search)
