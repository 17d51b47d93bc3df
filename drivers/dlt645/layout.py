"""The shape of a data item: its fields, in wire order. Types and small constructors; decodes nothing.

>>> fixed(number("voltage A", "XXX.X", "V")).count(2)
1
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from drivers.dlt645.format import digits

Kind = Literal["number", "time", "word", "text"]


@dataclass(frozen=True, slots=True)
class Field:
    """One value of an item. ``form``: the digits of a number, the byte order of a time, ``ascii``,
    ``digits`` or ``di`` of a text, of a status word its number."""

    name: str
    kind: Kind
    size: int  # bytes
    form: str = ""
    unit: str = ""
    signed: bool = False
    masked: bool = False  # the top bit is no part of the number, nor its sign


@dataclass(frozen=True, slots=True)
class Layout:
    """All a DI may hold. A reply ends after ``least`` fields, or after any ``step`` more of them.

    ``spare``: a byte 00 behind the value was seen in the field and is no reason to refuse it.
    """

    fields: tuple[Field, ...]
    least: int
    step: int = 1
    spare: bool = False

    def count(self, length: int) -> int | None:
        """How many fields so many bytes of data hold; None if no reply has that length."""
        size = 0
        for number, field in enumerate(self.fields, 1):
            size += field.size
            if size >= length:
                whole = size == length and number >= self.least and (number - self.least) % self.step == 0
                return number if whole else None
        return None

    def spared(self, data: bytes) -> bool:
        """True for the quirk of ``spare``: the one fixed length, and 00 once more.

        Any other byte there could mean that the meter uses a longer format, and the value would be wrong.
        """
        return self.spare and data[-1:] == b"\x00" and self.count(len(data) - 1) == len(self.fields)


def number(name: str, form: str, unit: str = "", *, signed: bool = False, masked: bool = False) -> Field:
    """A BCD number."""
    return Field(name, "number", digits(form)[0], form, unit, signed, masked)


def time(name: str, order: str) -> Field:
    """A date or time, its bytes in ``order``."""
    return Field(name, "time", len(order.split()), order)


def word(name: str, size: int, form: str = "") -> Field:
    """A word of bits; ``form`` is the number of a status word whose bits are known."""
    return Field(name, "word", size, form)


def text(name: str, size: int, form: Literal["ascii", "digits", "di"] = "ascii", unit: str = "") -> Field:
    """Text, or a number that is a name."""
    return Field(name, "text", size, form, unit)


def fixed(*fields: Field, spare: bool = False) -> Layout:
    """A layout of exactly these fields."""
    return Layout(fields, len(fields), spare=spare)
