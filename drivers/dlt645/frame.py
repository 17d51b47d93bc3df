"""DL/T 645 link layer: hunting frames out of bytes, and encoding the reading requests of both editions.

::

    FE x 0..n | 68 | A0..A5 | 68 | C | L | DATA (L bytes, each +33H) | CS | 16

`hunt` is a pure function over a buffer. It never counts preambles, never raises on noise, never waits
for the end of one candidate before it looks behind it, and after a bad candidate goes on from the next
byte. `encode` can build functions 11H, 12H, 13H (1997: 01H, 02H) and nothing else: no frame that would
change anything in a meter can come out of this module.

>>> encode("000000000161", Function.READ, bytes.fromhex("00000100")).hex()
'fefefefe68610100000000681104333334331416'
>>> [(at, f.address) for at, f in hunt(bytes.fromhex("00fe6861010000000068910833333433593333338a16")).frames]
[(2, '000000000161')]

Source: DL/T 645-2007 link layer as implemented by bobyuxinyang/dlt645_2007 dlt645_api_07.h and quoted by
srdgame/lua-dlt645 code.lua; the frames of tests/vectors/dlt645.json agree.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, Literal, NamedTuple

from drivers.errors import DriverError

START: Final = 0x68
END: Final = 0x16
PREAMBLE: Final = b"\xfe\xfe\xfe\xfe"  # a master wakes the line with four FE before its frame
OFFSET: Final = 0x33  # added to each DATA byte on the wire
OVERHEAD: Final = 12  # bytes of a frame beside DATA
MAX_DATA: Final = 0xFF  # L is one byte; reads stay at 200, but meters exist that go to FF
MAX_FRAME: Final = OVERHEAD + MAX_DATA
WILDCARD: Final = "AAAAAAAAAAAA"  # any meter; right for one meter on the line only
REFUSED: Final = 0x40  # D6 of the control byte
MORE: Final = 0x20  # D5
ANY: Final = 0xAA  # wildcard in one address byte

_FILLER = b"\xfe"
_HEADER = re.compile(rb"\x68[\x00-\xff]{6}\x68")
_TAIL = re.compile(rb"\x68[\x00-\xff]{0,6}\Z")  # the leftmost start byte whose second one is still to come
_DOWN = bytes((byte - OFFSET) & 0xFF for byte in range(256))
_UP = bytes((byte + OFFSET) & 0xFF for byte in range(256))
_ADDRESS = re.compile(r"(?:[0-9]{2}|[Aa]{2}){6}")


class FrameError(DriverError):
    """A request that must not or cannot be built; a mistake in the program, caught by nobody."""


class Function(IntEnum):
    """The functions a request may carry: reading only. This list is the whole list."""

    READ = 0x11
    READ_NEXT = 0x12
    READ_ADDRESS = 0x13
    READ_1997 = 0x01
    READ_NEXT_1997 = 0x02


# DATA lengths a request may have: DI | DI+N | DI+N+mm hh DD MM YY; DI+SEQ; none; a two-byte DI.
_REQUEST_DATA = {
    Function.READ: (4, 5, 10),
    Function.READ_NEXT: (5,),
    Function.READ_ADDRESS: (0,),
    Function.READ_1997: (2,),
    Function.READ_NEXT_1997: (2,),
}


class Frame(NamedTuple):
    """One sound frame: checksum and end byte were right."""

    raw: bytes  # from the first 68 to 16, as on the wire
    control: int
    data: bytes  # DATA with 33H taken off

    @property
    def address(self) -> str:
        """12 digits, high byte first; ``AAAAAAAAAAAA`` for the wildcard."""
        return self.raw[6:0:-1].hex().upper()

    @property
    def from_meter(self) -> bool:
        """D7 of the control byte."""
        return bool(self.control & 0x80)

    @property
    def refusal(self) -> bool:
        """D6: the meter answers with an error word."""
        return bool(self.control & REFUSED)

    @property
    def more(self) -> bool:
        """D5: further frames follow, to be asked for with 12H."""
        return bool(self.control & MORE)

    @property
    def function(self) -> int:
        """D4 to D0."""
        return self.control & 0x1F


Reason = Literal["checksum", "end"]


@dataclass(frozen=True, slots=True)
class Rejected:
    """A candidate ``68 ?{6} 68 C L`` that was no frame, and why."""

    offset: int
    reason: Reason


@dataclass(frozen=True, slots=True)
class Hunt:
    """What lay in a buffer. The counts cover the bytes before ``rest`` only, so that nothing is counted
    twice when ``rest`` comes back in front of the next bytes."""

    frames: tuple[tuple[int, Frame], ...]  # with the offset of the first 68
    rejected: tuple[Rejected, ...]
    checksum: int  # candidates whose end byte was right and whose checksum was not
    dropped: int  # bytes of no frame; FE wakes the line and is not counted
    rest: bytes  # a frame may still come of it: shorter than one largest frame


class _Hunter:
    """The moving parts of one `hunt`: bytes before ``done`` are settled, ``waiting`` may become a frame."""

    __slots__ = ("buffer", "done", "dropped", "frames", "rejected", "waiting")

    def __init__(self, buffer: bytes) -> None:
        self.buffer = buffer
        self.frames: list[tuple[int, Frame]] = []
        self.rejected: list[Rejected] = []
        self.waiting: int | None = None
        self.done = 0
        self.dropped = 0

    def settle(self, start: int, end: int) -> None:
        """Count the bytes up to ``start`` as lost and those up to ``end`` as taken."""
        lost = self.buffer[self.done : start]
        self.dropped += len(lost) - lost.count(0xFE)
        self.done = end

    def judge(self, at: int) -> int:
        """Judge the candidate at ``at``; gives the offset to hunt on from."""
        buffer = self.buffer
        end = at + OVERHEAD + buffer[at + 9] if at + 9 < len(buffer) else len(buffer) + 1
        if end > len(buffer):
            if self.waiting is None:
                self.waiting = at
            return at + 1
        if buffer[end - 1] != END:
            self.rejected.append(Rejected(at, "end"))
        elif sum(buffer[at : end - 2]) & 0xFF != buffer[end - 2]:
            self.rejected.append(Rejected(at, "checksum"))
        else:
            raw = buffer[at:end]
            self.frames.append((at, Frame(raw, raw[8], raw[10:-2].translate(_DOWN))))
            self.settle(at, end)
            self.waiting = None
            return end
        return at + 1


def hunt(buffer: bytes) -> Hunt:
    """Find all sound frames in ``buffer``, in order and without overlap; never raises.

    A candidate that is still incomplete does not hide what lies behind it: noise ``68`` seven bytes
    before a true one claims a length that never comes. A sound frame found inside such a candidate wins.
    """
    hunter = _Hunter(buffer)
    at = 0
    while (found := _HEADER.search(buffer, at)) is not None:
        at = hunter.judge(found.start())
    tail = _TAIL.search(buffer, max(hunter.done, len(buffer) - 7))
    if tail is not None and hunter.waiting is None:
        hunter.waiting = tail.start()
    keep = len(buffer) if hunter.waiting is None else hunter.waiting
    hunter.settle(keep, keep)
    rejected = tuple(r for r in hunter.rejected if r.offset < keep)
    return Hunt(
        frames=tuple(hunter.frames),
        rejected=rejected,
        checksum=sum(r.reason == "checksum" for r in rejected),
        dropped=hunter.dropped,
        rest=buffer[keep:],
    )


def only(buffer: bytes, head: bytes) -> Frame | None:
    """The frame, if the buffer is FE and one sound frame that begins with ``head``, its start to its control
    byte, and nothing else; what `hunt` would find in it."""
    raw = buffer.lstrip(_FILLER)
    if raw[: len(head)] != head or len(raw) < OVERHEAD or len(raw) != OVERHEAD + raw[9]:
        return None
    if raw[-1] != END or sum(raw[:-2]) & 0xFF != raw[-2]:
        return None
    return Frame(raw, raw[8], raw[10:-2].translate(_DOWN))


def address_bytes(address: str) -> bytes:
    """12 digits, or pairs of ``A`` at the high end, to the six bytes as sent: low byte first.

    Raises FrameError. Source: DL/T 645-2007 address field; 123456789012 goes out as 12 90 78 56 34 12.
    """
    if _ADDRESS.fullmatch(address) is None:
        raise FrameError(f"address {address!r}: 12 digits, or AA for any byte")
    return bytes.fromhex(address)[::-1]


def di_bytes(di: str) -> bytes:
    """8 hex digits DI3 DI2 DI1 DI0 (1997: 4) to the bytes as sent: DI0 first. Raises FrameError."""
    if re.fullmatch(r"(?:[0-9A-Fa-f]{4}){1,2}", di) is None:
        raise FrameError(f"DI {di!r}: 8 hex digits, 4 in the edition of 1997")
    return bytes.fromhex(di)[::-1]


def encode(address: str, function: Function, data: bytes = b"") -> bytes:
    """A request with its four FE; ``data`` without the 33H.

    Raises FrameError for anything that is not a member of `Function`, for a length that the function
    does not have, and for a bad address.
    """
    if not isinstance(function, Function):
        raise FrameError(f"function {function!r} is none of the reading functions")
    if len(data) not in _REQUEST_DATA[function]:
        raise FrameError(f"{len(data)} bytes of data in a request {function:02X}H")
    body = b"\x68" + address_bytes(address) + bytes((START, function, len(data))) + data.translate(_UP)
    return PREAMBLE + body + bytes((sum(body) & 0xFF, END))


def encode_read(address: str, di: str) -> bytes:
    """11H: read the data item ``di``."""
    return encode(address, Function.READ, di_bytes(di))


def encode_next(address: str, di: str, seq: int) -> bytes:
    """12H: read the follow-up frame ``seq`` (1 to 255) of ``di``. Raises FrameError out of that range."""
    if not 1 <= seq <= 0xFF:
        raise FrameError(f"frame number {seq}: 1 to 255")
    return encode(address, Function.READ_NEXT, di_bytes(di) + bytes((seq,)))


def encode_read_address(address: str = WILDCARD) -> bytes:
    """13H: ask a meter for its address, all of them by default."""
    return encode(address, Function.READ_ADDRESS)
