"""A decoded item: its name, its value as text, or the reason why it has none. Decodes fields, knows no DI.

Must not raise on any bytes, and never shows a value that is not plainly right.

>>> [(n.value, n.unit) for n in take_fields((Field("voltage A", "number", 2, "XXX.X", "V"),), b"\\x01\\x23")]
[('230.1', 'V')]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from drivers.dlt645 import format as form
from drivers.dlt645.layout import Field, Kind, Layout
from drivers.dlt645.words import STATUS_BITS, flags
from drivers.samples import Quality

_TEXTS: Final = MappingProxyType({"ascii": form.take_ascii, "digits": form.take_digits, "di": form.take_di})


@dataclass(frozen=True, slots=True)
class Named:
    """One named item. ``value`` is None unless ``quality`` is GOOD; ``raw`` as sent (33H off)."""

    name: str
    kind: Kind
    value: str | None
    unit: str = ""
    quality: Quality = Quality.GOOD
    raw: bytes = b""
    flags: tuple[str, ...] = ()  # meanings of the bits set in a word


def take_fields(fields: Sequence[Field], data: bytes) -> tuple[Named, ...]:
    """Decode ``fields`` one behind the other; bytes behind the last are not looked at."""
    named: list[Named] = []
    at = 0
    for field in fields:
        named.append(take_field(field, data[at : at + field.size]))
        at += field.size
    return tuple(named)


def take_field(field: Field, raw: bytes) -> Named:
    """Decode one field."""
    value, quality = _value(field, raw)
    bits: tuple[str, ...] = ()
    if value is not None and field.kind == "word" and field.form:
        bits = flags(int(value, 16), STATUS_BITS[int(field.form)])
    return Named(field.name, field.kind, value, field.unit, quality, raw, bits)


def invalid(fields: Sequence[Field]) -> tuple[Named, ...]:
    """``fields`` without values: the bytes have no border that is sure."""
    return tuple(Named(f.name, f.kind, None, f.unit, Quality.INVALID) for f in fields)


def as_hex(name: str, raw: bytes, unit: str = "hex") -> Named:
    """Bytes shown as they are."""
    return Named(name, "text", raw.hex(), unit, raw=raw)


def take_layout(layout: Layout, data: bytes, *, cut: bool = False) -> tuple[Named, ...]:
    """Decode the data of an item.

    A length that the item cannot have makes all its fields INVALID, because no border between them is
    sure; ``cut`` says that further frames follow, so whole fields count and the rest is shown as it is.
    """
    count = layout.count(len(data))
    if count is not None:
        return take_fields(layout.fields[:count], data)
    if not cut:
        return (*invalid(layout.fields[: layout.least]), as_hex("data of wrong length", data))
    count = size = 0
    while count < len(layout.fields) and size + layout.fields[count].size <= len(data):
        size += layout.fields[count].size
        count += 1
    rest = (as_hex("cut by frame border", data[size:]),) if data[size:] else ()
    return (*take_fields(layout.fields[:count], data), *rest)


def _value(field: Field, raw: bytes) -> tuple[str | None, Quality]:
    match field.kind:
        case "number":
            taken = form.take(raw, field.form, signed=field.signed, masked=field.masked)
            return (None if taken.value is None else f"{taken.value:f}"), taken.quality
        case "time":
            return form.take_clock(raw, field.form)
        case "word":
            return form.take_word(raw)
        case "text":
            return _TEXTS[field.form](raw)
