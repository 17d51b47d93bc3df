"""The meter's side of DL/T 645-2007: requests out of a noisy stream, replies of one meter.

Sans-IO, for the simulator alone; shares nothing with the client's codec. Never answers a frame of another
address or with a wrong checksum, and never a broadcast (99..99).

::

    FE.. | 68 | A0..A5 | 68 | C | L | DATA (each byte + 33H) | CS | 16      CS = sum from the first 68
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from drivers.simulated.items import BLOCKS, SINGLES, Facts645, fill, fixed, number, shown
from drivers.simulated.reply import Reply, Shown

_START, _END, _OFFSET = 0x68, 0x16, 0x33
_READ, _READ_NEXT, _READ_ADDRESS = 0x11, 0x12, 0x13
_GOOD, _ERROR, _MORE = 0x80, 0xC0, 0x20  # D7 from the meter, D6 error, D5 more frames follow
_NO_SUCH_DATA = 0x02  # error byte, bit 1
_OTHER_ERROR = 0x01  # bit 0
_NO_RIGHT = 0x04  # bit 2: password wrong or no authority
_GUARDED = frozenset((0x03, 0x14, 0x15, 0x16, 0x17, 0x18, 0x19, 0x1A, 0x1B, 0x1C, 0x1D))  # writing functions
_MAX_BURST = 512
Refusal = Literal["no-data", "other", "silence"]


@dataclass(frozen=True, slots=True)
class Request:
    """A sound request frame: address bytes as on the wire, data without the offset."""

    address: bytes
    control: int
    data: bytes


def encode(address: bytes, control: int, data: bytes, *, preamble: int = 0) -> bytes:
    """A frame; ``address`` low byte first, ``data`` without the offset, at most 255 bytes."""
    body = bytes((_START, *address, _START, control, len(data), *((byte + _OFFSET) & 0xFF for byte in data)))
    return b"\xfe" * preamble + body + bytes((sum(body) & 0xFF, _END))


def hunt(burst: bytes) -> tuple[Request | None, bytes]:
    """The first sound frame in ``burst`` and what must be kept: the bytes behind it, or the last 512."""
    for at in range(len(burst) - 11):
        if burst[at] != _START or burst[at + 7] != _START:
            continue
        end = at + 10 + burst[at + 9]
        if len(burst) >= end + 2 and burst[end + 1] == _END and burst[end] == sum(burst[at:end]) & 0xFF:
            data = bytes((byte - _OFFSET) & 0xFF for byte in burst[at + 10 : end])
            return Request(burst[at + 1 : at + 7], burst[at + 8], data), burst[end + 2 :]
    return None, burst[-_MAX_BURST:]


@dataclass(frozen=True, slots=True)
class Habits:
    """How one model answers where the standard leaves room, or meters do not care."""

    preamble: int = 4  # FE bytes before a reply
    blocks: bool = True  # answers FF blocks
    most_data: int = 200  # longest DATA of one frame, DI included; more goes out as follow-up frames
    echo_wildcard: bool = False  # replies with the wildcard address instead of its own
    phases: int = 3
    absent_ff: bool = True  # phases that are not there: FF fill, else zeros
    lacks: frozenset[str] = frozenset()  # DIs it does not know
    refusal: Refusal = "no-data"  # how it says that it has no such data: D1 02, D1 01, or not at all


def _forgets(di: str, rest: bytes) -> bytes | None:
    del di, rest
    return None


class Slave645:
    """One meter. ``show`` gives its values on the secondary side, ``facts`` the rest, ``stored`` what it
    keeps of its past; its only state is the long reply in hand."""

    def __init__(
        self,
        address: str,
        habits: Habits,
        show: Callable[[], Mapping[str, float]],
        facts: Callable[[], Facts645],
        stored: Callable[[str, bytes], bytes | None] = _forgets,
    ) -> None:
        self._address = bytes.fromhex(address)[::-1]
        self._habits = habits
        self._show = show
        self._facts = facts
        self._stored = stored
        self._rest: list[bytes] = []  # frames of the last long reply still to be asked for
        self._rest_di = ""
        self._sequence = 0

    def answer(self, request: Request) -> Reply | None:
        """The reply, or None: not for this meter, or nothing a meter answers."""
        if not self._meant(request.address):
            return None
        if request.control == _READ_ADDRESS:
            text = self._address[::-1].hex()
            frame = self._frame(request, _READ_ADDRESS | _GOOD, self._address)
            return Reply(frame, "address", "good", (Shown("address", text),))
        if request.control == _READ:
            return self._read(request)
        if request.control == _READ_NEXT:
            return self._read_next(request)
        if request.control in _GUARDED:
            return self._refuse(request, f"control {request.control:02X}", _NO_RIGHT)
        return None  # another meter's reply, broadcast time, or the 1997 edition

    def _meant(self, address: bytes) -> bool:
        """AA fills from the high end (reduced addressing): the digits before it must agree."""
        known = address.rstrip(b"\xaa")
        return self._address.startswith(known) and address != b"\x99" * 6

    def _frame(self, request: Request, control: int, data: bytes) -> bytes:
        address = request.address if self._habits.echo_wildcard else self._address
        return encode(address, control, data, preamble=self._habits.preamble)

    def _refuse(self, request: Request, ask: str, error: int) -> Reply:
        control = (request.control | _ERROR) & 0xDF
        return Reply(self._frame(request, control, bytes((error,))), ask, "error")

    def _read(self, request: Request) -> Reply | None:
        if len(request.data) < 4:
            return self._refuse(request, request.data.hex(), _OTHER_ERROR)
        di = request.data[3::-1].hex().upper()
        found = self._data(di, request.data[4:])
        if found is None:
            return self._lacks(request, di)
        data, values = found
        size = self._habits.most_data - 5  # DI, and SEQ in the frames that follow
        first, self._rest = data[:size], [data[at : at + size] for at in range(size, len(data), size)]
        self._rest_di, self._sequence = di, 0
        control = _READ | _GOOD | (_MORE if self._rest else 0)
        return Reply(self._frame(request, control, request.data[:4] + first), di, "good", values)

    def _lacks(self, request: Request, di: str) -> Reply | None:
        if self._habits.refusal == "silence":
            return None
        error = _OTHER_ERROR if self._habits.refusal == "other" else _NO_SUCH_DATA
        return self._refuse(request, di, error)

    def _read_next(self, request: Request) -> Reply:
        """12H: DI and SEQ 1..255; asking for the same SEQ again is answered again."""
        di, wanted = request.data[3::-1].hex().upper(), request.data[-1] if len(request.data) == 5 else 0
        index = wanted - 1
        if di != self._rest_di or not 0 <= index < len(self._rest):
            return self._refuse(request, f"{di} next {wanted}", _NO_SUCH_DATA)
        control = _READ_NEXT | _GOOD | (_MORE if index + 1 < len(self._rest) else 0)
        data = request.data[:4] + self._rest[index] + bytes((wanted,))
        return Reply(self._frame(request, control, data), f"{di} next {wanted}", "good")

    def _data(self, di: str, rest: bytes) -> tuple[bytes, tuple[Shown, ...]] | None:
        if di in self._habits.lacks:
            return None
        if di in SINGLES or (di in BLOCKS and self._habits.blocks):
            values = self._show()
            parts = [self._item(single, values) for single in BLOCKS.get(di, (di,))]
            return b"".join(data for data, _ in parts), tuple(part for _, part in parts)
        plain = fixed(di, self._facts())
        if plain is None:
            plain = self._stored(di, rest)
        return None if plain is None else (plain, shown(di, plain))

    def _item(self, di: str, values: Mapping[str, float]) -> tuple[bytes, Shown]:
        item = SINGLES[di]
        if self._habits.phases == 1 and item.name[-2:] in ("_b", "_c") and self._habits.absent_ff:
            return fill(item), Shown(item.name, "missing", item.side)
        data, text = number(item, values[item.name.split("_t", 1)[0]])
        return data, Shown(item.name, text, item.side)
