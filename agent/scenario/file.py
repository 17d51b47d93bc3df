"""Takes a scenario file: one value out, or every mistake at once with file, line, code and what to mend.

The tables of the site are taken and checked as ``config.load`` does it; what a scenario need not write is
filled in before (``agent.scenario.shapes``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from agent.rules.engine import all_rules
from agent.rules.latches import STORM_KEY
from agent.scenario import expectation, words
from agent.scenario.model import Event, Expected, Scenario
from agent.scenario.shapes import HEAD, NEEDED, PROFILE, Tables, declaration_shape, filled, order_shape
from agent.scenario.times import Clock
from config.build import Shape, has_all, take_cells
from config.calendar import moment_ms
from config.checks import check_parts
from config.errors import ConfigInvalid
from config.merge import Sections, merge
from config.orders import Declaration, Order
from config.references import check_references
from config.rulechecks import check_rules
from config.shapes import SECTIONS
from config.site import SiteConfig
from config.source import Cell, Place, Problems, Table, Tree, parse
from config.suggest import nearest
from config.tables import Parts, build_parts
from config.values import Wrong, shown

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
    found = _scenario(tables, read, _Frame(name, taken, config, clock), problems)
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
    orders = _orders(tables, frame, problems)
    declarations = _declarations(tables, frame, problems)
    config = frame.config
    ground = words.Ground(
        meters={meter.id: meter.id for meter in config.meters}
        | {point.id: point.meter for point in config.points},
        buses={bus.id: tuple(m.id for m in config.meters if m.bus == bus.id) for bus in config.buses},
        orders=frozenset(one.id for one in orders),
        declarations=frozenset(one.id for one in declarations),
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
        orders=orders,
        declarations=declarations,
        events=events,
        expected=expected,
        near=frame.head.get("near", ()),
    )


def _orders(tables: Tables, frame: _Frame, problems: Problems) -> tuple[Order, ...]:
    shape = order_shape(frame.clock.zone)
    found = []
    for table in tables["order"]:
        taken = _taken(table, shape, ("id", "kind", "from"), problems)
        _known_points(table, frame.config, problems)
        if taken is not None:
            found.append(Order(**{"source": "city", **taken}))
    return tuple(found)


def _declarations(tables: Tables, frame: _Frame, problems: Problems) -> tuple[Declaration, ...]:
    shape = declaration_shape(frame.clock.zone)
    found = []
    for table in tables["declaration"]:
        taken = _taken(table, shape, ("id", "kind", "from", "to"), problems)
        _known_points(table, frame.config, problems)
        if taken is not None:
            found.append(Declaration(**{"declared_ms": min(frame.clock.begin_ms, taken["from_ms"]), **taken}))
    return tuple(found)


def _taken(table: Table, shape: Shape, needed: tuple[str, ...], problems: Problems) -> dict[str, Any] | None:
    whole = has_all(needed, table, problems)
    taken, sound = take_cells(shape, table, problems)
    if not whole or not sound:
        return None
    return {f"{key}_ms" if key in ("from", "to") else key: value for key, value in taken.items()}


def _known_points(table: Table, config: SiteConfig, problems: Problems) -> None:
    cell = table.cells.get("points")
    known = [point.id for point in config.points]
    for name in cell.value if cell is not None and isinstance(cell.value, list) else ():
        if isinstance(name, str) and name not in known:
            near = nearest(name, known)
            problems.add("SBX-CFG-042", table.at("points"), value=name, section="point", near=near)


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
    rules = [*(rule.id for rule in all_rules(frame.config)), STORM_KEY]

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
