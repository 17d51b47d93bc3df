"""Several files, one set of tables: ``[[x]]`` tables join by ``id``, ``[x]`` tables by name.

A file may add keys to a table of an earlier file; it may never change one. So the order of files decides
nothing, and no value is silently replaced. Also used for profiles (one file, no joining).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from config.source import Cell, Problems, Table, Tree
from config.suggest import nearest

MAX_ENTRIES = 256  # tables of one section


@dataclass(frozen=True, slots=True)
class Sections:
    """Which sections exist: ``single`` are ``[x]``, ``arrays`` are ``[[x]]``."""

    single: tuple[str, ...]
    arrays: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return (*self.single, *self.arrays)


def merge(trees: Iterable[Tree], sections: Sections, problems: Problems) -> Mapping[str, tuple[Table, ...]]:
    """All tables by section, in the order of their first appearance."""
    merged: dict[str, dict[str, Table]] = {name: {} for name in sections.names}
    for tree in trees:
        here: set[tuple[str, str]] = set()
        for table in _tables(tree, sections, problems):
            name = _identity(table)
            if (table.section, name) in here:
                first = merged[table.section][name]
                problems.add("SBX-CFG-014", table.at("id"), id=name, first=first.at("id").line)
                continue
            here.add((table.section, name))
            known = merged[table.section].get(name)
            merged[table.section][name] = _join(known, table, problems) if known else table
    for name, tables in merged.items():
        for table in list(tables.values())[MAX_ENTRIES:]:
            problems.add("SBX-CFG-016", table.place, section=name, limit=MAX_ENTRIES)
    return {name: tuple(list(tables.values())[:MAX_ENTRIES]) for name, tables in merged.items()}


def _identity(table: Table) -> str:
    """What joins tables over files: the id; a table without a sound one stays alone."""
    cell = table.cells.get("id")
    if table.place.key == table.section:
        return table.section
    if cell is not None and isinstance(cell.value, str):
        return cell.value
    return f"\0{table.place.file}:{table.place.key}"  # no id in a TOML text can be this


def _join(known: Table, more: Table, problems: Problems) -> Table:
    cells = dict(known.cells)
    for key, cell in more.cells.items():
        if key not in cells:
            cells[key] = cell
        elif not (key == "id" and more.place.key != more.section):
            first = cells[key].place
            problems.add("SBX-CFG-015", cell.place, first=f"{first.file}:{first.line}")
    return Table(known.section, known.place, cells)


def _tables(tree: Tree, sections: Sections, problems: Problems) -> Iterable[Table]:
    for section, value in tree.values.items():
        if section in sections.single:
            yield from _single(tree, section, value, problems)
        elif section in sections.arrays:
            yield from element_tables(tree, section, problems)
        else:
            near = nearest(section, sections.names)
            problems.add("SBX-CFG-010", tree.place(section, (section,)), near=near)


def element_tables(tree: Tree, section: str, problems: Problems) -> list[Table]:
    """The tables of one ``[[section]]`` of a file, in order; none if it is not written so."""
    value = tree.values.get(section, [])
    if isinstance(value, list) and all(isinstance(element, dict) for element in value):
        return [_element(tree, section, number, element) for number, element in enumerate(value)]
    problems.add("SBX-CFG-012", tree.place(section, (section,)), right=f"[[{section}]]")
    return []


def _single(tree: Tree, section: str, value: object, problems: Problems) -> Iterable[Table]:
    place = tree.place(section, (section,))
    if isinstance(value, dict):
        cells = {
            key: Cell(cell, tree.place(f"{section}.{key}", (section, key))) for key, cell in value.items()
        }
        yield Table(section, place, cells)
    else:
        problems.add("SBX-CFG-012", place, right=f"[{section}]")


def _element(tree: Tree, section: str, number: int, element: Mapping[str, object]) -> Table:
    identity = element.get("id")
    called = (
        identity if isinstance(identity, str) and identity.isprintable() and 0 < len(identity) <= 40 else None
    )
    name = f"{section}.{called}" if called else f"{section}[{number}]"
    cells = {
        key: Cell(value, tree.place(f"{name}.{key}", (section, number, key)))
        for key, value in element.items()
    }
    return Table(section, tree.place(name, (section, number)), cells)
