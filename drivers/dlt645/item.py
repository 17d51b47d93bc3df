"""The DL/T 645-2007 data items: what each DI holds, field by field, in wire order.

A DI is eight hex digits DI3 DI2 DI1 DI0, ``00010000``. Energy (00), demand (01), variables (02) and
parameters (04) stand here, events (03) in ``event``, freezes (05) in ``freeze``; whole freezes and load
records (06) have no fixed layout. Only facts live here, as data: nothing is read or decoded, and no item
is guessed. An unknown DI is None.

>>> lookup("0201FF00").fields[1]
Field(name='voltage block B', kind='number', size=2, form='XXX.X', unit='V', signed=False, masked=False)

Sources: DL/T 645-2007 annex A through bobyuxinyang/dlt645_2007 dlt645_api_07.h (identifiers, formats),
sulfurandcu/dlt645-tool (supplements), caokx/3jiliang App/Bkgrd.h, a meter's firmware (status words);
the frames of tests/vectors/dlt645.json agree. ``signed`` marks the items whose top bit is a sign:
combined active and reactive energy, currents, active and reactive power, power factor, present demand,
temperature. Apparent power and maximum demand carry none; the top bit of apparent power, where a meter sets
it, is masked, so that its range ends at 79.9999 kVA as that of the powers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from drivers.dlt645 import event, freeze
from drivers.dlt645.layout import Field, Layout, fixed, number, text, time, word

# -- energy 00 and demand 01 ------------------------------------------------------------------------

_ENERGY_FORM: Final = "XXXXXX.XX"
_DEMAND_FORM: Final = "XX.XXXX"

# DI2 00..0A: name, unit of energy, signed
_KINDS: Final = (
    ("combined active", "kWh", True),
    ("forward active", "kWh", False),
    ("reverse active", "kWh", False),
    ("combined reactive 1", "kvarh", True),
    ("combined reactive 2", "kvarh", True),
    ("quadrant-1 reactive", "kvarh", False),
    ("quadrant-2 reactive", "kvarh", False),
    ("quadrant-3 reactive", "kvarh", False),
    ("quadrant-4 reactive", "kvarh", False),
    ("forward apparent", "kVAh", False),
    ("reverse apparent", "kVAh", False),
)
# DI2 80..86: all phases; the sign of the first is not documented, so a top bit makes it no digit
_SPECIAL: Final = (
    "linked active",
    "forward active fundamental",
    "reverse active fundamental",
    "forward active harmonic",
    "reverse active harmonic",
    "copper loss active",
    "iron loss active",
)
# DI2 of the first entry: phase; entries as _KINDS without the first, and as _SPECIAL
_PHASES: Final = MappingProxyType({0x15: "A", 0x29: "B", 0x3D: "C"})
_SPECIAL_PHASES: Final = MappingProxyType({0x94: "A", 0xA8: "B", 0xBC: "C"})
_TARIFFS: Final = MappingProxyType({1: "T1 sharp", 2: "T2 peak", 3: "T3 flat", 4: "T4 valley"})
_MAX_TARIFF: Final = 0x3F
_MAX_SETTLEMENT: Final = 0x0C
_BLOCK: Final = 0xFF


@dataclass(frozen=True, slots=True)
class _Quantity:
    """What DI2 of an energy or demand stands for."""

    name: str
    unit: str
    signed: bool
    phase: bool


def _quantities() -> dict[int, _Quantity]:
    found = {
        di2: _Quantity(f"{name} energy", unit, sign, False) for di2, (name, unit, sign) in enumerate(_KINDS)
    }
    for first, phase in _PHASES.items():
        for di2, (name, unit, sign) in enumerate(_KINDS[1:], first):
            found[di2] = _Quantity(f"phase {phase} {name} energy", unit, sign, True)
    for di2, name in enumerate(_SPECIAL, 0x80):
        found[di2] = _Quantity(f"{name} energy", "kWh", False, False)
    for first, phase in _SPECIAL_PHASES.items():
        for di2, name in enumerate(_SPECIAL, first):
            found[di2] = _Quantity(f"phase {phase} {name} energy", "kWh", False, True)
    return found


_ENERGIES: Final = MappingProxyType(_quantities())
_DEMANDS: Final = MappingProxyType(
    {
        di2: _Quantity(f"{name} max demand", unit.removesuffix("h"), False, False)
        for di2, (name, unit, _) in enumerate(_KINDS)
        if di2
    }
)


def _tariff(number: int) -> str:
    return _TARIFFS.get(number, f"T{number}") if number else "total"


def _register_names(name: str, di1: int, di0: int) -> list[str]:
    """Names of the registers a tariff and settlement day stand for, in wire order."""
    if di1 == _BLOCK:
        return [f"{name} block {_tariff(n)}" for n in range(_MAX_TARIFF + 1)]
    if di0 == _BLOCK:
        days = ["now", *(f"settlement {n}" for n in range(1, _MAX_SETTLEMENT + 1))]
        return [f"{name} {_tariff(di1)}, {day}" for day in days]
    return [f"{name} {_tariff(di1)}"]


def _register(di3: int, di2: int, di1: int, di0: int) -> Layout | None:
    """Layout of an energy or demand register; the block of both tariffs and settlement days stays unknown:
    the order of its values is not documented."""
    what = (_ENERGIES if di3 == 0 else _DEMANDS).get(di2)
    if what is None or (di1 == _BLOCK and di0 == _BLOCK):
        return None
    if (di1 != _BLOCK and di1 > _MAX_TARIFF) or (di0 != _BLOCK and di0 > _MAX_SETTLEMENT):
        return None
    names = _register_names(what.name, di1, di0)
    if what.phase:
        names = [name.removesuffix(" total") for name in names]
    if 0 < di0 <= _MAX_SETTLEMENT:
        names = [f"{name}, settlement {di0}" for name in names]
    if di3 == 0:
        return Layout(tuple(number(n, _ENERGY_FORM, what.unit, signed=what.signed) for n in names), 1)
    fields: list[Field] = []
    for name in names:
        fields += number(name, _DEMAND_FORM, what.unit), time("occurred", "mm hh DD MM YY")
    return Layout(tuple(fields), 2, 2)


# -- variables 02 -----------------------------------------------------------------------------------

# DI2: name, form, unit, signed, and the names of its items; DI1 counts them from 01, or from 00 with a total
_APPARENT: Final = 0x05
_PHASE: Final = ("A", "B", "C")
_TOTAL: Final = ("total", "A", "B", "C")
_SHAPES: Final = (
    (0x01, "voltage", "XXX.X", "V", False, _PHASE),
    (0x02, "current", "XXX.XXX", "A", True, _PHASE),
    (0x03, "active power", "XX.XXXX", "kW", True, _TOTAL),
    (0x04, "reactive power", "XX.XXXX", "kvar", True, _TOTAL),
    (_APPARENT, "apparent power", "XX.XXXX", "kVA", False, _TOTAL),
    (0x06, "power factor", "X.XXX", "", True, _TOTAL),
)
_SINGLES: Final = (
    (0x07, "phase angle", "XXX.X", "deg"),
    (0x08, "voltage distortion", "XX.XX", "%"),
    (0x09, "current distortion", "XX.XX", "%"),
)
_HARMONICS: Final = ((0x0A, "voltage"), (0x0B, "current"))
_HIGHEST_ORDER: Final = 21


def _variables() -> dict[str, Layout]:
    found: dict[str, Layout] = {}
    for di2, name, form, unit, sign, phases in _SHAPES:
        block: list[Field] = []
        for di1, phase in enumerate(phases, 0 if phases is _TOTAL else 1):
            one = number(f"{name} {phase}", form, unit, signed=sign, masked=di2 == _APPARENT)
            found[f"02{di2:02X}{di1:02X}00"] = fixed(one, spare=di2 == 0x01)
            block.append(replace(one, name=f"{name} block {phase}"))
        found[f"02{di2:02X}FF00"] = fixed(*block)
    for di2, name, form, unit in _SINGLES:
        for di1, phase in enumerate(_PHASE, 1):
            found[f"02{di2:02X}{di1:02X}00"] = fixed(number(f"{name} {phase}", form, unit))
    for di2, name in _HARMONICS:
        for di1, phase in enumerate(_PHASE, 1):
            for order in range(1, _HIGHEST_ORDER + 1):
                one = number(f"{name} {phase} harmonic {order}", "XX.XX", "%")
                found[f"02{di2:02X}{di1:02X}{order:02X}"] = fixed(one)
    return found


_OTHER_VARIABLES: Final = {
    "02800001": number("neutral current", "XXX.XXX", "A", signed=True),
    "02800002": number("frequency", "XX.XX", "Hz"),
    "02800003": number("one-minute mean active power", "XX.XXXX", "kW", signed=True),
    "02800004": number("present active demand", "XX.XXXX", "kW", signed=True),
    "02800005": number("present reactive demand", "XX.XXXX", "kvar", signed=True),
    "02800006": number("present apparent demand", "XX.XXXX", "kVA", signed=True),
    "02800007": number("temperature", "XXX.X", "C", signed=True),
    "02800008": number("clock battery voltage", "XX.XX", "V"),
    "02800009": number("reading battery voltage", "XX.XX", "V"),
    "0280000A": number("battery operating time", "XXXXXXXX", "min"),
    "00900200": number("prepaid balance", "XXXXXX.XX", "CNY"),
    "00900201": number("overdraft", "XXXXXX.XX", "CNY"),
}

# -- parameters 04 ----------------------------------------------------------------------------------

_PARAMETERS: Final = {
    "04000101": time("date", "WW DD MM YY"),
    "04000102": time("time", "ss mm hh"),
    "0400010C": time("date and time", "ss mm hh WW DD MM YY"),
    "04000103": number("demand period", "XX", "min"),
    "04000104": number("demand slide", "XX", "min"),
    "04000201": number("time zones", "XX"),
    "04000202": number("day tables", "XX"),
    "04000203": number("day periods", "XX"),
    "04000204": number("tariffs", "XX"),
    "04000206": number("highest harmonic order", "XX"),
    "04000207": number("tariff steps", "XX"),
    "04000306": number("CT ratio", "XXXXXX"),
    "04000307": number("PT ratio", "XXXXXX"),
    "04000401": text("communication address", 6, "digits"),
    "04000402": text("meter number", 6, "digits", "id"),
    "04000403": text("asset code", 32),
    "04000404": text("rated voltage", 6),
    "04000405": text("rated current", 6),
    "04000406": text("maximum current", 6),
    "04000407": text("accuracy class active", 4),
    "04000408": text("accuracy class reactive", 4),
    "04000409": number("active constant", "XXXXXX", "imp/kWh"),
    "0400040A": number("reactive constant", "XXXXXX", "imp/kvarh"),
    "0400040B": text("meter model", 10),
    "0400040C": text("production date", 10),
    "0400040D": text("protocol version", 16),
    "04000508": word("key status", 4),
    "04000703": word("baud word port 1", 1),
    "04000704": word("baud word port 2", 1),
    "04000705": word("baud word port 3", 1),
    "04000901": word("load record mode", 1),
    "04000A01": time("load record start", "mm hh DD MM"),
    "04800001": text("maker's software version", 32),
    "04800002": text("maker's hardware version", 32),
    "04800003": text("maker's code", 32),
}


def _parameters() -> dict[str, Layout]:
    found = {di: fixed(field) for di, field in (_PARAMETERS | _OTHER_VARIABLES).items()}
    for n in range(1, 8):
        found[f"040005{n:02X}"] = fixed(word(f"status word {n}", 2, str(n)))
    # 14 bytes; newer meters append the four bytes of their key status (prtc_dlt645_func.c, a captured reply)
    known = tuple(word(f"status word {n}", 2, str(n)) for n in range(1, 8))
    found["040005FF"] = Layout((*known, word("status word 8", 2), word("status word 9", 2)), 7, 2)
    for n in range(1, 7):
        found[f"04000A{n + 1:02X}"] = fixed(number(f"load class {n} interval", "XXXX", "min"))
    for n in range(1, 4):
        found[f"04000B{n:02X}"] = fixed(time(f"settlement day {n}", "hh DD"))
    return found


_TABLE: Final = MappingProxyType(_variables() | _parameters() | dict(event.TOTALS))


@lru_cache(maxsize=1024)
def lookup(di: str) -> Layout | None:
    """The layout of ``di`` (8 hex digits, either case), or None if this table does not know it."""
    di = di.upper()
    known = _TABLE.get(di)
    if known is not None:
        return known
    di3, di2, di1, di0 = bytes.fromhex(di)
    match di3:
        case 0 | 1:
            return _register(di3, di2, di1, di0)
        case 3:
            return event.layout(di)
        case 5:
            return freeze.layout(di)
    return None
