"""The meter's side of Modbus: PDUs, RTU frames with their CRC, TCP frames with their header.

Sans-IO, for the simulator alone; shares nothing with the client. Only reading functions 3 and 4 exist;
anything else is answered by exception 01. Source: MODBUS Application Protocol V1.1b3, clauses 6.3, 6.4 and
7; MODBUS over Serial Line V1.02, clause 2.5.1 and 6.2.2 (CRC).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from drivers.simulated.registers import Model, contents, within
from drivers.simulated.reply import Reply

_ILLEGAL_FUNCTION, _ILLEGAL_ADDRESS, _ILLEGAL_VALUE = 1, 2, 3
_MAX_COUNT = 125
_MAX_MBAP = 254  # longest length field: unit and PDU


@dataclass(frozen=True, slots=True)
class Ask:
    """A request: unit, PDU, and the transaction number of a TCP frame."""

    unit: int
    pdu: bytes
    transaction: int = 0


def crc(data: bytes) -> int:
    """CRC-16 of Modbus: polynomial A001 (reflected 8005), start FFFF; sent low byte first."""
    value = 0xFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ 0xA001 if value & 1 else value >> 1
    return value


def rtu(unit: int, pdu: bytes) -> bytes:
    """An RTU frame."""
    body = bytes((unit,)) + pdu
    return body + crc(body).to_bytes(2, "little")


def take_rtu(burst: bytes) -> Ask | None:
    """A request out of what came between two silences, or None if it is no sound frame."""
    if not 4 <= len(burst) <= 256 or crc(burst[:-2]) != int.from_bytes(burst[-2:], "little"):
        return None
    return Ask(burst[0], burst[1:-2])


def tcp(ask: Ask, pdu: bytes) -> bytes:
    """A TCP frame that answers ``ask``."""
    return struct.pack(">HHHB", ask.transaction, 0, len(pdu) + 1, ask.unit) + pdu


def take_tcp(buffer: bytes) -> tuple[Ask | None, bytes | None]:
    """The first request and the rest of the stream; (None, buffer) until it is whole, (None, None) when the
    stream is no Modbus TCP and must be closed."""
    if len(buffer) < 7:
        return None, buffer
    transaction, protocol, length, unit = struct.unpack(">HHHB", buffer[:7])
    if protocol != 0 or not 2 <= length <= _MAX_MBAP:
        return None, None
    if len(buffer) < 6 + length:
        return None, buffer
    return Ask(unit, buffer[7 : 6 + length], transaction), buffer[6 + length :]


class SlaveModbus:
    """One meter. ``show`` gives its values on the side the model shows; ``ratios``: "ct" and "pt"."""

    def __init__(
        self, unit: int, model: Model, ratios: Mapping[str, int], show: Callable[[], Mapping[str, float]]
    ) -> None:
        self.unit = unit
        self._model = model
        self._ratios = ratios
        self._show = show

    def answer(self, ask: Ask, frame: Callable[[bytes], bytes]) -> Reply | None:
        """The reply, or None for another unit; ``frame`` puts a PDU into its ADU."""
        if ask.unit != self.unit:
            return None
        function = ask.pdu[0]
        if function not in (3, 4) or function != self._model.fc:
            return self._refuse(ask, frame, _ILLEGAL_FUNCTION)
        if len(ask.pdu) != 5:
            return self._refuse(ask, frame, _ILLEGAL_VALUE)
        start, count = struct.unpack(">HH", ask.pdu[1:])
        if not 1 <= count <= _MAX_COUNT:
            return self._refuse(ask, frame, _ILLEGAL_VALUE)
        asked = range(start, start + count)
        if not within(self._model.areas, asked):
            return self._refuse(ask, frame, _ILLEGAL_ADDRESS)
        data, shown = contents(self._model, self._show(), self._ratios, asked)
        return Reply(frame(bytes((function, len(data))) + data), _named(ask.pdu), "good", shown)

    def _refuse(self, ask: Ask, frame: Callable[[bytes], bytes], code: int) -> Reply:
        return Reply(frame(bytes((ask.pdu[0] | 0x80, code))), _named(ask.pdu), "error")


def _named(pdu: bytes) -> str:
    if len(pdu) != 5:
        return pdu.hex()
    start, count = struct.unpack(">HH", pdu[1:])
    return f"{pdu[0]:02d} 0x{start:04X}+{count}"
