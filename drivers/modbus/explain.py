"""Explains Modbus RTU frames out of any bytes, with nothing asked and no profile: for people.

Finds requests, replies and exceptions by their CRC alone, so chance may make one of noise (once in 65536
places); the length must agree with function and count too. Only the reading functions are known. Must not
raise on any bytes. Registers are words: what they mean is the profile's matter.

>>> [(f.direction, [i.value for i in f.items]) for f in hunt(bytes.fromhex("010304000600057a31"))]
[('reply', ['0x0006', '0x0005'])]

Source: MODBUS Application Protocol V1.1b3, 6.1 to 6.4 and 7; MODBUS over Serial Line V1.02, 2.5.1.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from drivers.modbus.pdu import EXCEPTION, MAX_REGISTERS, READ_FUNCTIONS
from drivers.modbus.rtu import crc16

_MAX_UNIT: Final = 247  # V1.02, 2.2
_REQUEST: Final = 8
_REFUSAL: Final = 5
_AROUND: Final = 5  # unit, function, byte count, CRC
_REGISTERS: Final = frozenset({3, 4})
_MAX_BITS: Final = 2000  # V1.1b3, 6.1 and 6.2
# V1.1b3, 7
EXCEPTIONS: Final = {
    1: "illegal function",
    2: "illegal data address",
    3: "illegal data value",
    4: "device failure",
    5: "acknowledge",
    6: "device busy",
    8: "memory parity error",
    10: "gateway path unavailable",
    11: "gateway target failed to respond",
}


@dataclass(frozen=True, slots=True)
class Item:
    """One value of a frame."""

    name: str
    kind: Literal["number", "word", "text"]
    value: str
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Explained:
    """A frame in words."""

    offset: int
    raw: bytes
    direction: Literal["request", "reply"]
    items: tuple[Item, ...]

    @property
    def unit(self) -> int:
        """Address of the device."""
        return self.raw[0]

    @property
    def function(self) -> int:
        """Function code as on the wire, with the exception bit."""
        return self.raw[1]

    @property
    def error(self) -> int | None:
        """The exception code."""
        return self.raw[2] if self.raw[1] & EXCEPTION else None


def hunt(data: bytes) -> tuple[Explained, ...]:
    """All sound frames, in order and without overlap; a reply behind its request names its registers."""
    found: list[Explained] = []
    at = 0
    while at < len(data):
        length = next(iter(_lengths(data, at)), 0)
        if length:
            found.append(_explain(at, data[at : at + length], found[-1] if found else None))
        at += length or 1
    return tuple(found)


def broken(data: bytes) -> bool:
    """True if all the bytes together would be one frame but for the CRC: head and length fit."""
    if len(data) < _REFUSAL or data[0] > _MAX_UNIT or data[1] & ~EXCEPTION not in READ_FUNCTIONS:
        return False
    return len(data) in _candidates(data, 0)


def _candidates(data: bytes, at: int) -> Iterator[int]:
    function = data[at + 1]
    if function & EXCEPTION:
        if data[at + 2] in EXCEPTIONS:
            yield _REFUSAL
        return
    start, count = (int.from_bytes(data[at + n : at + n + 2], "big") for n in (2, 4))
    most = MAX_REGISTERS if function in _REGISTERS else _MAX_BITS
    if 1 <= count <= most and start + count <= 0x10000:
        yield _REQUEST
    size = data[at + 2]
    even = function not in _REGISTERS or size % 2 == 0
    if 0 < size <= 2 * MAX_REGISTERS and even:
        yield size + _AROUND


def _lengths(data: bytes, at: int) -> Iterator[int]:
    """Lengths of sound frames that begin at ``at``."""
    if len(data) - at < _REFUSAL or data[at] > _MAX_UNIT or data[at + 1] & ~EXCEPTION not in READ_FUNCTIONS:
        return
    for length in _candidates(data, at):
        adu = data[at : at + length]
        if len(adu) == length and crc16(adu[:-2]) == adu[-2:]:
            yield length


def _explain(offset: int, adu: bytes, before: Explained | None) -> Explained:
    function = adu[1]
    if function & EXCEPTION:
        code = adu[2]
        item = Item("exception code", "word", f"0x{code:02x}", EXCEPTIONS[code])
        return Explained(offset, adu, "reply", (item,))
    size = adu[2]
    if len(adu) == _REQUEST and not (size + _AROUND == _REQUEST and _answers(adu, before)):
        return Explained(offset, adu, "request", _asked(adu))
    first = _first(adu, before)
    if function in _REGISTERS:
        words = [adu[at : at + 2].hex() for at in range(3, len(adu) - 2, 2)]
        items = tuple(Item(_name(first, n), "word", f"0x{word}") for n, word in enumerate(words))
        return Explained(offset, adu, "reply", items)
    bits = Item("bits, lowest first", "text", "".join(f"{byte:08b}"[::-1] for byte in adu[3:-2]))
    return Explained(offset, adu, "reply", (bits,))


def _asked(adu: bytes) -> tuple[Item, ...]:
    what = "register" if adu[1] in _REGISTERS else "bit"
    return (
        Item(f"first {what}", "word", f"0x{adu[2:4].hex()}"),
        Item(f"{what}s wanted", "number", str(int.from_bytes(adu[4:6], "big"))),
    )


def _answers(adu: bytes, before: Explained | None) -> bool:
    """True if ``adu`` is what the request before it asked for."""
    if before is None or before.direction != "request" or before.raw[:2] != adu[:2]:
        return False
    count = int.from_bytes(before.raw[4:6], "big")
    return adu[2] == (2 * count if adu[1] in _REGISTERS else (count + 7) // 8)


def _first(adu: bytes, before: Explained | None) -> int | None:
    """The address of the first register, if the request was seen."""
    if before is None or not _answers(adu, before):
        return None
    return int.from_bytes(before.raw[2:4], "big")


def _name(first: int | None, number: int) -> str:
    return f"register {number}" if first is None else f"register 0x{first + number:04x}"
