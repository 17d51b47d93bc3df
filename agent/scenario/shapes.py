"""The keys that a scenario file has beside those of a site file, and what the site's tables may leave out.

::

    title, title_zh, begin, step_s, near, timeline, expect  the head
    [[order]], [[declaration]]                              as in a file of orders: config.orderfile
    [site], [[bus]], [[meter]], [[uplink]]                  need not be written: see ``filled``

Takes values; judges nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

from config.build import Shape
from config.ruleshapes import RULES
from config.source import Cell, Table
from config.values import Wrong, choice, idents, shown, text, whole

MAX_LINES = 500  # of a timeline, or of what is expected
PROFILE = "scenario"
Tables = Mapping[str, tuple[Table, ...]]


def lines(value: object) -> str:
    """A text of several lines."""
    if not isinstance(value, str):
        raise Wrong("SBX-CFG-020", value=shown(value), example='"""..."""')
    if value.count("\n") > MAX_LINES:
        raise Wrong("SBX-CFG-019", limit=MAX_LINES)
    return value


def kinds(value: object) -> tuple[str, ...]:
    """A list of kinds of rules."""
    return tuple(map(choice(*RULES), idents(value)))


HEAD: Shape = MappingProxyType(
    {
        "title": text,
        "title_zh": text,
        "begin": text,
        "step_s": whole(1, 600),
        "near": kinds,
        "timeline": lines,
        "expect": lines,
    }
)
NEEDED = ("title", "title_zh", "begin", "timeline", "expect")


def filled(tables: Tables, step_s: int, head: Table) -> Tables:
    """The site's tables with all that a scenario need not write: the site, a meter for each point, a bus for
    each meter, an uplink for each that a rule names. What is written stays as it is."""
    site = tables["site"] or (Table("site", head.place, {}),)
    meters = [*tables["meter"], *_meters(tables["point"], tables["meter"])]
    buses = [*tables["bus"], *_named("bus", "bus", meters, tables["bus"])]
    serial = {_text(bus, "id") for bus in buses if _text(bus, "kind") == "serial"}
    uplinks = [*tables["uplink"], *_named("uplinks", "uplink", tables["rule"], tables["uplink"])]
    return {
        **tables,
        "site": tuple(_with(table, {"id": "SCENARIO"}) for table in site),
        "point": tuple(_with(point, {"meter": f"{_text(point, 'id')}-m"}) for point in tables["point"]),
        "meter": tuple(_meter(table, n, step_s, serial) for n, table in enumerate(meters)),
        "bus": tuple(_with(bus, {"kind": "tcp", "host": f"{_text(bus, 'id')}.invalid"}) for bus in buses),
        "uplink": tuple(_with(table, _UPLINK) for table in uplinks),
    }


_UPLINK = MappingProxyType(
    {
        "kind": "mqtt",
        "host": "platform.invalid",
        "ca": "/etc/sitebox/ca.pem",
        "cert": "/etc/sitebox/cert.pem",
        "key": "/etc/sitebox/key.pem",
        "receipts": False,
    }
)


def _meters(points: Iterable[Table], meters: Iterable[Table]) -> Iterator[Table]:
    known = {_text(meter, "id") for meter in meters}
    for point in points:
        name = f"{_text(point, 'id')}-m"
        if "meter" not in point.cells and name not in known:
            known.add(name)
            yield _with(Table("meter", point.place, {}), {"id": name})


def _meter(table: Table, number: int, step_s: int, serial: set[str]) -> Table:
    table = _with(table, {"bus": "b1", "profile": PROFILE, "every_s": max(10, step_s)})
    on_serial = _text(table, "bus") in serial
    table = _with(table, {"protocol": "modbus-rtu" if on_serial else "modbus-tcp"})
    dlt = _text(table, "protocol").startswith("dlt645")
    table = _with(table, {"address": f"{number + 1:012d}" if dlt else str(247 - number)})
    every_s = table.cells["every_s"].value
    slow_s = max(60, every_s) if isinstance(every_s, int) else 60
    return _with(table, {"slow_every_s": slow_s, **({"line": "9600 8N1"} if on_serial else {})})


def _named(key: str, section: str, tables: Iterable[Table], written: Iterable[Table]) -> Iterator[Table]:
    """A table for each that others name, a list or one, and that is not written."""
    known = {_text(table, "id") for table in written}
    for table in tables:
        cell = table.cells.get(key)
        value = "b1" if cell is None and key == "bus" else cell.value if cell is not None else []
        for name in value if isinstance(value, list) else [value]:
            if isinstance(name, str) and name not in known:
                known.add(name)
                yield _with(Table(section, table.place, {}), {"id": name})


def _with(table: Table, defaults: Mapping[str, object]) -> Table:
    added = {key: Cell(value, table.at(key)) for key, value in defaults.items() if key not in table.cells}
    return Table(table.section, table.place, {**table.cells, **added})


def _text(table: Table, key: str) -> str:
    cell = table.cells.get(key)
    return cell.value if cell is not None and isinstance(cell.value, str) else ""
