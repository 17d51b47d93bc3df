"""Finds meters on a line nobody knows: protocols x line settings x addresses, as a generator of exchanges.

::

    search = Search(plan)
    run(search)                                       whoever owns the line
      yield Ask(manner, exchange, rest_ms)  --------> silence, write, collect (a bus, or a bare port)
      answer                                <--------
    search.found grows; closing the generator at any time keeps it

Knows neither time nor port. Sends reading functions only, and asks no address again that it has found.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from types import MappingProxyType
from typing import Final

from config.profile import Profile
from config.protocols import PROTOCOLS
from config.site import Line
from drivers import scan645, scanmodbus
from drivers.search import Exchanges, Plan, Search

# Seen in the field, most likely first. A meter of DL/T 645 has even parity; some were set to none.
_LIKELY: Final = MappingProxyType(
    {
        "dlt645-2007": ("2400 8E1", "9600 8E1", "4800 8E1", "1200 8E1"),
        "dlt645-1997": ("1200 8E1", "2400 8E1", "9600 8E1", "4800 8E1"),
        "modbus-rtu": ("9600 8N1", "19200 8E1", "9600 8E1", "19200 8N1", "4800 8N1", "2400 8N1"),
    }
)
LINES: Final = MappingProxyType(
    {
        protocol: (*lines, *(line.replace("E", "N") for line in lines if protocol != "modbus-rtu"))
        for protocol, lines in _LIKELY.items()
    }
)


def lines_of(
    protocols: Sequence[str],
    lines: Sequence[Line],
    *,
    serial: bool,
    profiles: Iterable[Profile] = (),
) -> dict[str, list[Line | None]]:
    """The settings to try for each protocol: those given, else the usual ones and then what ``profiles`` were
    seen with."""
    if not serial:
        return {protocol: [None] for protocol in protocols}
    seen = [(one.family, text) for one in profiles for text in one.lines]
    known = {p: [text for family, text in seen if family == PROTOCOLS[p].family] for p in protocols}
    return {
        p: list(lines) or [Line.parse(text) for text in dict.fromkeys((*LINES.get(p, ()), *known[p]))]
        for p in protocols
    }


def run(search: Search) -> Exchanges:
    """All exchanges of a search, the most likely line of each protocol first."""
    parts = list(_parts(search.plan))
    after_ms = sum(_silent_ms(search.plan, *part) for part in parts)
    for protocol, line in parts:
        search.where = f"{protocol} {line or ''}".strip()
        search.ahead_ms = after_ms
        after_ms -= _silent_ms(search.plan, protocol, line)
        part = scan645 if protocol in scan645.KINDS else scanmodbus
        yield from part.search(search, protocol, line)
    search.ahead_ms = 0.0


def estimate_s(plan: Plan) -> float:
    """Seconds for an empty line; each meter found adds a little, each collision much more."""
    return sum(_silent_ms(plan, *part) for part in _parts(plan)) / 1000


def _parts(plan: Plan) -> Iterator[tuple[str, Line | None]]:
    """(protocol, line), the most likely line of each protocol first."""
    for number in range(max((len(lines) for lines in plan.lines.values()), default=0)):
        for protocol, lines in plan.lines.items():
            if number < len(lines):
                yield protocol, lines[number]


def _silent_ms(plan: Plan, protocol: str, line: Line | None) -> float:
    if protocol in scan645.KINDS:
        return scan645.silent_ms(plan, protocol, line)
    return scanmodbus.silent_ms(plan, protocol, line)
