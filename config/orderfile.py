"""Orders and declarations as written, in a file or in a command: every mistake at once, with its line.

::

    [[order]]
    id = "2026-031"
    kind = "limit"
    from = "2026-11-25 24:00"            in the plant's zone; hour 24 is the next day's 00:00
    to = "2026-11-28 24:00"
    points = ["kiln"]
    reduce_percent = "30"

Takes values and judges them against what the box knows; executes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from zoneinfo import ZoneInfo

from config.build import Shape, has_all, take_cells
from config.errors import ConfigInvalid
from config.merge import Sections, merge
from config.orderchecks import contradicted, cut
from config.orders import LOCAL, Declaration, Order
from config.ordershapes import DECLARATION, ORDER, in_command, in_file, in_ms
from config.site import Point
from config.source import Cell, Place, Problems, Table, parse
from config.suggest import nearest

MAX_FILE = 20 * 1024  # bytes: what passes the control socket in one line
SECTIONS = Sections(single=(), arrays=("order", "declaration"))
OBJECT_LINE = 8  # of a command's object, for messages
_MEASURES = ("reduce_percent", "limit_kw", "limit_kwh")


@dataclass(frozen=True, slots=True)
class Ground:
    """What is written is judged against: the plant, what is in force or was, and the time. ``orders``: those
    that hold or will; ``replaced``: ids of those whose place another has taken; ``used``: every id of an
    order or declaration there ever was; ``who`` declares."""

    points: tuple[Point, ...]
    zone: ZoneInfo
    now_ms: int
    orders: tuple[Order, ...] = ()
    replaced: frozenset[str] = field(default_factory=frozenset)
    used: frozenset[str] = field(default_factory=frozenset)
    who: str = ""

    def beside(self, order: Order) -> Ground:
        """The same with one more order taken in."""
        cuts = (cut(other, order.from_ms) if other.id == order.replaces else other for other in self.orders)
        gone = self.replaced if order.replaces is None else self.replaced | {order.replaces}
        return replace(self, orders=(*(one for one in cuts if one), order), replaced=gone)


Sheet = tuple[tuple[Order, ...], tuple[Declaration, ...]]


def named(source: str, identity: str) -> str:
    """The id by which the box knows it: issuers cannot take each other's, ``city/2026-031``."""
    return identity if source == LOCAL else f"{source}/{identity}"


def take_file(name: str, data: bytes, ground: Ground) -> Sheet:
    """All orders and declarations of a file, as given by somebody at the box. Raises ConfigInvalid."""
    problems = Problems()
    if len(data) > MAX_FILE:
        problems.add("SBX-ORD-025", Place(name, 0, ""), limit=MAX_FILE)
        raise ConfigInvalid(problems.all())
    tree = parse(name, data, problems)
    tables = merge([tree] if tree else [], SECTIONS, problems)
    orders: list[Order] = []
    for table in tables["order"]:
        order = take_order(table, in_file(ORDER, ground.zone), LOCAL, ground, problems)
        if order is not None:
            orders.append(order)
            ground = ground.beside(order)
    shape = in_file(DECLARATION, ground.zone)
    found = [take_declaration(table, shape, LOCAL, ground, problems) for table in tables["declaration"]]
    if tree is not None and not any(tables.values()) and not problems.all():
        problems.add("SBX-ORD-021", Place(name, 0, ""))
    if problems.all():
        raise ConfigInvalid(problems.all())
    return tuple(orders), tuple(one for one in found if one is not None)


def take_object(section: str, place: Place, value: Mapping[str, Any], source: str, ground: Ground) -> Sheet:
    """The same of a command's object; ``section`` is order or declaration. Raises ConfigInvalid."""
    problems = Problems()
    table = as_table(section, place, value)
    orders, declarations = [], []
    if section == "order":
        orders = [take_order(table, in_command(ORDER), source, ground, problems)]
    else:
        declarations = [take_declaration(table, in_command(DECLARATION), source, ground, problems)]
    if problems.all():
        raise ConfigInvalid(problems.all())
    return tuple(one for one in orders if one), tuple(one for one in declarations if one)


def as_table(section: str, place: Place, values: Mapping[str, object], prefix: str = "") -> Table:
    """Values that came by another way than a file, as a table whose keys all stand at one place."""
    cells = {
        key: Cell(value, Place(place.file, place.line, f"{prefix}{key}")) for key, value in values.items()
    }
    return Table(section, place, cells)


