"""Explains any sound DL/T 645-1997 frame, request or reply, as named items in wire order.

Must not raise on anything a frame can hold. The edition cannot be seen from the frame alone: `speaks` says
which control codes exist in this edition only.

>>> from drivers.dlt645.frame import hunt
>>> [(_, frame)] = hunt(bytes.fromhex("6895320600000068810643c3693333332c16")).frames
>>> [(i.name, i.value, i.unit) for i in explain(frame).items]
[('forward active energy total', '0.36', 'kWh')]

Source: DL/T 645-1997 control codes as in bobyuxinyang/dlt645_1997 dlt645_api_97.h.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from drivers.dlt645.decode import ERROR_AS_SENT, Explained
from drivers.dlt645.frame import Frame
from drivers.dlt645.layout import Field
from drivers.dlt645.named import Named, as_hex, take_fields, take_layout
from drivers.dlt645.words import flags
from drivers.dlt645_1997.item import ENDS, is_block, lookup
from drivers.dlt645_1997.words import ERROR_BITS

FUNCTIONS: Final = MappingProxyType(
    {
        0x01: "read",
        0x02: "read next",
        0x03: "read again",
        0x04: "write",
        0x05: "freeze",
        0x08: "broadcast time",
        0x0A: "write address",
        0x0C: "change baud",
        0x0F: "change password",
        0x10: "clear maximum demand",
    }
)
_SHARED: Final = frozenset({0x03, 0x08})  # codes that the edition of 2007 has too
_READ, _NEXT, _AGAIN, _WRITE, _TIME_SET = 0x01, 0x02, 0x03, 0x04, 0x08
_WITH_DI: Final = (_READ, _NEXT, _AGAIN, _WRITE)
_DI: Final = 2
_LIMITS: Final = ("B63F", 16, 12)  # some meters append the power limits to the block


def speaks(frame: Frame) -> bool:
    """True if the frame's function exists in this edition and not in that of 2007."""
    return frame.function in FUNCTIONS.keys() - _SHARED


def explain(frame: Frame) -> Explained:
    """Decode all that ``frame`` holds. Never raises."""
    has_di = frame.function in _WITH_DI and not frame.refusal and len(frame.data) >= _DI
    di = frame.data[1::-1].hex().upper() if has_di else None
    return Explained(
        direction="meter->master" if frame.from_meter else "master->meter",
        address=frame.address,
        control=frame.control,
        function=FUNCTIONS.get(frame.function, f"{frame.function:02X}H"),
        di=di,
        more=frame.from_meter and frame.more,
        items=_reply(frame, di) if frame.from_meter else _request(frame, di),
    )


def decode_item(di: str, data: bytes, *, cut: bool = False) -> tuple[Named, ...]:
    """Decode the data of ``di``, without the DI itself; ``cut``: further frames follow.

    What stands behind a block is shown as it is, and never taken for a value.
    """
    layout = lookup(di)
    if layout is None:
        return (as_hex("data", data),) if data else ()
    if is_block(di) and data[-1:] and data[-1] in ENDS:
        count = layout.count(len(data) - 1)
        if count is not None:
            return (*take_fields(layout.fields[:count], data), as_hex("trailing", data[-1:], ""))
    name, whole, size = _LIMITS
    if di == name and len(data) == whole:
        return (*take_fields(layout.fields, data), as_hex("power limits", data[size:]))
    return take_layout(layout, data, cut=cut)


def _refused(frame: Frame) -> tuple[Named, ...]:
    if len(frame.data) != 1:
        return (as_hex(ERROR_AS_SENT, frame.raw[10:-2], ""),)
    bits = flags(frame.data[0], ERROR_BITS)
    return (
        Named("error word", "word", f"0x{frame.data[0]:02x}", ", ".join(bits), raw=frame.data, flags=bits),
    )


def _reply(frame: Frame, di: str | None) -> tuple[Named, ...]:
    data = frame.data
    if frame.refusal:
        return _refused(frame)
    if frame.function == _NEXT and di is not None:
        # where this frame's data begins among the item's is not known from the frame alone
        return (as_hex("data", data[_DI:]),) if data[_DI:] else ()
    if di is not None:
        return decode_item(di, data[_DI:], cut=frame.more)
    return (as_hex("data", data),) if data else (Named("acknowledged", "word", "true"),)


def _request(frame: Frame, di: str | None) -> tuple[Named, ...]:
    data = frame.data
    if frame.function == _TIME_SET and len(data) == 6:
        return take_fields((Field("broadcast time", "time", 6, "ss mm hh DD MM YY"),), data)
    rest = data if di is None else data[_DI:]
    return (as_hex("parameters" if di else "data", rest),) if rest else ()
