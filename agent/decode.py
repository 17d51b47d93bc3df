"""Explains captured bytes as frames of any protocol we speak: what ``sitebox decode`` and a trace show.

::

    bytes --645 hunt--> frames of both editions, candidates that failed
       \\--what is left--> Modbus RTU frames by their CRC

Knows no meter and no profile; asks nobody. Must not raise on any bytes. FE and noise are no fault: only a
candidate ``68 ?{6} 68`` (or a whole Modbus frame but for its CRC) that failed is told of, with its place.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from drivers.dlt645 import decode as dlt645_2007
from drivers.dlt645.decode import Explained
from drivers.dlt645.frame import Frame, hunt
from drivers.dlt645_1997 import decode as dlt645_1997
from drivers.modbus import explain as modbus

PROTOCOLS: Final = ("dlt645-2007", "dlt645-1997", "modbus-rtu")
_HEADER: Final = 8  # bytes of a DL/T 645 candidate up to its second 68


@dataclass(frozen=True, slots=True)
class Item:
    """One value; None unless ``quality`` is ``good``. ``meanings``: the bits set in a word, in words."""

    name: str
    kind: Literal["number", "time", "word", "text"]
    value: str | None
    unit: str
    quality: str
    meanings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Told:
    """One frame. ``control``: control byte or function code in hex; ``error``: the refusal's code in hex."""

    offset: int
    protocol: str
    direction: Literal["request", "reply"]
    address: str | int
    control: str
    di: str | None
    error: str | None
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Rejected:
    """A candidate that was no frame: ``checksum``, ``end``, ``incomplete`` or ``crc``."""

    offset: int
    reason: str


@dataclass(frozen=True, slots=True)
class Decoded:
    """All that was found, in the order of the bytes."""

    frames: tuple[Told, ...]
    rejected: tuple[Rejected, ...]


def decode(data: bytes, protocol: str | None = None) -> Decoded:
    """Find and explain all frames in ``data``; ``protocol`` (one of `PROTOCOLS`) looks for that alone."""
    frames: list[Told] = []
    rejected: list[Rejected] = []
    taken = bytearray(len(data))
    if protocol != "modbus-rtu":
        for at, frame in _frames(data, rejected):
            frames.append(_told(at, frame, protocol))
            taken[at : at + len(frame.raw)] = b"\1" * len(frame.raw)
    if protocol in (None, "modbus-rtu"):
        for start, end in _gaps(taken):
            found = modbus.hunt(data[start:end])
            frames += (_modbus(start, one) for one in found)
            for one in found:
                at = start + one.offset
                taken[at : at + len(one.raw)] = b"\1" * len(one.raw)
    if protocol in (None, "modbus-rtu") and all(one.protocol == "modbus-rtu" for one in frames):
        rejected += _broken(data, taken, rejected)
    outside = (one for one in rejected if not taken[one.offset])
    return Decoded(
        tuple(sorted(frames, key=lambda one: one.offset)), tuple(sorted(outside, key=lambda one: one.offset))
    )


def _frames(data: bytes, rejected: list[Rejected]) -> Iterator[tuple[int, Frame]]:
    """The DL/T 645 frames; what may still become one is judged too: no more bytes will come."""
    start = 0
    while start < len(data):
        found = hunt(data[start:])
        yield from ((start + at, frame) for at, frame in found.frames)
        rejected += (Rejected(start + one.offset, one.reason) for one in found.rejected)
        if not found.rest:
            return
        start = len(data) - len(found.rest)
        if len(found.rest) >= _HEADER and found.rest[7] == found.rest[0]:
            rejected.append(Rejected(start, "incomplete"))
        start += 1


def _broken(data: bytes, taken: bytearray, known: list[Rejected]) -> list[Rejected]:
    """What would be a Modbus frame but for its CRC, where no DL/T 645 candidate was."""
    return [
        Rejected(start, "crc")
        for start, end in _gaps(taken)
        if modbus.broken(data[start:end]) and not any(start <= one.offset < end for one in known)
    ]


def _gaps(taken: bytearray) -> Iterator[tuple[int, int]]:
    """The runs of bytes that no frame has taken."""
    start = 0
    while (begin := taken.find(b"\0", start)) >= 0:
        end = taken.find(b"\1", begin)
        start = len(taken) if end < 0 else end
        yield begin, start


def _told(at: int, frame: Frame, protocol: str | None) -> Told:
    if protocol is None:
        protocol = "dlt645-1997" if dlt645_1997.speaks(frame) else "dlt645-2007"
    explain = dlt645_1997.explain if protocol == "dlt645-1997" else dlt645_2007.explain
    told: Explained = explain(frame)
    return Told(
        offset=at,
        protocol=protocol,
        direction="reply" if frame.from_meter else "request",
        address=frame.address,
        control=f"{frame.control:02X}",
        di=told.di,
        error=frame.data.hex().upper() if frame.from_meter and frame.refusal else None,
        items=tuple(Item(i.name, i.kind, i.value, i.unit, str(i.quality), i.flags) for i in told.items),
    )


def _modbus(start: int, one: modbus.Explained) -> Told:
    return Told(
        offset=start + one.offset,
        protocol="modbus-rtu",
        direction=one.direction,
        address=one.unit,
        control=f"{one.function:02X}",
        di=None,
        error=None if one.error is None else f"{one.error:02X}",
        items=tuple(Item(i.name, i.kind, i.value, i.unit, "good") for i in one.items),
    )
