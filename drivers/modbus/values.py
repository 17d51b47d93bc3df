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

from config.profile import ModbusItem, ModbusType
from drivers.samples import Quality
from drivers.scaling import plain

_F32_DIGITS: Final = 9  # always enough for a 32-bit float to come back
_F32_SURE: Final = 6  # so many digits survive the way there and back: the shortest text is never missed
_F32_NORMAL: Final = 2.0**-126  # below, digits are fewer

Taker = Callable[[bytes], Decimal | Quality]  # the bytes of one value, high word first


def _integer(form: str) -> Taker:
    unpack = struct.Struct(form).unpack
    return lambda data: Decimal(unpack(data)[0])


def _bcd(data: bytes) -> Decimal | Quality:
    digits = data.hex()
    return Decimal(int(digits)) if digits.isdecimal() else Quality.INVALID


def _f32(data: bytes) -> Decimal | Quality:
    (number,) = _F32.unpack(data)
    return _decimal(number, _shortest_f32(number, data)) if math.isfinite(number) else Quality.MISSING


def _f64(data: bytes) -> Decimal | Quality:
    (number,) = _F64.unpack(data)
    return _decimal(number, repr(number).removesuffix(".0")) if math.isfinite(number) else Quality.MISSING


def _decimal(number: float, text: str) -> Decimal:
    if number == 0:
        return Decimal(0)  # a float has a negative zero; a meter reading has not
    return plain(Decimal(text)) if "e" in text else Decimal(text)


def _shortest_f32(number: float, data: bytes) -> str:
    for digits in range(_F32_SURE if abs(number) >= _F32_NORMAL else 1, _F32_DIGITS):
        text = f"{number:.{digits}g}"
        try:
            if _F32.pack(float(text)) == data:
                return text
        except OverflowError:  # rounded up past the largest float
            continue
    return f"{number:.{_F32_DIGITS}g}"


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
        "bcd16": (1, _bcd),
        "bcd32": (2, _bcd),
    }
)
WORDS: Final = MappingProxyType({name: words for name, (words, _) in _TYPES.items()})
_TAKERS: Final = MappingProxyType({name: taker for name, (_, taker) in _TYPES.items()})
_JOINS: Final = MappingProxyType({words: struct.Struct(f">{words}H").pack for words in (1, 2, 4)})


def take(registers: Sequence[int], item: ModbusItem) -> Decimal | Quality:
    """The raw number of ``item``, or why it is none: missing code, NaN, a BCD digit over 9."""
    data = _joined(registers, item.order)
    if item.missing and int.from_bytes(data, "big") in item.missing:
        return Quality.MISSING
    return _TAKERS[item.type](data)


def raw(registers: Sequence[int], kind: ModbusType, order: Literal["be", "le"]) -> Decimal | None:
    """The number in ``WORDS[kind]`` registers; None for NaN, the infinities, and what is no BCD."""
    taken = _TAKERS[kind](_joined(registers, order))
    return None if isinstance(taken, Quality) else taken


def _joined(registers: Sequence[int], order: Literal["be", "le"]) -> bytes:
    return _JOINS[len(registers)](*(registers if order == "be" else registers[::-1]))