def take_order(table: Table, shape: Shape, source: str, ground: Ground, problems: Problems) -> Order | None:
    """The order of a table, judged; None after a mistake that hides it."""
    taken = _taken(table, shape, ("from",), problems)
    _known_points(table, ground, problems)
    if taken is None:
        return None
    taken["id"] = named(source, str(taken["id"]))
    if "replaces" in taken:
        taken["replaces"] = named(source, str(taken["replaces"]))
    order = Order(source=source, **taken)
    before = len(problems.all())
    _judge_measure(order, table, problems)
    _judge_scope(order, table, ground, problems)
    _judge_time(order, table, problems)
    _judge_past(order, table, ground, problems)
    if len(problems.all()) == before:
        _judge_others(order, table, ground, problems)
    return order


def take_declaration(
    table: Table, shape: Shape, source: str, ground: Ground, problems: Problems
) -> Declaration | None:
    """The declaration of a table, judged. It may lie in the past: then it is late, and says so."""
    taken = _taken(table, shape, ("from", "to"), problems)
    _known_points(table, ground, problems)
    if taken is None:
        return None
    taken["id"] = named(source, str(taken["id"]))
    who = ground.who if source == LOCAL else source
    declaration = Declaration(declared_ms=ground.now_ms, by=who, **taken)
    _judge_time(declaration, table, problems)
    if declaration.id in ground.used:
        problems.add("SBX-ORD-022", table.at("id"), id=declaration.id)
    return declaration


def _taken(table: Table, shape: Shape, moments: tuple[str, ...], problems: Problems) -> dict[str, Any] | None:
    suffix = "" if "from" in shape else "_ms"
    whole = has_all(("id", "kind", *(f"{name}{suffix}" for name in moments)), table, problems)
    taken, sound = take_cells(shape, table, problems)
    return in_ms(taken) if whole and sound else None


def _known_points(table: Table, ground: Ground, problems: Problems) -> None:
    cell = table.cells.get("points")
    known = sorted(point.id for point in ground.points)
    for name in cell.value if cell is not None and isinstance(cell.value, list) else ():
        if isinstance(name, str) and name not in known:
            near = nearest(name, known)
            problems.add("SBX-CFG-042", table.at("points"), value=name, section="point", near=near)


def _judge_measure(order: Order, table: Table, problems: Problems) -> None:
    written = [key for key in _MEASURES if getattr(order, key) is not None]
    if order.kind == "limit" and len(written) != 1:
        problems.add("SBX-ORD-011", table.at(written[1] if written else "kind"), count=len(written))
    if order.kind == "stop" and (written or order.baseline_kw is not None):
        problems.add("SBX-ORD-012", table.at(written[0] if written else "baseline_kw"))
    if order.kind == "limit" and order.baseline_kw is not None and order.reduce_percent is None:
        problems.add("SBX-ORD-015", table.at("baseline_kw"))
    if order.limit_kwh is not None and order.daily is None and order.to_ms is None:
        problems.add("SBX-ORD-020", table.at("limit_kwh"))


def _judge_scope(order: Order, table: Table, ground: Ground, problems: Problems) -> None:
    roles = {point.id: point.role for point in ground.points}
    for name in order.points:
        if roles.get(name) == "treatment":
            problems.add("SBX-ORD-016", table.at("points"), point=name)
    if not order.points and "production" not in roles.values():
        problems.add("SBX-ORD-014", table.at("points"))


def _judge_time(written: Order | Declaration, table: Table, problems: Problems) -> None:
    if written.to_ms is not None and written.to_ms <= written.from_ms:
        problems.add("SBX-ORD-010", table.at("to" if "to" in table.cells else "to_ms"))


def _judge_past(order: Order, table: Table, ground: Ground, problems: Problems) -> None:
    """An order that is over would be taken in silence and do nothing."""
    if order.to_ms is not None and order.from_ms < order.to_ms <= ground.now_ms:
        problems.add("SBX-ORD-023", table.at("to" if "to" in table.cells else "to_ms"))


def _judge_others(order: Order, table: Table, ground: Ground, problems: Problems) -> None:
    if order.id in ground.used:
        problems.add("SBX-ORD-022", table.at("id"), id=order.id)
        return
    own = {other.id for other in ground.orders if other.source == order.source} - ground.replaced
    if order.replaces is not None and order.replaces not in own:
        near = nearest(order.replaces, sorted(own))
        problems.add("SBX-ORD-024", table.at("replaces"), value=order.replaces, near=near)
    other = contradicted(order, ground.orders, ground.points, ground.zone)
    if other is not None:
        problems.add("SBX-ORD-017", table.at("id"), other=other)
