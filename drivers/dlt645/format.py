"""DL/T 645-2007 data formats: the bytes of one data item to a decimal with exactly the meter's digits.

BCD, low byte first; ``XXX.X`` gives digits and point. The order of work is fixed: all FF or all EE is
*missing*; then the top bit of the last byte, if it is a sign or, of apparent power, no part of the number;
then each nibble must be a digit, else the value is *invalid*; then the point. A value that is not plainly
right is never returned, and nothing here is a float.

>>> take(bytes.fromhex("122580"), "XX.XXXX", signed=True).value
Decimal('-0.2512')
>>> take(bytes.fromhex("ffff"), "XXX.X").quality
<Quality.MISSING: 'missing'>

Source: DL/T 645-2007 annex A as quoted by bobyuxinyang/dlt645_2007 dlt645_api_07.h; FF in captured blocks,
EE as State Grid terminals use it (tests/vectors/dlt645.json: 07-block-i-ff, co-ee-fill).
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable
from decimal import Decimal
from functools import lru_cache
from types import MappingProxyType
from typing import Final, NamedTuple

from drivers.errors import DriverError
from drivers.samples import Quality
from drivers.scaling import EXACT

_PATTERN = re.compile(r"(?P<whole>X+)(?:\.(?P<part>X+))?")
WHOLE_VOLTS: Final = "XXX"
WORD_BYTES: Final = 2  # DL/T 645-2007, 04000501 to 04000507
_SIGN: Final = 0x80
_EXACT_BYTES: Final = 14  # the decimal module multiplies 28 digits without rounding
_FILLS: Final = (b"\xff", b"\xee")
_MISSING: Final = Quality.MISSING  # a member of an enum by its name costs a search each time
_INVALID: Final = Quality.INVALID


class FormatError(DriverError):
    """A format no data item can have; a mistake in a profile or table, caught by nobody."""


class Taken(NamedTuple):
    """A value, or the reason why there is none."""

    value: Decimal | None
    quality: Quality


@lru_cache(maxsize=256)
def digits(form: str) -> tuple[int, int]:
    """Bytes and decimals of a format: ``XX.XXXX`` is (3, 4). ``XXX``, the whole volts of the edition of
    1997, is two bytes whose first nibble must be 0. Raises FormatError."""
    found = _PATTERN.fullmatch(form)
    part = "" if found is None else found["part"] or ""
    count = form.count("X")
    if found is None or (count % 2 and form != WHOLE_VOLTS):
        raise FormatError(f"format {form!r}: an even number of X, at most one point")
    return (count + 1) // 2, len(part)


def filled(data: bytes) -> bool:
    """True if a meter's or terminal's fill stands where a value should: all FF, or all EE."""
    return data[:1] in _FILLS and data.count(data[:1]) == len(data)


Taker = Callable[[bytes], Decimal | Quality]  # the bytes of one item as sent, low byte first


@lru_cache(maxsize=256)
def taker(form: str, *, signed: bool = False, masked: bool = False) -> Taker:
    """How an item of this format is decoded; see `take`. Raises FormatError."""
    size, decimals = digits(form)
    top, unit, whole = signed or masked, Decimal(1).scaleb(-decimals), form == WHOLE_VOLTS

    def take_number(data: bytes) -> Decimal | Quality:
        if len(data) != size:
            return _INVALID
        minus, told = False, data
        if top and data[-1] & _SIGN:
            minus, told = not masked, data[:-1] + bytes((data[-1] & ~_SIGN & 0xFF,))
        text = told[::-1].hex()
        if not text.isdecimal() or (whole and text[0] != "0"):  # no fill is a number
            return _MISSING if filled(data) else _INVALID
        number = -int(text) if minus else int(text)
        return EXACT.multiply(unit, number) if size > _EXACT_BYTES else unit * number

    return take_number


def take(data: bytes, form: str, *, signed: bool = False, masked: bool = False) -> Taken:
    """Decode one item as sent (low byte first, 33H taken off). Raises FormatError for a bad ``form`` only.

    A wrong length is INVALID. Minus nothing is given as nothing. Ranges of signed items end at 79…9:
    the top bit is the sign. So do those of ``masked`` ones, whose top bit is left out and never a sign.
    """
    found = taker(form, signed=signed, masked=masked)(data)
    return Taken(None, found) if isinstance(found, Quality) else Taken(found, Quality.GOOD)


def bit_taker(at: int) -> Taker:
    """How one bit of a status word is decoded: 0 or 1. All bits set, or EE, is fill like anywhere else: no
    meter has every fault."""

    def take_bit(data: bytes) -> Decimal | Quality:
        if len(data) != WORD_BYTES:
            return _INVALID
        return _MISSING if filled(data) else Decimal(int.from_bytes(data, "little") >> at & 1)

    return take_bit


# How people read a date or time, by the order of its bytes on the wire.
CLOCKS: Final = MappingProxyType(
    {
        "ss mm hh": "{hh}:{mm}:{ss}",
        "WW DD MM YY": "20{YY}-{MM}-{DD} weekday {WW}",
        "ss mm hh WW DD MM YY": "20{YY}-{MM}-{DD} {hh}:{mm}:{ss} weekday {WW}",
        "ss mm hh DD MM YY": "20{YY}-{MM}-{DD} {hh}:{mm}:{ss}",
        "mm hh DD MM YY": "20{YY}-{MM}-{DD} {hh}:{mm}",
        "mm hh DD MM": "{MM}-{DD} {hh}:{mm}",
        "hh DD": "day {DD} hour {hh}",
    }
)
# Hour 24 and weekday 7 are taken as sent: meters use them.
_RANGES: Final = MappingProxyType(
    {"ss": (0, 59), "mm": (0, 59), "hh": (0, 24), "WW": (0, 7), "DD": (1, 31), "MM": (1, 12), "YY": (0, 99)}
)


def take_clock(data: bytes, order: str) -> tuple[str | None, Quality]:
    """Decode a date or time whose bytes come in ``order`` (a key of `CLOCKS`). Years are of this century.

    INVALID for a byte that is no BCD or out of its range, and for a day its month has not. MISSING for fill,
    for 99 in each byte (a settlement day not used) and for all zeros where a date is due (it never happened).
    """
    names = order.split()
    if len(data) != len(names):
        return None, Quality.INVALID
    if filled(data) or data.count(0x99) == len(data) or ("DD" in names and not any(data)):
        return None, Quality.MISSING
    parts = {name: f"{byte:02x}" for name, byte in zip(names, data, strict=True)}
    for name, part in parts.items():
        low, high = _RANGES[name]
        if not part.isdecimal() or not low <= int(part) <= high:
            return None, Quality.INVALID
    if "MM" in parts and int(parts["DD"]) > monthrange(2000 + int(parts.get("YY", "0")), int(parts["MM"]))[1]:
        return None, Quality.INVALID
    return CLOCKS[order].format(**parts), Quality.GOOD


def take_ascii(data: bytes) -> tuple[str | None, Quality]:
    """Decode ASCII text, sent last character first and padded with 00, 20 or FF."""
    raw = data[::-1].strip(b"\x00\x20\xff")
    if not raw:
        return None, Quality.MISSING
    text = raw.decode("latin-1")
    if not (text.isascii() and text.isprintable()):
        return None, Quality.INVALID
    return text, Quality.GOOD


def take_digits(data: bytes) -> tuple[str | None, Quality]:
    """Decode an address or number: digits, low byte first, leading zeros kept."""
    text = data[::-1].hex()
    if filled(data) or not data:
        return None, Quality.MISSING
    return (text, Quality.GOOD) if text.isdecimal() else (None, Quality.INVALID)


def take_di(data: bytes) -> tuple[str | None, Quality]:
    """Decode a data identifier inside a record: DI3 DI2 DI1 DI0 in hex; FF fills places not used."""
    if filled(data) or not data:
        return None, Quality.MISSING
    return data[::-1].hex().upper(), Quality.GOOD


def take_word(data: bytes) -> tuple[str | None, Quality]:
    """Decode a word of bits, low byte first, as ``0x…``; all bits set, or EE, is fill like anywhere else."""
    if filled(data) or not data:
        return None, Quality.MISSING
    return f"0x{data[::-1].hex()}", Quality.GOOD
