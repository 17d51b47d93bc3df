"""Registers to exact decimals. No float is ever shown, and no fill value becomes a number.

>>> raw((0x4367, 0x3333), "f32", "be")
Decimal('231.2')
>>> raw((0x0001, 0x0000), "u32", "le")
Decimal('1')

A 32-bit float is given as the shortest decimal that is read back as the same 32-bit float: these are the
digits the meter meant. "be" is the high word first (ABCD), "le" the low word first (CDAB); bytes inside a
word are always high byte first (MODBUS Application Protocol V1.1b3, 4.2).
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType
from typing import Final, Literal

from config.profile import ModbusItem, ModbusType, missing_codes
from drivers.samples import Quality
from drivers.scaling import plain

# 6 digits survive the way there and back, so that the shortest text is never missed; 9 are always enough for
# a 32-bit float to come back. Below the normal numbers digits are fewer.
_F32_NORMAL: Final = 2.0**-126
_F32_LARGEST: Final = 2.0**128 - 2.0**104
# Of these numbers the fewest decimals are the fewest digits, so that they are found without any text.
_F32_PLAIN: Final = 0.001
_F32_LONG: Final = 1e6
_TENS: Final = tuple((10.0**decimals, Decimal(1).scaleb(-decimals)) for decimals in range(13))
_F32_FORMS: Final = (".6g", ".7g", ".8g", ".9g")
_F32_TINY_FORMS: Final = (".1g", ".2g", ".3g", ".4g", ".5g", *_F32_FORMS)

Taker = Callable[[bytes], Decimal | Quality]  # the bytes of one value, high word first


def _integer(form: str) -> Taker:
    unpack = struct.Struct(form).unpack
    return lambda data: Decimal(unpack(data)[0])


def _magnitude(data: bytes) -> Decimal:
    """The top bit is the sign of all others; minus nothing is nothing."""
    raw, sign = int.from_bytes(data, "big"), 1 << (8 * len(data) - 1)
    return Decimal(sign - raw if raw & sign else raw)


def _bcd(data: bytes) -> Decimal | Quality:
    digits = data.hex()
    return Decimal(int(digits)) if digits.isdecimal() else Quality.INVALID


def _f32(data: bytes) -> Decimal | Quality:
    number: float = _F32.unpack(data)[0]
    if _F32_PLAIN <= abs(number) < _F32_LONG:  # as nearly always
        for ten, unit in _TENS:
            whole = round(number * ten)
            if _F32.pack(whole / ten) == data:
                return unit * whole
    if _F32_NORMAL <= abs(number) <= _F32_LARGEST:
        return _shortest(number, data, _F32_FORMS)
    if not math.isfinite(number):
        return Quality.MISSING
    return _shortest(number, data, _F32_TINY_FORMS) if number else _ZERO


def _shortest(number: float, data: bytes, forms: Sequence[str]) -> Decimal:
    for form in forms:
        text = format(number, form)
        if _F32.pack(float(text)) == data:
            break
    return plain(Decimal(text)) if "e" in text else Decimal(text)


def _f64(data: bytes) -> Decimal | Quality:
    (number,) = _F64.unpack(data)
    if not math.isfinite(number):
        return Quality.MISSING
    return plain(Decimal(repr(number).removesuffix(".0"))) if number else _ZERO


_ZERO: Final = Decimal(0)  # a float has a negative zero; a meter reading has not
_F32: Final = struct.Struct(">f")
_F64: Final = struct.Struct(">d")
_TYPES: Final[Mapping[ModbusType, tuple[int, Taker]]] = MappingProxyType(  # registers, and what they hold
    {
        "u16": (1, _integer(">H")),
        "i16": (1, _integer(">h")),
        "u32": (2, _integer(">I")),
        "i32": (2, _integer(">i")),
        "u64": (4, _integer(">Q")),
        "i64": (4, _integer(">q")),
        "f32": (2, _f32),
        "f64": (4, _f64),
        "sm16": (1, _magnitude),
        "sm32": (2, _magnitude),
        "bcd16": (1, _bcd),
        "bcd32": (2, _bcd),
        "bit": (1, _integer(">H")),  # a bit is handed on in a word of its own
    }
)
WORDS: Final = MappingProxyType({name: words for name, (words, _) in _TYPES.items()})
_TAKERS: Final = MappingProxyType({name: taker for name, (_, taker) in _TYPES.items()})


def take(registers: Sequence[int], item: ModbusItem) -> Decimal | Quality:
    """The raw number of ``item``, or why it is none: missing code, NaN, a BCD digit over 9."""
    return taker(item)(joined(registers))


def taker(item: ModbusItem) -> Taker:
    """How ``item`` is taken from the bytes of its registers, as they come on the wire."""
    simple = _TAKERS[item.type]
    turned = item.order == "le"
    fills = frozenset(code.to_bytes(2 * WORDS[item.type], "big") for code in missing_codes(item))
    if not turned and not fills:
        return simple

    def take_item(data: bytes) -> Decimal | Quality:
        if turned:
            data = _turned(data)
        return Quality.MISSING if data in fills else simple(data)

    return take_item


def raw(registers: Sequence[int], kind: ModbusType, order: Literal["be", "le"]) -> Decimal | None:
    """The number in ``WORDS[kind]`` registers; None for NaN, the infinities, and what is no BCD."""
    data = joined(registers)
    taken = _TAKERS[kind](data if order == "be" else _turned(data))
    return None if isinstance(taken, Quality) else taken


def joined(registers: Sequence[int]) -> bytes:
    """The bytes of registers, in the order of the wire."""
    return struct.pack(f">{len(registers)}H", *registers)


def _turned(data: bytes) -> bytes:
    """The other order of words."""
    return b"".join([data[at : at + 2] for at in range(len(data) - 2, -1, -2)])
