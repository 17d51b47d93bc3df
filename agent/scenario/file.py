"""Takes a scenario file: one value out, or every mistake at once with file, line, code and what to mend.

The tables of the site are taken and checked as ``config.load`` does it; what a scenario need not write is
filled in before (``agent.scenario.shapes``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from agent.rules.engine import all_rules
from agent.rules.storm import STORM_KEY
from agent.scenario import expectation, words
from agent.scenario.model import Event, Expected, Scenario
from agent.scenario.shapes import HEAD, NEEDED, PROFILE, Tables, filled
from agent.scenario.times import Clock
from config.build import has_all, take_cells
from config.calendar import moment_ms
from config.checks import check_parts
from config.errors import ConfigInvalid
from config.merge import Sections, merge
from config.orderfile import Ground, take_declaration, take_order
from config.orders import LOCAL, Declaration, Order
from config.ordershapes import DECLARATION, ORDER, in_file
from config.references import check_references
from config.rulechecks import check_rules
from config.shapes import SECTIONS
from config.site import SiteConfig
from config.source import Cell, Place, Problems, Table, Tree, parse
from config.tables import Parts, build_parts
from config.values import Wrong, ident, shown

MAX_POLLS = 2_000_000  # of all meters of one scenario
END = "end"
_SECTIONS = Sections(SECTIONS.single, (*SECTIONS.arrays, "order", "declaration"))
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Lines:
    """A text of several lines, and the line of the file on which its first one stands."""

    key: str
    text: str
    first: int

    def places(self, file: str) -> list[tuple[Place, str]]:
        """Each line that says something, without its comment."""
        numbered = enumerate(self.text.split("\n"), self.first)
        said = ((number, line.partition("#")[0].strip()) for number, line in numbered)
        return [(Place(file, number, self.key), line) for number, line in said if line]


def take(name: str, data: bytes) -> Scenario:
    """Raises ConfigInvalid with all mistakes."""
    problems = Problems()
    tree = parse(name, data, problems)
    if tree is None:
        raise ConfigInvalid(problems.all())
    head, tables = _split(tree, problems)
    taken, _ = take_cells(HEAD, head, problems)
    has_all(NEEDED, head, problems)
    parts = build_parts(filled(tables, taken.get("step_s", 10), head), problems)
    check_references(parts, _profiles(parts), problems)
    check_parts(parts, {}, problems)
    check_rules(parts, {}, problems)
    config = _config(parts)
    clock = _clock(head, taken, config, problems)
    if config is None or clock is None or not {*NEEDED} <= taken.keys():
        raise ConfigInvalid(problems.all())
    texts = data.decode("utf-8-sig").replace("\r\n", "\n").split("\n")
    read = {key: _lines(head, key, taken[key], texts) for key in ("timeline", "expect")}
    found = _scenario(tables, read, _Frame(name, taken, config, clock, parts), problems)
    if problems.all():
        raise ConfigInvalid(problems.all())
    return found


@dataclass(frozen=True, slots=True)
class _Frame:
    """What the lines are read with."""

    name: str
    head: Mapping[str, Any]
    config: SiteConfig
    clock: Clock
    parts: Parts  # what is declared counts as known, also where it has mistakes

    def ground(self) -> Ground:
        """What orders are judged against."""
        return Ground(self.config.points, self.clock.zone, self.clock.begin_ms)

    @property
    def step_ms(self) -> int:
        return int(self.head.get("step_s", 10)) * 1000


def _split(tree: Tree, problems: Problems) -> tuple[Table, Tables]:
    """The head's keys, and the tables of all sections."""
    sections = {
        key: value for key, value in tree.values.items() if key in _SECTIONS.names or isinstance(value, dict)
    }
    cells = {
        key: Cell(value, tree.place(key, (key,))) for key, value in tree.values.items() if key not in sections
    }
    return (
        Table("scenario", Place(tree.file, 1, "scenario"), cells),
        merge([Tree(tree.file, sections, tree.lines)], _SECTIONS, problems),
    )


def _profiles(parts: Parts) -> frozenset[str]:
    """Any profile will do: nothing of it is read."""
    cells = (table.cells["profile"].value for table in parts.tables["meter"] if "profile" in table.cells)
    return frozenset((PROFILE, *(value for value in cells if isinstance(value, str))))


def _config(parts: Parts) -> SiteConfig | None:
    if parts.site is None or parts.journal is None:
        return None
    return SiteConfig(
        site=parts.site,
        buses=parts.buses,
        meters=parts.meters,
        points=parts.points,
        rules=parts.rules,
        uplinks=parts.uplinks,
        journal=parts.journal,
    )


def _clock(
    head: Table, taken: Mapping[str, str], config: SiteConfig | None, problems: Problems
) -> Clock | None:
    if config is None or "begin" not in taken:
        return None
    zone = ZoneInfo(config.site.timezone)
    try:
        return Clock(moment_ms(taken["begin"], zone), zone)
    except ValueError:
        problems.add("SBX-SCN-001", head.at("begin"), value=shown(taken["begin"]))
        return None


