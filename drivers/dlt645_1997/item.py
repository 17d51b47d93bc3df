"""The DL/T 645-1997 data items: what each two-byte DI holds, field by field, in wire order.

A DI is four hex digits DI1 DI0, ``9010``. Only facts live here, as data; an unknown DI is None. Voltages are
whole volts here, as the standard has them: meters that send tenths need a profile that says so. B660 is
frequency on some makes and apparent power on others: it stays unknown, and is a matter of the profile too.

>>> lookup("B611").fields[0].form, lookup("B660")
('XXX', None)

Sources: DL/T 645-1997 annex A through bobyuxinyang/dlt645_1997 dlt645_api_97.h and
hoanghon00/meter-dlt645-1997 Data_Trans.c; captures of KTS-Intek/DLT645. No sign is documented for power and
current.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from drivers.dlt645.layout import Field, Layout, fixed, number, text, time, word

_ENERGY: Final = "XXXXXX.XX"
_DEMAND: Final = "XX.XXXX"
_STAMP: Final = "mm hh DD MM"
_BLOCK: Final = 0x0F
_MAX_TARIFF: Final = 0x0E
ENDS: Final = frozenset({0xAA, 0xDD})  # a byte that some meters put behind a block (C82_DL689 DL645.cpp)

# DI1 of energies: when; the next DI1 is the reactive one
_WHEN: Final = MappingProxyType({0x90: "", 0x94: ", last month", 0x98: ", month before last"})
_ACTIVE: Final = MappingProxyType({1: "forward active", 2: "reverse active"})
# high nibble of DI0; the order of the quadrants is the standard's
_REACTIVE: Final = MappingProxyType(
    {
        1: "forward reactive",
        2: "reverse reactive",
        3: "quadrant-1 reactive",
        4: "quadrant-4 reactive",
        5: "quadrant-2 reactive",
        6: "quadrant-3 reactive",
    }
)
# high nibble of DI0 under B6: name, form, unit, the low nibbles in block order
_PHASE: Final = ("A", "B", "C")
_TOTAL: Final = ("total", "A", "B", "C")
_VARIABLES: Final = (
    (0x1, "voltage", "XXX", "V", _PHASE),
    (0x2, "current", "XX.XX", "A", _PHASE),
    (0x3, "active power", "XX.XXXX", "kW", _TOTAL),
    (0x4, "reactive power", "XX.XX", "kvar", _TOTAL),
    (0x5, "power factor", "X.XXX", "", _TOTAL),
)
# high nibble of DI0 under B3
_BREAKS: Final = (
    (0x1, number("event count", "XXXX", "times")),
    (0x2, number("duration", "XXXXXX", "min")),
    (0x3, time("start", _STAMP)),
    (0x4, time("end", _STAMP)),
)
_OTHERS: Final = {
    "B210": time("last programming", _STAMP),
    "B212": number("programming event count", "XXXX", "times"),
    "C010": time("date", "WW DD MM YY"),
    "C011": time("time", "ss mm hh"),
    "C020": word("meter state", 1),
    "C021": word("grid state", 1),
    "C030": number("active meter constant", "XXXXXX", "imp/kWh"),
    "C031": number("reactive meter constant", "XXXXXX", "imp/kvarh"),
    "C032": text("meter number", 6, "digits", "id"),
    "C033": text("user number", 6, "digits", "id"),
    "C034": text("device code", 6, "digits", "id"),
    "9000": number("maker's total energy", _ENERGY, "kWh"),
}


def _tariff(number_: int) -> str:
    return f"T{number_}" if number_ else "total"


def _register(name: str, low: int, after: str) -> tuple[str, ...]:
    """The names of the values that one DI answers: a total, a tariff, or the block of them."""
    if low == _BLOCK:
        return tuple(f"{name} block {_tariff(n)}{after}" for n in range(_MAX_TARIFF + 1))
    return (f"{name} {_tariff(low)}{after}",)


def _registers(kinds: Mapping[int, str]) -> Iterator[tuple[str, str, int]]:
    """DI0, name and tariff of all registers of ``kinds``."""
    for high, kind in kinds.items():
        for low in range(_BLOCK + 1):
            yield f"{high:X}{low:X}", kind, low


def _energies() -> Iterator[tuple[str, Layout]]:
    for first, after in _WHEN.items():
        for di1, kinds, unit in ((first, _ACTIVE, "kWh"), (first + 1, _REACTIVE, "kvarh")):
            for di0, kind, low in _registers(kinds):
                names = _register(f"{kind} energy", low, after)
                yield f"{di1:02X}{di0}", Layout(tuple(number(n, _ENERGY, unit) for n in names), 1)


def _demands() -> Iterator[tuple[str, Layout]]:
    for plus, kinds, unit in ((0, _ACTIVE, "kW"), (1, _REACTIVE, "kvar")):
        for di0, kind, low in _registers(kinds):
            names = _register(f"{kind} max demand", low, "")
            yield f"{0xA0 + plus:02X}{di0}", Layout(tuple(number(n, _DEMAND, unit) for n in names), 1)
            yield f"{0xB0 + plus:02X}{di0}", Layout(tuple(time(f"{n} time", _STAMP) for n in names), 1)


def _variables() -> Iterator[tuple[str, Layout]]:
    for high, name, form, unit, phases in _VARIABLES:
        block: list[Field] = []
        for low, phase in enumerate(phases, 0 if phases is _TOTAL else 1):
            yield f"B6{high:X}{low:X}", fixed(number(f"{name} {phase}", form, unit))
            block.append(number(f"{name} block {phase}", form, unit))
        yield f"B6{high:X}F", fixed(*block)


def _phase_breaks() -> Iterator[tuple[str, Layout]]:
    for high, field in _BREAKS:
        for low, phase in enumerate(_TOTAL):
            yield f"B3{high:X}{low:X}", fixed(replace(field, name=f"phase break {phase} {field.name}"))


_TABLE: Final = MappingProxyType(
    {
        **{di: fixed(field) for di, field in _OTHERS.items()},
        **dict(_energies()),
        **dict(_demands()),
        **dict(_variables()),
        **dict(_phase_breaks()),
    }
)


@lru_cache(maxsize=256)
def lookup(di: str) -> Layout | None:
    """The layout of ``di`` (4 hex digits, either case), or None if this table does not know it."""
    return _TABLE.get(di.upper())


def is_block(di: str) -> bool:
    """True for a DI that answers several values; these may end with one byte of `ENDS`."""
    return di[-1:].upper() == "F"
