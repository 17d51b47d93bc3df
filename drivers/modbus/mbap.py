"""Modbus TCP framing: the MBAP header before a PDU. Pure; never raises.

::

    transaction (2) | protocol 0000 (2) | length (2) = unit + PDU | unit (1) | PDU

TCP loses nothing, but a gateway may answer late or for another unit: a reply counts only with its own
transaction, unit, function and number of registers. Bytes that are no header are dropped one by one.
Source: MODBUS Messaging on TCP/IP Implementation Guide V1.0b, 3.1.3.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from drivers.exchange import Scan
from drivers.modbus.pdu import EXCEPTION, data_bytes, decode

HEADER: Final = 7
MAX_FRAME: Final = 260  # V1.0b, 4.3.2: 7 + 253
_SHORTEST_LENGTH: Final = 3  # unit, function, one byte
_LONGEST_LENGTH: Final = MAX_FRAME - 6


def frame(transaction: int, unit: int, pdu: bytes) -> bytes:
    """An ADU: MBAP header and PDU."""
    return transaction.to_bytes(2, "big") + b"\0\0" + (1 + len(pdu)).to_bytes(2, "big") + bytes((unit,)) + pdu


@dataclass(frozen=True, slots=True)
class Awaited:
    """The rule by which the reply to ``request`` is known."""

    request: bytes
    function: int
    count: int

    def scan(self, buffer: bytes) -> Scan:
        """Look for the reply; frames of other transactions are counted and passed over."""
        at = foreign = echo = dropped = 0
        while len(buffer) - at >= HEADER - 1:
            length = int.from_bytes(buffer[at + 4 : at + 6], "big")
            if buffer[at + 2 : at + 4] != b"\0\0" or not _SHORTEST_LENGTH <= length <= _LONGEST_LENGTH:
                at += 1
                dropped += 1
                continue
            adu = buffer[at : at + 6 + length]
            if len(adu) < 6 + length:
                break
            at += len(adu)
            if self.fits(adu):
                return Scan(decode(adu[HEADER:]), buffer[at:], adu, foreign, echo, dropped=dropped)
            own = adu == self.request
            echo, foreign = echo + own, foreign + (not own)
        return Scan(None, buffer[at:], foreign=foreign, echo=echo, dropped=dropped)

    def fits(self, adu: bytes) -> bool:
        """True for the reply, good or exception."""
        if adu[:2] != self.request[:2] or adu[6] != self.request[6] or adu[7] & 0x7F != self.function:
            return False
        if adu[7] & EXCEPTION:
            return len(adu) == HEADER + 2
        return adu[8] == data_bytes(self.function, self.count) and len(adu) == HEADER + 2 + adu[8]
