"""Meter profiles: TOML files checked into ``Profile`` values. Adding a model = adding a file, never code.

::

    id = "sdm630"  title = "..."  family = "modbus"
    [[source]]  title = "where the facts come from"  confidence = "A"
    [[item]]    quantity = "u_a"  fc = 4  address = 0x0000  type = "f32"

Never fills in a missing fact: a register, scale or ratio that the file does not state is a mistake or its
documented default. ``docs/profile-format.md`` describes each key.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType

from config.build import build, has_all, take_cells
from config.errors import ConfigInvalid, Problem
from config.folder import read_toml
from config.merge import element_tables
from config.profile import DltBlock, DltItem, ModbusItem, Profile, Source
from config.profilechecks import check_profile
from config.profileshapes import BLOCK, DLT_ITEM, HEAD, MODBUS_ITEM, SOURCE
from config.source import Cell, Place, Problems, Table, Tree, parse

MAX_PROFILES = 256
_ARRAYS = ("source", "item", "block")


def load_profile(name: str, data: bytes) -> Profile:
    """One profile from its file's name and bytes. Raises ConfigInvalid with all mistakes."""
    problems = Problems()
    tree = parse(name, data, problems)
    profile = _profile(tree, problems) if tree else None
    if profile is None or problems.all():
        raise ConfigInvalid(problems.all())
    return replace(profile, digest=hashlib.sha256(data).hexdigest())


@cache
def builtin_profiles() -> Mapping[str, Profile]:
    """The profiles shipped with this version, by id."""
    folder = files("config").joinpath("profiles")
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".toml"))
    loaded = (load_profile(name, folder.joinpath(name).read_bytes()) for name in names)
    return MappingProxyType({profile.id: profile for profile in loaded})


def take_profiles(files_: Sequence[tuple[str, bytes]]) -> Mapping[str, Profile]:
    """The site's own profiles by id, from (name, bytes). None may take the id of a built-in one: a reading
    must never change its meaning silently. Raises ConfigInvalid with the mistakes of all files."""
    problems: list[Problem] = []
    if len(files_) > MAX_PROFILES:
        counts = {"count": str(len(files_)), "limit": str(MAX_PROFILES)}
        problems.append(Problem("SBX-CFG-017", "profiles", 0, "", counts))
    found: dict[str, Profile] = {}
    for name, data in files_[:MAX_PROFILES]:
        try:
            profile = load_profile(name, data)
        except ConfigInvalid as error:
            problems += error.problems
        else:
            if profile.id in builtin_profiles() or profile.id in found:
                problems.append(Problem("SBX-CFG-111", name, 0, "id", {"id": profile.id}))
            found[profile.id] = profile
    if problems:
        raise ConfigInvalid(problems)
    return MappingProxyType(found)


def site_profiles(folder: Path) -> Mapping[str, Profile]:
    """The profiles of ``folder/*.toml`` (``/etc/sitebox/profiles``), as ``take_profiles``; empty without
    such a folder. Raises ConfigInvalid, also for what cannot be read."""
    return take_profiles(read_toml(folder, folder.name))


def _profile(tree: Tree, problems: Problems) -> Profile | None:
    head = _head(tree)
    taken, _ = take_cells(HEAD, head, problems)
    has_all(("id", "title", "family"), head, problems)
    tables = {name: element_tables(tree, name, problems) for name in _ARRAYS}
    modbus = taken.get("family") == "modbus"
    if "family" not in taken:
        return None
    sources = [build(Source, SOURCE, table, problems) for table in tables["source"]]
    registers = [build(ModbusItem, MODBUS_ITEM, table, problems) for table in tables["item"] if modbus]
    dis = [build(DltItem, DLT_ITEM, table, problems) for table in tables["item"] if not modbus]
    blocks = [build(DltBlock, BLOCK, table, problems) for table in tables["block"]]
    if problems.all():
        return None
    profile = Profile(
        **taken,
        sources=tuple(source for source in sources if source),
        dlt=tuple(item for item in dis if item),
        modbus=tuple(item for item in registers if item),
        blocks=tuple(block for block in blocks if block),
    )
    check_profile(profile, tables, head, problems)
    return profile


def _head(tree: Tree) -> Table:
    cells = {
        key: Cell(value, tree.place(key, (key,))) for key, value in tree.values.items() if key not in _ARRAYS
    }
    return Table("profile", Place(tree.file, 0, "profile"), cells)
