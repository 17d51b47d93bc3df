"""A meter profile: how a model's registers or data identifiers map to quantities. Data, never code.

Parsing of the TOML files is ``config.profiles``; this module holds only the types. Values are scaled
as decimals: ``value = raw * scale``, then times the transformer ratios named by ``ratio``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Literal

from config.quantities import STANDING

PollClass = Literal["fast", "slow"]  # fast: P, U, I | slow: energy, status
Family = Literal["dlt645-2007", "dlt645-1997", "modbus"]
Ratio = Literal["none", "pt", "ct", "ptct"]
ModbusType = Literal[
    "u16", "i16", "sm16", "u32", "i32", "sm32", "u64", "i64", "f32", "f64", "bcd16", "bcd32", "bit"
]
RatioSource = Literal["site", "meter"]
BIT_FUNCTIONS = frozenset({1, 2})  # MODBUS Application Protocol V1.1b3, 6.1 and 6.2
MOST_BITS = 2000  # of one request, the same
WORD = "word"  # the format of a status word: 16 bits, low byte first (DL/T 645-2007, 040005xx)
RATIOS = ("ct", "pt")  # the quantities that hold a ratio, under ``ratio_source = "meter"``
# What meters put where they have no value: all bits set, or the top one of a two's complement. NaN of floats.
FILLS: Mapping[ModbusType, int] = MappingProxyType(
    {
        "u16": 0xFFFF,
        "i16": 0x8000,
        "u32": 0xFFFF_FFFF,
        "i32": 0x8000_0000,
        "u64": 0xFFFF_FFFF_FFFF_FFFF,
        "i64": 0x8000_0000_0000_0000,
        "sm16": 0xFFFF,
        "sm32": 0xFFFF_FFFF,
        "bcd16": 0xFFFF,
        "bcd32": 0xFFFF_FFFF,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One quantity of a model."""

    quantity: str  # name in config.quantities
    poll: PollClass = "fast"
    scale: Decimal = Decimal(1)  # from the raw number to the vocabulary's unit
    ratio: Ratio = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class DltItem(Item):
    """A DL/T 645 data item: a DI and its BCD format, e.g. ``XX.XXXX`` (digits and point as the standard
    prints them; two digits a byte). ``XXX`` is the whole volts of 1997, two bytes. ``signed``: the top bit of
    the most significant byte is the sign. ``word`` is a status word; its ``bit`` is the value, 0 or 1. Where
    the data is ``of`` numbers of this format one behind the other, the ``nth`` is the value."""

    di: str  # 8 hex digits DI3 DI2 DI1 DI0 (2007), or 4: DI1 DI0 (1997)
    format: str
    signed: bool = False
    bit: int | None = None  # 0 is the lowest; with the format "word", and with no other
    nth: int = 1  # 1 is the first
    of: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class DltBlock:
    """A block DI (…FF) that answers several single DIs in this order."""

    di: str
    items: tuple[str, ...]  # the single items' DIs, in the order on the wire


@dataclass(frozen=True, slots=True, kw_only=True)
class ModbusItem(Item):
    """A Modbus value: ``address`` is the zero-based PDU address; ``order`` is the word order of this
    register alone: "be" = high word first (ABCD), "le" = low word first (CDAB). Functions 1 and 2 read
    coils and discrete inputs: of type "bit" and nothing else, 1 is on. "sm16" and "sm32" are a sign, the top
    bit, and a magnitude: no two's complement."""

    fc: Literal[1, 2, 3, 4] = 3
    address: int
    type: ModbusType
    order: Literal["be", "le"] = "be"
    missing: tuple[int, ...] | None = (
        None  # raw words, high word first, that mean "no value"; see missing_codes
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a profile's facts come from."""

    title: str
    confidence: Literal["A", "B", "C"]  # A two sources agree | B one source in use | C doubtful


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One meter model. Exactly one of ``dlt`` and ``modbus`` holds items."""

    id: str
    title: str
    family: Family
    sources: tuple[Source, ...]
    dlt: tuple[DltItem, ...] = ()
    blocks: tuple[DltBlock, ...] = ()
    modbus: tuple[ModbusItem, ...] = ()
    max_registers: int = 125  # most registers this model answers in one read
    max_gap: int = 0  # unused registers a merged read may bridge
    lines: tuple[str, ...] = ()  # line settings seen, most likely first
    phases: Literal[1, 3] = 3
    ratio_source: RatioSource = "site"  # "meter": the items ct and pt, read with every poll that needs them
    note: str = ""  # what a technician must know or check first
    digest: str = ""  # SHA-256 of the file, hex


def data_bytes(item: DltItem) -> int:
    """Bytes of all the data of a DL/T 645 item's DI: two digits each, whole volts in two, a word in two."""
    return 2 if item.format == WORD else item.of * ((item.format.count("X") + 1) // 2)


def missing_codes(item: ModbusItem) -> tuple[int, ...]:
    """The raw values of ``item`` that mean "no value": those its profile names, else the fill of its type. A
    count, a word, a number of the meter's may hold every pattern and has none unless the profile says so."""
    if item.missing is not None:
        return item.missing
    fill = FILLS.get(item.type)
    return () if fill is None or item.quantity in STANDING else (fill,)


def most_cells(fc: int, max_registers: int) -> int:
    """The most that one request of a function may ask for: registers of this model, or bits."""
    return MOST_BITS if fc in BIT_FUNCTIONS else max_registers


def ratio_items(profile: Profile, wanted: Sequence[ModbusItem]) -> tuple[ModbusItem, ...]:
    """Ratio registers to read along with ``wanted``: none unless the profile takes its ratios from the meter
    and one of these items needs one."""
    if profile.ratio_source != "meter" or all(item.ratio == "none" for item in wanted):
        return ()
    return tuple(item for item in profile.modbus if item.quantity in RATIOS)


def site_ratios(profile: Profile) -> frozenset[str]:
    """Which of ct and pt the site file must tell, so that the values become primary."""
    site = profile.ratio_source == "site"
    used = {item.ratio for item in (*profile.dlt, *profile.modbus) if site and item.ratio != "none"}
    return frozenset(key for key in RATIOS if any(key in ratio for ratio in used))