def _lines(head: Table, key: str, text: str, texts: list[str]) -> _Lines:
    """TOML drops a line break right behind the opening quotes: then the first line stands one lower."""
    line = head.at(key).line
    opened = texts[line - 1].rstrip().endswith(('= """', "= '''", '="""', "='''"))
    return _Lines(key, text, line + opened)


def _scenario(tables: Tables, read: Mapping[str, _Lines], frame: _Frame, problems: Problems) -> Scenario:
    whole = len(frame.config.points) == len(frame.parts.tables["point"])
    orders = _orders(tables, frame, problems) if whole else {}  # they are judged against the points
    declarations = _declarations(tables, frame, problems)
    config = frame.config
    ground = words.Ground(
        meters={name: name for section in ("meter", "point") for name in frame.parts.declared(section)}
        | {point.id: point.meter for point in config.points},
        buses={bus.id: tuple(m.id for m in config.meters if m.bus == bus.id) for bus in config.buses},
        orders={name: name for name in frame.parts.declared("order")}
        | {name: order.id for name, order in orders.items()},
        declarations=frame.parts.declared("declaration"),
    )
    events, end_ms = _events(read["timeline"], frame, ground, problems)
    expected = _expected(read["expect"], frame, end_ms, problems)
    polls = len(config.meters) * end_ms // frame.step_ms
    if polls > MAX_POLLS:
        place = Place(frame.name, read["timeline"].first, "timeline")
        problems.add("SBX-SCN-017", place, polls=polls, limit=MAX_POLLS)
    return Scenario(
        file=frame.name,
        title=frame.head["title"],
        title_zh=frame.head["title_zh"],
        begin_ms=frame.clock.begin_ms,
        end_ms=end_ms,
        step_ms=frame.step_ms,
        config=config,
        orders=tuple(orders.values()),
        declarations=tuple(declarations.values()),
        events=events,
        expected=expected,
        near=frame.head.get("near", ()),
    )


def _orders(tables: Tables, frame: _Frame, problems: Problems) -> dict[str, Order]:
    """By the id that is written; an order of another source than the box itself is known by a longer one."""
    ground = frame.ground()
    shape = in_file(ORDER, frame.clock.zone)
    found = {}
    for table in tables["order"]:
        cell = table.cells.get("source")
        given, _ = take_cells(
            {"source": ident}, replace(table, cells={"source": cell} if cell else {}), problems
        )
        bare = replace(table, cells={key: one for key, one in table.cells.items() if key != "source"})
        order = take_order(bare, shape, str(given.get("source", LOCAL)), ground, problems)
        if order is not None:
            found[str(table.cells["id"].value)] = order
            ground = ground.beside(order)
    return found


def _declarations(tables: Tables, frame: _Frame, problems: Problems) -> dict[str, Declaration]:
    """Declared in time, unless the timeline says when."""
    ground = frame.ground()
    shape = in_file(DECLARATION, frame.clock.zone)
    found = [take_declaration(table, shape, LOCAL, ground, problems) for table in tables["declaration"]]
    begin_ms = frame.clock.begin_ms
    return {one.id: replace(one, declared_ms=min(begin_ms, one.from_ms)) for one in found if one is not None}


def _events(
    lines: _Lines, frame: _Frame, ground: words.Ground, problems: Problems
) -> tuple[tuple[Event, ...], int]:
    """The events, and when it ends."""
    found: list[Event] = []
    last_ms, ended = 0, False
    for place, line in lines.places(frame.name):
        if ended:
            problems.add("SBX-SCN-016", place)
            break
        moment = _tried(frame.clock.take, line, place, problems)
        if moment is None:
            continue
        at_ms, rest = moment
        if at_ms < last_ms:
            problems.add("SBX-SCN-015", place, value=line)
        last_ms = max(last_ms, at_ms)
        ended = rest == END
        act = None if ended else _tried(lambda said: words.take(said, ground), rest, place, problems)
        if act is not None:
            found.append(Event(at_ms, act))
    if not ended and not problems.all():
        problems.add("SBX-SCN-018", Place(frame.name, lines.first, lines.key))
    return tuple(found), last_ms


def _expected(lines: _Lines, frame: _Frame, end_ms: int, problems: Problems) -> tuple[Expected, ...]:
    rules = {*(rule.id for rule in all_rules(frame.config)), *frame.parts.declared("rule"), STORM_KEY}

    def take_one(line: str) -> Expected:
        return expectation.take(line, frame.clock, frame.step_ms, rules)

    found = []
    for place, line in lines.places(frame.name):
        one = _tried(take_one, line, place, problems)
        if one is not None and one.at_ms > end_ms:
            problems.add("SBX-SCN-019", place, value=line)
        elif one is not None:
            found.append(one)
    return tuple(found)


def _tried(take: Callable[[str], T], line: str, place: Place, problems: Problems) -> T | None:
    try:
        return take(line)
    except Wrong as wrong:
        problems.add(wrong.code, place, key=place.key, **wrong.args_of_message)
        return None
