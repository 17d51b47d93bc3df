"""Checks of a profile that look at more than one key; a wrong profile would make false readings for ever.

The ratio must fit the unit: a current never takes PT, a power factor takes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from config.profile import BIT_FUNCTIONS, RATIOS, WORD, DltItem, Item, Profile
from config.quantities import QUANTITIES
from config.source import Problems, Table
from config.wiretime import words

_RATIO_OF: Mapping[str, str] = MappingProxyType(
    {"V": "pt", "A": "ct", "-": "none", "Hz": "none", "C": "none"}
)
Tables = Mapping[str, Sequence[Table]]


def check_profile(profile: Profile, tables: Tables, head: Table, problems: Problems) -> None:
    """All checks; ``tables`` are the tables the profile was built from, in the same order."""
    stem = head.place.file.rpartition("/")[2].removesuffix(".toml")
    if profile.id != stem:
        problems.add("SBX-CFG-101", head.at("id"), id=profile.id, file=f"{stem}.toml")
    if profile.phases not in (1, 3):
        problems.add("SBX-CFG-023", head.at("phases"), value=profile.phases, low=1, high=3)
    if not profile.sources:
        problems.add("SBX-CFG-108", head.place)
    if not profile.dlt and not profile.modbus:
        problems.add("SBX-CFG-110", head.place)
    items: tuple[Item, ...] = (*profile.dlt, *profile.modbus)
    _items(items, tables["item"], problems)
    _ratios(profile, items, head, problems)
    _registers(profile, tables["item"], problems)
    _identifiers(profile, tables, problems)
    _bits(profile.dlt, tables["item"], problems)
    _blocks(profile, tables, problems)


def _identifiers(profile: Profile, tables: Tables, problems: Problems) -> None:
    """Each edition of DL/T 645 has its own length of DI; a request of the other cannot be built."""
    digits = 4 if profile.family == "dlt645-1997" else 8
    found = [(item.di, table) for item, table in zip(profile.dlt, tables["item"], strict=bool(profile.dlt))]
    found += [(block.di, table) for block, table in zip(profile.blocks, tables["block"], strict=True)]
    for di, table in found:
        if len(di) != digits:
            problems.add("SBX-CFG-102", table.at("di"), value=di)


def _items(items: Sequence[Item], tables: Sequence[Table], problems: Problems) -> None:
    seen: set[str] = set()
    for item, table in zip(items, tables, strict=True):
        if item.quantity in seen:
            problems.add("SBX-CFG-105", table.at("quantity"), quantity=item.quantity)
        seen.add(item.quantity)
        unit = QUANTITIES[item.quantity].unit
        fitting = _RATIO_OF.get(unit, "ptct")
        if item.ratio not in ("none", fitting):
            problems.add("SBX-CFG-106", table.at("ratio"), ratio=item.ratio, unit=unit, fitting=fitting)


def _ratios(profile: Profile, items: Sequence[Item], head: Table, problems: Problems) -> None:
    """Ratios out of the meter need their registers; ratios out of the site file need none."""
    if profile.ratio_source != "meter":
        return
    read = {item.quantity for item in items}
    for name in RATIOS:
        used = any(name in item.ratio for item in items)
        if used and name not in read:
            problems.add("SBX-CFG-116", head.at("ratio_source"), ratio=name)
    if not profile.modbus:
        problems.add("SBX-CFG-117", head.at("ratio_source"))


def _registers(profile: Profile, tables: Sequence[Table], problems: Problems) -> None:
    taken: dict[tuple[int, int], str] = {}
    for item, table in zip(profile.modbus, tables, strict=bool(profile.modbus)):
        if (item.fc in BIT_FUNCTIONS) != (item.type == "bit"):
            problems.add("SBX-CFG-118", table.at("fc"), fc=item.fc, type=item.type)
        cells = [(item.fc, item.address + offset) for offset in range(words(item))]
        other = next((taken[cell] for cell in cells if cell in taken), None)
        if other is not None:
            problems.add("SBX-CFG-107", table.at("address"), other=other)
        if cells[-1][1] > 0xFFFF:
            problems.add("SBX-CFG-112", table.at("address"))
        if any(value >= 1 << (16 * len(cells)) for value in item.missing or ()):
            problems.add("SBX-CFG-115", table.at("missing"), value=item.type)
        if len(cells) > profile.max_registers:
            problems.add("SBX-CFG-113", table.at("type"), limit=profile.max_registers)
        taken.update(dict.fromkeys(cells, item.quantity))


def _bits(items: Sequence[DltItem], tables: Sequence[Table], problems: Problems) -> None:
    """A bit is of a status word. Items share a DI that all take for the same, each another part of it."""
    taken: dict[str, dict[tuple[int | None, int], tuple[str, int]]] = {}
    for item, table in zip(items, tables, strict=bool(items)):
        if (item.bit is None) == (item.format == WORD) or (item.bit is not None and item.signed):
            problems.add("SBX-CFG-119", table.at("format"), format=item.format)
        if item.nth > item.of:
            problems.add("SBX-CFG-023", table.at("nth"), value=item.nth, low=1, high=item.of)
        if item.of > 1 and item.format == WORD:
            problems.add("SBX-CFG-023", table.at("of"), value=item.of, low=1, high=1)
        others, shape = taken.setdefault(item.di, {}), (item.format, item.of)
        if (item.bit, item.nth) in others or set(others.values()) - {shape}:
            problems.add("SBX-CFG-109", table.at("di"), di=item.di)
        others[item.bit, item.nth] = shape


def _blocks(profile: Profile, tables: Tables, problems: Problems) -> None:
    polls = {item.di: item.poll for item in profile.dlt}
    covered: set[str] = set()
    for block, table in zip(profile.blocks, tables["block"], strict=True):
        for di in block.items:
            if di not in polls or di in covered:
                problems.add("SBX-CFG-104", table.at("items"), di=di)
            covered.add(di)
        if len({polls.get(di) for di in block.items}) > 1:
            problems.add("SBX-CFG-114", table.at("items"), di=block.di)
