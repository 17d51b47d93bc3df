"""From merged tables to the site's frozen values, section by section, and the ids that were declared.

A table with a mistake is left out, yet its id stays known: one mistake is reported once, not again by
everything that refers to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from config.build import Shape, build, has_all, take_cells
from config.protocols import PROTOCOLS
from config.rulekinds import Rule
from config.ruleshapes import RULES
from config.shapes import (
    ISSUER,
    JOURNAL,
    METER,
    NETWORK_BUS,
    NOTIFIES,
    POINT,
    POWER,
    SERIAL_BUS,
    SHIFT,
    SITE,
    UPLINK,
)
from config.site import Bus, Issuer, Journal, Meter, Notify, Point, Power, Shift, Site, Uplink
from config.source import Place, Problems, Table
from config.suggest import nearest
from config.values import Taker, Wrong, shown, text

T = TypeVar("T")
_BUS_KINDS = ("serial", "tcp", "rtu-over-tcp")


@dataclass(frozen=True, slots=True)
class Parts:
    """What was built. ``tables`` are all tables as written, sound or not."""

    site: Site | None
    journal: Journal | None
    buses: tuple[Bus, ...]
    meters: tuple[Meter, ...]
    points: tuple[Point, ...]
    rules: tuple[Rule, ...]
    uplinks: tuple[Uplink, ...]
    shifts: tuple[Shift, ...]
    notify: tuple[Notify, ...]
    power: Power | None
    issuers: tuple[Issuer, ...]
    tables: Mapping[str, tuple[Table, ...]]

    def declared(self, section: str) -> frozenset[str]:
        """Ids written in a section, also of tables that have mistakes."""
        cells = (table.cells.get("id") for table in self.tables[section])
        return frozenset(cell.value for cell in cells if cell is not None and isinstance(cell.value, str))

    def place(self, section: str, identity: str, key: str) -> Place:
        """Where a key of a declared table stands, or would stand."""
        for table in self.tables[section]:
            cell = table.cells.get("id")
            if cell is not None and cell.value == identity:
                return table.at(key)
        raise KeyError((section, identity))


def build_parts(tables: Mapping[str, tuple[Table, ...]], problems: Problems) -> Parts:
    """Take every table; mistakes are noted, never raised."""
    journal, power = tables["journal"], tables["power"]
    return Parts(
        site=next((build(Site, SITE, table, problems) for table in tables["site"]), None),
        journal=build(Journal, JOURNAL, journal[0], problems) if journal else Journal(),
        buses=_kept(_bus(table, problems) for table in tables["bus"]),
        meters=_kept(_meter(table, problems) for table in tables["meter"]),
        points=_kept(build(Point, POINT, table, problems) for table in tables["point"]),
        rules=_kept(_by_kind(RULES, table, problems) for table in tables["rule"]),
        uplinks=_kept(build(Uplink, UPLINK, table, problems) for table in tables["uplink"]),
        shifts=_kept(build(Shift, SHIFT, table, problems) for table in tables["shift"]),
        notify=_kept(_by_kind(NOTIFIES, table, problems) for table in tables["notify"]),
        power=build(Power, POWER, power[0], problems) if power else Power(),
        issuers=_kept(build(Issuer, ISSUER, table, problems) for table in tables["issuer"]),
        tables=tables,
    )


def _kept(built: Iterable[T | None]) -> tuple[T, ...]:
    return tuple(part for part in built if part is not None)


def _written(table: Table, key: str) -> object:
    cell = table.cells.get(key)
    return cell.value if cell else None


def _bus(table: Table, problems: Problems) -> Bus | None:
    kind = _written(table, "kind")
    shape, other = (SERIAL_BUS, NETWORK_BUS) if kind == "serial" else (NETWORK_BUS, SERIAL_BUS)
    if kind not in _BUS_KINDS:  # port could be either: judge it when the kind is known
        shape = {**NETWORK_BUS, "port": lambda value: value}
    foreign = [key for key in table.cells if key in other and key not in shape]
    for key in foreign:
        problems.add("SBX-CFG-057", table.at(key), wrong=key, kind=kind)
    cells = {key: cell for key, cell in table.cells.items() if key not in foreign}
    taken, sound = take_cells(shape, Table(table.section, table.place, cells), problems)
    needed = {"serial": ("port",), "tcp": ("host",), "rtu-over-tcp": ("host",)}.get(
        kind if isinstance(kind, str) else "", ()
    )
    if not has_all(("id", "kind", *needed), table, problems) or not sound or foreign:
        return None
    if kind != "serial" and "port" in taken:
        taken["tcp_port"] = taken.pop("port")
    return Bus(**taken)


def _meter(table: Table, problems: Problems) -> Meter | None:
    protocol = _written(table, "protocol")
    shape: Shape = METER
    if isinstance(protocol, str) and protocol in PROTOCOLS:
        shape = {**METER, "address": _address(protocol)}
    return build(Meter, shape, table, problems)


def _address(name: str) -> Taker:
    protocol = PROTOCOLS[name]

    def take(value: object) -> str:
        example = f'"{protocol.address_example(value)}"'
        if not isinstance(value, str):
            raise Wrong("SBX-CFG-020", value=shown(value), example=example)
        taken = text(value)
        if not protocol.address_ok(taken):
            raise Wrong("SBX-CFG-040", value=taken, protocol=name, form=protocol.addresses, example=example)
        return taken

    return take


def _by_kind(kinds: Mapping[str, tuple[type[T], Shape]], table: Table, problems: Problems) -> T | None:
    """A table whose key ``kind`` says which other keys it has."""
    kind = _written(table, "kind")
    if kind is None:
        problems.add("SBX-CFG-013", table.place, missing="kind")
        return None
    if not isinstance(kind, str) or kind not in kinds:
        problems.add(
            "SBX-CFG-041",
            table.at("kind"),
            value=kind if isinstance(kind, str) else shown(kind),
            near=nearest(kind if isinstance(kind, str) else "", kinds),
        )
        return None
    cls, shape = kinds[kind]
    return build(cls, shape, table, problems)
