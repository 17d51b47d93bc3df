"""Explains Modbus RTU frames out of any bytes, with nothing asked and no profile: for people.

Finds requests, replies and exceptions by their CRC alone, so chance may make one of noise (once in 65536
places); the length must agree with function and count too. Writes are known as well, for another master may
send them; sitebox does not. Must not raise on any bytes. Registers are words: what they mean is the profile's
matter.

>>> [(f.direction, [i.value for i in f.items]) for f in hunt(bytes.fromhex("010304000600057a31"))]
[('reply', ['0x0006', '0x0005'])]

Source: MODBUS Application Protocol V1.1b3, 6.1 to 6.6, 6.11, 6.12, 7; MODBUS over Serial Line V1.02, 2.5.1.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from drivers.modbus.pdu import EXCEPTION, MAX_REGISTERS, READ_FUNCTIONS, data_bytes
from drivers.modbus.rtu import crc16

_MAX_UNIT: Final = 247  # V1.02, 2.2; above it some devices answer all the same
_REQUEST: Final = 8
_REFUSAL: Final = 5
_AROUND: Final = 5  # unit, function, byte count, CRC
_REGISTERS: Final = frozenset({3, 4, 6, 16})
_ONE: Final = frozenset({5, 6})  # writes of one value: the reply repeats the request
_MANY: Final = frozenset({15, 16})
_WRITE_AROUND: Final = 9  # unit, function, first, count, byte count, CRC
_MOST_WRITTEN: Final = {15: 0x7B0, 16: 0x7B}  # V1.1b3, 6.11 and 6.12
_FUNCTIONS: Final = READ_FUNCTIONS | _ONE | _MANY
_MAX_BITS: Final = 2000  # V1.1b3, 6.1 and 6.2
# V1.1b3, 7; 7 is of the Modicon guide PI-MBUS-300
EXCEPTIONS: Final = {
    1: "illegal function",
    2: "illegal data address",
    3: "illegal data value",
    4: "device failure",
    5: "acknowledge",
    6: "device busy",
    7: "negative acknowledge",
    8: "memory parity error",
    10: "gateway path unavailable",
    11: "gateway target failed to respond",
}


Direction = Literal["request", "reply"]


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
    direction: Direction
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
        ways = _sound(data, at)
        length = ways[0][0] if ways else 1
        if ways:
            directions = [direction for size, direction in ways if size == length]
            found.append(_explain(at, data[at : at + length], directions, found[-1] if found else None))
        at += length
    return tuple(found)


def broken(data: bytes) -> bool:
    """True if all the bytes together would be one frame but for the CRC: head and length fit."""
    if len(data) < _REFUSAL or data[0] > _MAX_UNIT or data[1] & ~EXCEPTION not in READ_FUNCTIONS:
        return False
    return any(length == len(data) for length, _ in _candidates(data, 0))


def _candidates(data: bytes, at: int) -> Iterator[tuple[int, Direction]]:
    """Lengths that a frame beginning at ``at`` may have, and which way it goes then."""
    function = data[at + 1]
    if function & EXCEPTION:
        if 0 < data[at + 2] < 0x10:
            yield _REFUSAL, "reply"
    elif function in _ONE:
        yield _REQUEST, "request"
    elif function in _MANY:
        yield from _written(data, at)
    else:
        yield from _read(data, at)


def _written(data: bytes, at: int) -> Iterator[tuple[int, Direction]]:
    function, count = data[at + 1], int.from_bytes(data[at + 4 : at + 6], "big")
    if not 1 <= count <= _MOST_WRITTEN[function]:
        return
    if len(data) > at + 6 and data[at + 6] == data_bytes(3 if function == 16 else 1, count):
        yield _WRITE_AROUND + data[at + 6], "request"
    yield _REQUEST, "reply"


def _read(data: bytes, at: int) -> Iterator[tuple[int, Direction]]:
    function = data[at + 1]
    start, count = (int.from_bytes(data[at + n : at + n + 2], "big") for n in (2, 4))
    most = MAX_REGISTERS if function in _REGISTERS else _MAX_BITS
    if 1 <= count <= most and start + count <= 0x10000:
        yield _REQUEST, "request"
    size = data[at + 2]
    even = function not in _REGISTERS or size % 2 == 0
    if 0 < size <= 2 * MAX_REGISTERS and even:
        yield size + _AROUND, "reply"


def _sound(data: bytes, at: int) -> list[tuple[int, Direction]]:
    """The sound frames that begin at ``at``: none, one, or one that may be read both ways."""
    if len(data) - at < _REFUSAL or data[at + 1] & ~EXCEPTION not in _FUNCTIONS:
        return []
    found = []
    for length, direction in _candidates(data, at):
        adu = data[at : at + length]
        if len(adu) == length and crc16(adu[:-2]) == adu[-2:]:
            found.append((length, direction))
    return found


def _explain(offset: int, adu: bytes, directions: Sequence[Direction], before: Explained | None) -> Explained:
    """``directions``: those that length and content allow; the request before it decides between two."""
    function = adu[1]
    if function & EXCEPTION:
        code = adu[2]
        item = Item("exception code", "word", f"0x{code:02x}", EXCEPTIONS.get(code, "not of the standard"))
        return Explained(offset, adu, "reply", (item,))
    if function in _ONE:
        again = before is not None and before.direction == "request" and before.raw == adu
        return Explained(offset, adu, "reply" if again else "request", _one(adu))
    if function in _MANY:
        return Explained(offset, adu, directions[0], _several(adu, directions[0]))
    if "request" in directions and not ("reply" in directions and _answers(adu, before)):
        other = (Item("or a reply with bits", "text", _bits(adu)),) if "reply" in directions else ()
        return Explained(offset, adu, "request", (*_asked(adu), *other))
    first = _first(adu, before)
    if function in _REGISTERS:
        words = [adu[at : at + 2].hex() for at in range(3, len(adu) - 2, 2)]
        items = tuple(Item(_name(first, n), "word", f"0x{word}") for n, word in enumerate(words))
        return Explained(offset, adu, "reply", items)
    return Explained(offset, adu, "reply", (Item("bits, lowest first", "text", _bits(adu)),))


def _bits(adu: bytes) -> str:
    return "".join(f"{byte:08b}"[::-1] for byte in adu[3:-2])


def _one(adu: bytes) -> tuple[Item, ...]:
    what = "register" if adu[1] in _REGISTERS else "bit"
    return (
        Item(f"{what} written", "word", f"0x{adu[2:4].hex()}"),
        Item("value", "word", f"0x{adu[4:6].hex()}"),
    )


def _several(adu: bytes, direction: Direction) -> tuple[Item, ...]:
    what = "register" if adu[1] in _REGISTERS else "bit"
    items = (
        Item(f"first {what}", "word", f"0x{adu[2:4].hex()}"),
        Item(f"{what}s written", "number", str(int.from_bytes(adu[4:6], "big"))),
    )
    return items if direction == "reply" else (*items, Item("values", "word", f"0x{adu[7:-2].hex()}"))


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
