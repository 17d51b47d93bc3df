"""A meter profile: how a model's registers or data identifiers map to quantities. Data, never code.

Parsing of the TOML files is ``config.profiles``; this module holds only the types. Values are scaled
as decimals: ``value = raw * scale``, then times the transformer ratios named by ``ratio``.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

PollClass = Literal["fast", "slow"]  # fast: P, U, I | slow: energy, status
Ratio = Literal["none", "pt", "ct", "ptct"]
ModbusType = Literal["u16", "i16", "u32", "i32", "u64", "i64", "f32", "f64"]


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
    prints them; two digits a byte). ``signed``: the top bit of the most significant byte is the sign."""

    di: str  # 8 hex digits DI3 DI2 DI1 DI0 (2007)
    format: str
    signed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DltBlock:
    """A block DI (…FF) that answers several single DIs in this order."""

    di: str
    items: tuple[str, ...]  # the single items' DIs, in the order on the wire


@dataclass(frozen=True, slots=True, kw_only=True)
class ModbusItem(Item):
    """A Modbus value: ``address`` is the zero-based PDU address; ``order`` is the word order of this
    register alone: "be" = high word first (ABCD), "le" = low word first (CDAB)."""

    fc: Literal[3, 4] = 3
    address: int
    type: ModbusType
    order: Literal["be", "le"] = "be"


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
    family: Literal["dlt645-2007", "modbus"]
    sources: tuple[Source, ...]
    dlt: tuple[DltItem, ...] = ()
    blocks: tuple[DltBlock, ...] = ()
    modbus: tuple[ModbusItem, ...] = ()
    max_registers: int = 125  # most registers this model answers in one read
    max_gap: int = 0  # unused registers a merged read may bridge
    lines: tuple[str, ...] = ()  # line settings seen, most likely first
    phases: Literal[1, 3] = 3
    digest: str = ""  # SHA-256 of the file, hex
