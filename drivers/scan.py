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

from collections.abc import Sequence
from types import MappingProxyType
from typing import Final

from config.site import Line
from drivers import scan645, scanmodbus
from drivers.search import Exchanges, Plan, Search

# Seen in the field, most likely first.
LINES: Final = MappingProxyType(
    {
        "dlt645-2007": ("2400 8E1", "9600 8E1", "4800 8E1", "1200 8E1"),
        "dlt645-1997": ("1200 8E1", "2400 8E1", "9600 8E1"),
        "modbus-rtu": ("9600 8N1", "19200 8E1", "9600 8E1", "19200 8N1", "4800 8N1", "2400 8N1"),
    }
)


def lines_of(
    protocols: Sequence[str], lines: Sequence[Line], *, serial: bool
) -> dict[str, list[Line | None]]:
    """The settings to try for each protocol: those given, else the usual ones."""
    if not serial:
        return {protocol: [None] for protocol in protocols}
    return {p: list(lines) or [Line.parse(text) for text in LINES.get(p, ())] for p in protocols}


def run(search: Search) -> Exchanges:
    """All exchanges of a search, the most likely line of each protocol first."""
    plan = search.plan
    rounds = max((len(lines) for lines in plan.lines.values()), default=0)
    for number in range(rounds):
        for protocol, lines in plan.lines.items():
            if number < len(lines):
                line = lines[number]
                search.where = f"{protocol} {line or ''}".strip()
                part = scan645 if protocol in scan645.KINDS else scanmodbus
                yield from part.search(search, protocol, line)


def estimate_s(plan: Plan) -> float:
    """Seconds for an empty line; each meter found adds a little, each collision much more."""
    total = 0.0
    for protocol, lines in plan.lines.items():
        part = scan645 if protocol in scan645.KINDS else scanmodbus
        total += sum(part.silent_ms(plan, protocol, line) for line in lines)
    return total / 1000
