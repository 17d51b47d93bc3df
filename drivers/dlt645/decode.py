"""Explains any sound DL/T 645-2007 frame, request or reply, as named items in wire order.

For people and for tests. It knows functions the box never sends (time setting, relay control, their
acknowledgements), because other masters' frames are on the line too. It must not raise on anything a
frame can hold, and an item without a sound value has none.

>>> from drivers.dlt645.frame import hunt
>>> [(_, frame)] = hunt(bytes.fromhex("68610100000000689107333336354558336b16")).frames
>>> [(i.name, i.value, i.unit) for i in explain(frame).items]
[('active power total', '0.2512', 'kW')]

Source: DL/T 645-2007 control codes as in bobyuxinyang/dlt645_2007 dlt645_api_07.h.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from drivers.dlt645 import format as form
from drivers.dlt645.frame import Frame
from drivers.dlt645.item import lookup
from drivers.dlt645.layout import Field, Kind, Layout
from drivers.dlt645.words import ERROR_BITS, RELAY, STATUS_BITS, flags
from drivers.samples import Quality

FUNCTIONS: Final = MappingProxyType(
    {
        0x03: "security",
        0x08: "broadcast time",
        0x11: "read",
        0x12: "read next",
        0x13: "read address",
        0x14: "write",
        0x15: "write address",
        0x16: "freeze",
        0x17: "change baud",
        0x18: "change password",
        0x19: "clear maximum demand",
        0x1A: "clear meter",
        0x1B: "clear events",
        0x1C: "relay control",
        0x1D: "multi-function output",
    }
)
_READ, _NEXT, _ADDRESS = 0x11, 0x12, 0x13
_TIME_SET, _RELAY = 0x08, 0x1C
_WITH_DI: Final = (_READ, _NEXT)
_RELAY_DATA: Final = 16  # PA P×3, C×4, N1, N2, ss mm hh DD MM YY


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


@dataclass(frozen=True, slots=True)
class Explained:
    """A frame in words."""

    direction: Literal["master->meter", "meter->master"]
    address: str
    control: int
    function: str
    di: str | None
    more: bool  # further frames follow
    items: tuple[Named, ...]


def explain(frame: Frame) -> Explained:
    """Decode all that ``frame`` holds. Never raises."""
    has_di = frame.function in _WITH_DI and not frame.refusal and len(frame.data) >= 4
    return Explained(
        direction="meter->master" if frame.from_meter else "master->meter",
        address=frame.address,
        control=frame.control,
        function=FUNCTIONS.get(frame.function, f"{frame.function:02X}H"),
        di=frame.data[3::-1].hex().upper() if has_di else None,
        more=frame.from_meter and frame.more,
        items=_reply(frame) if frame.from_meter else _request(frame),
    )


def decode_item(di: str, data: bytes, *, cut: bool = False) -> tuple[Named, ...]:
    """Decode the data of ``di``, without the DI itself.

    A length that the item cannot have makes all its fields INVALID, because no border between them is
    sure; ``cut`` says that further frames follow, so whole fields count and the rest is shown as it is.
    """
    layout = lookup(di)
    if layout is None:
        return (_hex("data", data),) if data else ()
    if layout.spared(data):
        return (*_fields(layout.fields, data), _hex("trailing", data[-1:]))
    count = layout.count(len(data))
    if count is not None:
        return _fields(layout.fields[:count], data)
    if cut:
        return _beginning(layout, data)
    first = layout.fields[: layout.least]
    broken = tuple(Named(f.name, f.kind, None, f.unit, Quality.INVALID) for f in first)
    return (*broken, _hex("data of wrong length", data))


def _beginning(layout: Layout, data: bytes) -> tuple[Named, ...]:
    count = size = 0
    while count < len(layout.fields) and size + layout.fields[count].size <= len(data):
        size += layout.fields[count].size
        count += 1
    rest = (_hex("cut by frame border", data[size:]),) if data[size:] else ()
    return (*_fields(layout.fields[:count], data), *rest)


def _fields(fields: tuple[Field, ...], data: bytes) -> tuple[Named, ...]:
    named: list[Named] = []
    at = 0
    for field in fields:
        named.append(_field(field, data[at : at + field.size]))
        at += field.size
    return tuple(named)


def _field(field: Field, raw: bytes) -> Named:
    value, quality = _value(field, raw)
    bits: tuple[str, ...] = ()
    if value is not None and field.kind == "word" and field.form:
        bits = flags(int(value, 16), STATUS_BITS[int(field.form)])
    return Named(field.name, field.kind, value, field.unit, quality, raw, bits)


def _value(field: Field, raw: bytes) -> tuple[str | None, Quality]:
    match field.kind:
        case "number":
            taken = form.take(raw, field.form, signed=field.signed)
            return (None if taken.value is None else f"{taken.value:f}"), taken.quality
        case "time":
            return form.take_clock(raw, field.form)
        case "word":
            return form.take_word(raw)
        case "text":
            return (form.take_digits if field.form == "digits" else form.take_ascii)(raw)


def _hex(name: str, raw: bytes) -> Named:
    return Named(name, "text", raw.hex(), "hex", raw=raw)


def _refused(frame: Frame) -> tuple[Named, ...]:
    if len(frame.data) != 1:
        return (_hex("error frame of unexpected length, as sent", frame.raw[10:-2]),)
    bits = flags(frame.data[0], ERROR_BITS)
    return (
        Named("error word", "word", f"0x{frame.data[0]:02x}", ", ".join(bits), raw=frame.data, flags=bits),
    )


def _reply(frame: Frame) -> tuple[Named, ...]:
    data = frame.data
    if frame.refusal:
        return _refused(frame)
    if frame.function == _ADDRESS and len(data) == 6:
        return _fields((Field("communication address", "text", 6, "digits"),), data)
    if frame.function == _READ and len(data) >= 4:
        return decode_item(data[3::-1].hex(), data[4:], cut=frame.more)
    if frame.function == _NEXT and len(data) >= 5:
        # where this frame's data begins among the item's is not known from the frame alone
        return (_hex("data", data[4:-1]), _sequence("sequence", data[-1]))
    if not data:
        return (Named("acknowledged", "word", "true"),)
    return (_hex("data", data),)


def _sequence(name: str, number: int) -> Named:
    return Named(name, "number", str(number), raw=bytes((number,)))


def _request(frame: Frame) -> tuple[Named, ...]:
    data = frame.data
    if frame.function == _TIME_SET and len(data) == 6:
        return _fields((Field("broadcast time", "time", 6, "ss mm hh DD MM YY"),), data)
    if frame.function == _RELAY and len(data) == _RELAY_DATA:
        order = data[8]
        until = Field("valid until", "text", 6, "digits", "YYMMDDhhmmss")
        name = Named("relay control N1", "word", f"0x{order:02x}", RELAY.get(order, ""), raw=data[8:9])
        return (name, *_fields((until,), data[10:]))
    if frame.function == _NEXT and len(data) == 5:
        return (_sequence("sequence requested", data[4]),)
    if frame.function in _WITH_DI and len(data) >= 4:
        return (_hex("parameters", data[4:]),) if data[4:] else ()
    return (_hex("data", data),) if data else ()
