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

from drivers.dlt645 import freeze, load
from drivers.dlt645.frame import Frame
from drivers.dlt645.item import lookup
from drivers.dlt645.layout import Field, number, time
from drivers.dlt645.named import Named, as_hex, take_fields, take_layout
from drivers.dlt645.words import ERROR_BITS, RELAY, flags

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
ERROR_AS_SENT: Final = "error frame with unexpected length, data field as sent (raw, +33H form)"
_READ, _NEXT, _ADDRESS = 0x11, 0x12, 0x13
_TIME_SET, _RELAY = 0x08, 0x1C
_WITH_DI: Final = (_READ, _NEXT)
_ASKING: Final = (*_WITH_DI, _ADDRESS)  # what they are answered with is never nothing
_WANTED: Final = number("records wanted", "XX")
# What may stand behind the DI of a read, by the length of DATA: N, or N and the time of the first record.
_PARAMETERS: Final = MappingProxyType({5: (_WANTED,), 10: (_WANTED, time("records from", "mm hh DD MM YY"))})
_RELAY_DATA: Final = 16  # PA P×3, C×4, N1, N2, ss mm hh DD MM YY


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
    """Decode the data of ``di``, without the DI itself; ``cut``: further frames follow."""
    if di[:2] == "06":
        return load.explain(di, data, cut=cut) or ((as_hex("data", data),) if data else ())
    if freeze.is_set(di):
        return freeze.explain(di, data, cut=cut)
    layout = lookup(di)
    if layout is None:
        return (as_hex("data", data),) if data else ()
    if layout.spared(data):
        return (*take_fields(layout.fields, data), as_hex("trailing", data[-1:], ""))
    return take_layout(layout, data, cut=cut)


def _refused(frame: Frame) -> tuple[Named, ...]:
    if len(frame.data) != 1:
        return (as_hex(ERROR_AS_SENT, frame.raw[10:-2], ""),)
    bits = flags(frame.data[0], ERROR_BITS)
    return (
        Named("error word", "word", f"0x{frame.data[0]:02x}", ", ".join(bits), raw=frame.data, flags=bits),
    )


def _reply(frame: Frame) -> tuple[Named, ...]:
    data = frame.data
    if frame.refusal:
        return _refused(frame)
    if frame.function == _ADDRESS and len(data) == 6:
        return take_fields((Field("communication address", "text", 6, "digits"),), data)
    if frame.function == _READ and len(data) >= 4:
        return decode_item(data[3::-1].hex(), data[4:], cut=frame.more)
    if frame.function == _NEXT and len(data) >= 5:
        # where this frame's data begins among the item's is not known from the frame alone
        return (as_hex("data", data[4:-1]), _sequence("sequence", data[-1]))
    if not data:
        return () if frame.function in _ASKING else (Named("acknowledged", "text", "true"),)
    return (as_hex("data", data),)


def _sequence(name: str, number: int) -> Named:
    return Named(name, "number", str(number), raw=bytes((number,)))


def _request(frame: Frame) -> tuple[Named, ...]:
    data = frame.data
    if frame.function == _TIME_SET and len(data) == 6:
        return take_fields((Field("broadcast time", "time", 6, "ss mm hh DD MM YY"),), data)
    if frame.function == _RELAY and len(data) == _RELAY_DATA:
        order = data[8]
        until = Field("valid until", "text", 6, "digits", "YYMMDDhhmmss")
        name = Named("relay control N1", "word", f"0x{order:02x}", RELAY.get(order, ""), raw=data[8:9])
        return (name, *take_fields((until,), data[10:]))
    if frame.function == _NEXT and len(data) == 5:
        return (_sequence("sequence requested", data[4]),)
    if frame.function == _READ and len(data) in _PARAMETERS:
        return take_fields(_PARAMETERS[len(data)], data[4:])
    if frame.function in _WITH_DI and len(data) >= 4:
        return (as_hex("parameters", data[4:]),) if data[4:] else ()
    return (as_hex("data", data),) if data else ()


__all__ = ["ERROR_AS_SENT", "FUNCTIONS", "Explained", "Named", "decode_item", "explain"]
