"""What a meter froze by itself (DI3 05): hourly, daily and the other freezes, single parts and whole sets.

::

    05 06 00 01   time of the newest daily freeze         05 06 01 01   its forward active energy
    05 06 FF 01   time | AA | forward T0..Tn | AA | reverse T0..Tn | AA | ... | eight powers | AA
    05 04 FF 01   time | forward | reverse      some meters put AA between the parts, others do not

AA between the parts is looked for only where a value may begin: no BCD byte is AA, but fill and broken
bytes are no borders. A set that does not come out even has no values.

Sources: DL/T 645-2007 annex A, table A.6, and its supplement through sulfurandcu/dlt645-tool
dlt645_table_record.json; AA between parts: wuhuangrui/C82_DL689 DL645V07.cpp.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from drivers.dlt645.layout import Field, Layout, fixed, number, time
from drivers.dlt645.named import Named, as_hex, invalid, take_fields

_KINDS: Final = MappingProxyType(
    {
        0x00: "timed",
        0x01: "instant",
        0x02: "zone-table switch",
        0x03: "day-table switch",
        0x04: "hourly",
        0x05: "agreed",
        0x06: "daily",
        0x07: "monthly",
    }
)
_ENERGIES: Final = (
    ("forward active", "kWh", False),
    ("reverse active", "kWh", False),
    ("combined reactive 1", "kvarh", True),
    ("combined reactive 2", "kvarh", True),
    ("quadrant-1 reactive", "kvarh", False),
    ("quadrant-2 reactive", "kvarh", False),
    ("quadrant-3 reactive", "kvarh", False),
    ("quadrant-4 reactive", "kvarh", False),
)
_DEMANDS: Final = ("forward active", "reverse active")
_POWERS: Final = tuple(
    (f"{name} {phase}", unit)
    for name, unit in (("active power", "kW"), ("reactive power", "kvar"))
    for phase in ("total", "A", "B", "C")
)
_TARIFFS: Final = 64  # total and T1..T63
_HOURLY, _ALL, _POWER = 0x04, 0xFF, 0x10
_BORDER: Final = 0xAA


@dataclass(frozen=True, slots=True)
class _Frozen:
    """One freeze: ``daily freeze … , last 1``."""

    kind: int
    nn: int

    def name(self, what: str) -> str:
        return f"{_KINDS[self.kind]} freeze {what}, last {self.nn}"

    def time(self) -> Layout:
        return fixed(time(self.name("time"), "mm hh DD MM YY"))

    def energy(self, number_: int, tariffs: int = _TARIFFS) -> Layout:
        what, unit, signed = _ENERGIES[number_]
        names = ("total", *(f"T{n}" for n in range(1, tariffs)))
        fields = (
            number(self.name(f"{what} energy {name}"), "XXXXXX.XX", unit, signed=signed) for name in names
        )
        return Layout(tuple(fields), 1)

    def demand(self, number_: int) -> Layout:
        fields: list[Field] = []
        for name in ("total", *(f"T{n}" for n in range(1, _TARIFFS))):
            what = f"{_DEMANDS[number_]} max demand {name}"
            fields += (
                number(self.name(what), "XX.XXXX", "kW"),
                time(self.name(f"{what} time"), "mm hh DD MM YY"),
            )
        return Layout(tuple(fields), 2, 2)

    def powers(self) -> Layout:
        return fixed(*(number(self.name(n), "XX.XXXX", unit, signed=True) for n, unit in _POWERS))

    def part(self, di1: int) -> Layout | None:
        """The layout of a single part."""
        if di1 == 0:
            return self.time()
        if di1 <= len(_ENERGIES):
            return self.energy(di1 - 1, 1 if self.kind == _HOURLY else _TARIFFS)
        if di1 <= len(_ENERGIES) + len(_DEMANDS):
            return self.demand(di1 - 1 - len(_ENERGIES))
        return self.powers() if di1 == _POWER else None

    def parts(self) -> tuple[Layout, ...]:
        """The parts of a whole set, in wire order."""
        if self.kind == _HOURLY:
            return self.time(), self.energy(0, 1), self.energy(1, 1)
        energies = (self.energy(n) for n in range(len(_ENERGIES)))
        demands = (self.demand(n) for n in range(len(_DEMANDS)))
        return self.time(), *energies, *demands, self.powers()


def _frozen(di: str) -> tuple[_Frozen, int] | None:
    di3, kind, di1, nn = bytes.fromhex(di)
    return (_Frozen(kind, nn), di1) if di3 == 5 and kind in _KINDS and nn else None


def layout(di: str) -> Layout | None:
    """The layout of a single part (05…), or None if it is not known; whole sets are for `explain`."""
    found = _frozen(di)
    return None if found is None else found[0].part(found[1])


def is_set(di: str) -> bool:
    """True for a DI that answers all parts at once."""
    found = _frozen(di)
    return found is not None and found[1] == _ALL


def explain(di: str, data: bytes, *, cut: bool = False) -> tuple[Named, ...]:
    """Decode a whole set; ``cut`` as for any item: what is whole counts, the rest is shown as it is."""
    found = _frozen(di)
    if found is None or not data:
        return (as_hex("data", data),) if data else ()
    parts = found[0].parts()
    plain = tuple(field for part in parts for field in part.fields)
    if found[0].kind == _HOURLY and len(data) == sum(field.size for field in plain):
        return take_fields(plain, data)
    named, rest = _walk(parts, data)
    if not rest:
        return named
    if cut:
        return *named, as_hex("cut by frame border", rest)
    return *invalid(parts[0].fields), as_hex("data of wrong length", data)


@dataclass(frozen=True, slots=True)
class Freeze:
    """One freeze as far as its energy goes: the meter's time as text, and by the DI of the live register
    what it showed then."""

    time: str | None
    energies: Mapping[str, Named]


_LIVE: Final = ("00010000", "00020000", "00030000", "00040000")  # of the first `_ENERGIES`, in their order


def energies(di: str, data: bytes) -> Freeze:
    """The time and the energy totals of a whole set; without time if it is not to be believed."""
    found = _frozen(di)
    by_name = {} if found is None else {one.name: one for one in explain(di, data)}
    if found is None or not by_name:
        return Freeze(None, {})
    when = by_name.get(found[0].name("time"))
    names = {live: found[0].energy(n, 1).fields[0].name for n, live in enumerate(_LIVE)}
    totals = {live: by_name[name] for live, name in names.items() if name in by_name}
    return Freeze(None if when is None else when.value, totals)


def _walk(parts: tuple[Layout, ...], data: bytes) -> tuple[tuple[Named, ...], bytes]:
    """The parts from AA to AA, and the bytes that do not come out even."""
    named: tuple[Named, ...] = ()
    for part in parts:
        if not data:
            break
        count, size = _until_border(part, data)
        whole = count == 0 or part.count(size) == count
        ended = size == len(data) or data[size] == _BORDER
        if not (whole and ended):
            return named, data
        named += take_fields(part.fields[:count], data)
        data = data[size + 1 :]
    return named, data


def _until_border(part: Layout, data: bytes) -> tuple[int, int]:
    """How many fields of ``part``, and bytes, there are before an AA where a field may begin."""
    size = 0
    for count, field in enumerate(part.fields):
        if size + field.size > len(data) or data[size] == _BORDER:
            return count, size
        size += field.size
    return len(part.fields), size
