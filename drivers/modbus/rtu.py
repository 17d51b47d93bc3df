"""Modbus RTU framing: ``unit | PDU | CRC-16`` (low byte first). Hunts; never trusts where a frame begins.

::

    00 | 05 03 00 00 00 02 c c | 09 03 02 00 01 c c | 05 03 04 00 01 00 02 c c
    ^glitch  ^ our own echo       ^ foreign            ^ the reply

RTU has no start byte and no length field, so the length comes from function and byte count, and only a right
CRC makes a frame. A candidate that is not complete never hides a sound one behind it. Pure; never raises.
Source: MODBUS over Serial Line V1.02, 2.5.1; MODBUS Application Protocol V1.1b3, 6 and 7.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from drivers.exchange import Scan
from drivers.modbus.pdu import EXCEPTION, READ_FUNCTIONS, data_bytes, decode

MAX_FRAME: Final = 256  # V1.02, 2.5.1
_SHORTEST: Final = 4
_EXCEPTION_BYTES: Final = 5  # unit, function, code, CRC
_REQUEST_BYTES: Final = 8  # another master's read request, or a write of one value and its reply
_FIXED_FUNCTIONS: Final = frozenset({1, 2, 3, 4, 5, 6, 15, 16})
_HEAD: Final = 3  # unit, function, byte count


def _table() -> tuple[int, ...]:
    rows = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0xA001 if byte & 1 else 0)
        rows.append(byte)
    return tuple(rows)


_CRC: Final = _table()


def _register(data: bytes) -> int:
    """The CRC register behind ``data``: 0 if its own CRC is right at its end."""
    crc, table = 0xFFFF, _CRC
    for byte in data:
        crc = crc >> 8 ^ table[(crc ^ byte) & 0xFF]
    return crc


def crc16(data: bytes) -> bytes:
    """CRC-16 of Modbus (V1.02, 6.2.2), low byte first as on the wire.

    >>> crc16(bytes.fromhex("010300000002")).hex()
    'c40b'
    """
    return _register(data).to_bytes(2, "little")


def frame(unit: int, pdu: bytes) -> bytes:
    """An ADU: unit, PDU, CRC."""
    body = bytes((unit,)) + pdu
    return body + crc16(body)


def _sound(adu: bytes) -> bool:
    return _register(adu) == 0


@dataclass(frozen=True, slots=True)
class Awaited:
    """The rule by which the reply to ``request`` is known: unit, function and number of registers or bits."""

    request: bytes
    unit: int
    function: int
    count: int
    head: bytes = field(init=False)  # of a good reply
    size: int = field(init=False)  # and its length

    def __post_init__(self) -> None:
        size = data_bytes(self.function, self.count)
        object.__setattr__(self, "head", bytes((self.unit, self.function, size)))
        object.__setattr__(self, "size", size + 5)

    def scan(self, buffer: bytes) -> Scan:
        """Look for the reply; the first that fits is it."""
        hunt = _Hunt(self, buffer)
        hunt.run()
        return hunt.result()

    def sole(self, buffer: bytes) -> tuple[object, bytes] | None:
        """`drivers.exchange.Exchange.sole`: a good reply from the first byte to the last."""
        if buffer[:_HEAD] != self.head or len(buffer) != self.size or _register(buffer):
            return None
        if buffer[:_REQUEST_BYTES] == self.request:  # an echo, and something behind it
            return None
        return decode(buffer[1:-2]), buffer

    def lengths(self, head: bytes) -> Iterator[int]:
        """Lengths that a frame beginning with ``head`` (three bytes at most) may have; ours come first.

        A head that is cut short gives the shortest length that would fit.
        """
        if head == self.request[: len(head)]:
            yield len(self.request)
        if len(head) < 2:
            yield _SHORTEST
            return
        function = head[1]
        if function in READ_FUNCTIONS and len(head) == _HEAD:
            if 0 < head[2] <= MAX_FRAME - 5:
                yield head[2] + 5
        elif function & 0x7F in READ_FUNCTIONS:
            yield _EXCEPTION_BYTES  # also the least that a reply can have whose count is still to come
        if function in _FIXED_FUNCTIONS:
            yield _REQUEST_BYTES

    def fits(self, adu: bytes) -> bool:
        """True for the reply, good or exception; ``adu`` is sound."""
        if adu[0] != self.unit or adu[1] & 0x7F != self.function:
            return False
        if adu[1] & EXCEPTION:
            return len(adu) == _EXCEPTION_BYTES
        return self.counted(adu)

    def counted(self, adu: bytes) -> bool:
        """True if ``adu`` begins like the reply and has its length."""
        return adu.startswith(self.head) and len(adu) == adu[2] + 5


class _Hunt:
    """One walk through a buffer: bytes before ``done`` are settled, ``waiting`` may become a frame."""

    __slots__ = ("awaited", "buffer", "checksum", "done", "dropped", "echo", "foreign", "reply", "waiting")

    def __init__(self, awaited: Awaited, buffer: bytes) -> None:
        self.awaited = awaited
        self.buffer = buffer
        self.reply: bytes | None = None
        self.waiting: int | None = None
        self.done = self.foreign = self.echo = self.checksum = self.dropped = 0

    def run(self) -> None:
        at = 0
        while at < len(self.buffer) and self.reply is None:
            length = self.judge(at)
            at += length or 1

    def judge(self, at: int) -> int:
        """The length of the sound frame that begins at ``at``, or 0."""
        broken = 0
        for length in self.awaited.lengths(self.buffer[at : at + _HEAD]):
            adu = self.buffer[at : at + length]
            if len(adu) < length:
                if self.waiting is None:
                    self.waiting = at
            elif _sound(adu):
                self.settle(at, at + length)
                self.sort(adu)
                return length
            elif self.awaited.counted(adu):
                broken = 1
        if self.waiting is None:
            self.checksum += broken  # bytes that stay in the buffer are counted when they leave it
        return 0

    def sort(self, adu: bytes) -> None:
        if adu == self.awaited.request:
            self.echo += 1
        elif self.awaited.fits(adu):
            self.reply = adu
        else:
            self.foreign += 1

    def settle(self, start: int, end: int) -> None:
        self.dropped += start - self.done
        self.done = end
        self.waiting = None

    def result(self) -> Scan:
        if self.reply is None:
            keep = len(self.buffer) if self.waiting is None else self.waiting
            self.settle(keep, keep)
        return Scan(
            reply=None if self.reply is None else decode(self.reply[1:-2]),
            rest=self.buffer[self.done :],
            frame=self.reply or b"",
            foreign=self.foreign,
            echo=self.echo,
            checksum=self.checksum,
            dropped=self.dropped,
        )
