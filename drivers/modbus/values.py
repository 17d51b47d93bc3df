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
from collections.abc import Sequence
from decimal import Decimal
from types import MappingProxyType
from typing import Final, Literal

from config.profile import ModbusItem, ModbusType
from drivers.samples import Quality
from drivers.scaling import plain

_FORMATS: Final = MappingProxyType(
    {
        "u16": ">H",
        "i16": ">h",
        "u32": ">I",
        "i32": ">i",
        "u64": ">Q",
        "i64": ">q",
        "f32": ">f",
        "f64": ">d",
    }
)
_BCD: Final = MappingProxyType({"bcd16": 1, "bcd32": 2})
WORDS: Final = MappingProxyType(
    {**{name: struct.calcsize(form) // 2 for name, form in _FORMATS.items()}, **_BCD}
)
_F32_DIGITS: Final = 9  # always enough for a 32-bit float to come back
_F32_SURE: Final = 6  # so many digits survive the way there and back: the shortest text is never missed
_F32_NORMAL: Final = 2.0**-126  # below, digits are fewer


def take(registers: Sequence[int], item: ModbusItem) -> Decimal | Quality:
    """The raw number of ``item``, or why it is none: missing code, NaN, a BCD digit over 9."""
    data = _joined(registers, item.order)
    if item.missing and int.from_bytes(data, "big") in item.missing:
        return Quality.MISSING
    if item.type in _BCD:
        digits = data.hex()
        return Decimal(int(digits)) if digits.isdecimal() else Quality.INVALID
    value = _number(data, item.type)
    return Quality.MISSING if value is None else value


def raw(registers: Sequence[int], kind: ModbusType, order: Literal["be", "le"]) -> Decimal | None:
    """The number in ``WORDS[kind]`` registers, BCD apart; None for NaN and the infinities."""
    return _number(_joined(registers, order), kind)


def _joined(registers: Sequence[int], order: Literal["be", "le"]) -> bytes:
    """The bytes of a value, high word first."""
    return struct.pack(f">{len(registers)}H", *(registers if order == "be" else registers[::-1]))


def _number(data: bytes, kind: ModbusType) -> Decimal | None:
    (number,) = struct.unpack(_FORMATS[kind], data)
    if kind not in ("f32", "f64"):
        return Decimal(number)
    if not math.isfinite(number):
        return None
    if number == 0:
        return Decimal(0)  # a float has a negative zero; a meter reading has not
    return plain(Decimal(_shortest_f32(number, data) if kind == "f32" else repr(number).removesuffix(".0")))


def _shortest_f32(number: float, data: bytes) -> str:
    for digits in range(_F32_SURE if abs(number) >= _F32_NORMAL else 1, _F32_DIGITS):
        text = f"{number:.{digits}g}"
        try:
            if struct.pack(">f", float(text)) == data:
                return text
        except OverflowError:  # rounded up past the largest float
            continue
    return f"{number:.{_F32_DIGITS}g}"
