"""Modbus PDUs. Reading functions only: a PDU of any other function cannot be built here.

Requests are coded by pymodbus. Nothing of it but its PDU classes is used: its framers and clients lose or
misbook frames. Replies are taken apart here in one step (ADR 0007), and held against pymodbus' decoder by a
test.
Source: MODBUS Application Protocol V1.1b3, 6.1 to 6.4 and 7.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from pymodbus.pdu import ModbusPDU
from pymodbus.pdu.bit_message import ReadCoilsRequest, ReadDiscreteInputsRequest
from pymodbus.pdu.register_message import (
    ReadHoldingRegistersRequest,
    ReadInputRegistersRequest,
)

from config.profile import BIT_FUNCTIONS, MOST_BITS
from drivers.errors import DriverError

EXCEPTION: Final = 0x80
MAX_REGISTERS: Final = 125  # V1.1b3, 6.3 and 6.4
REQUESTS: Final = MappingProxyType(
    {
        1: ReadCoilsRequest,
        2: ReadDiscreteInputsRequest,
        3: ReadHoldingRegistersRequest,
        4: ReadInputRegistersRequest,
    }
)
READ_FUNCTIONS: Final = frozenset(REQUESTS)


class PduError(DriverError):
    """A request that must not or cannot be built: a mistake in the program or a profile; caught by nobody."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """An exception reply; codes as in V1.1b3, 7."""

    code: int


def encode(function: int, address: int, count: int) -> bytes:
    """The PDU of a read. Raises `PduError` for any function but 1 to 4, and for a range out of bounds."""
    if function not in REQUESTS:
        raise PduError(f"function {function} is none of the reading functions")
    most = MOST_BITS if function in BIT_FUNCTIONS else MAX_REGISTERS
    if not (address >= 0 and 1 <= count <= most and address + count <= 0x10000):
        raise PduError(f"function {function}: {count} at {address:#06x}")
    request: ModbusPDU = REQUESTS[function](address=address, count=count)
    return bytes((function,)) + request.encode()


def data_bytes(function: int, count: int) -> int:
    """Bytes of data in a good reply (V1.1b3, 6.1 to 6.4): two a register, eight bits in one."""
    return (count + 7) // 8 if function in BIT_FUNCTIONS else 2 * count


def decode(pdu: bytes) -> bytes | Refusal:
    """A reply whose length has been checked (function, byte count, that many bytes), or an exception.

    Its registers are two bytes each, as on the wire. Each bit has a register of its own, 0 or 1, behind them
    what fills the last byte."""
    if pdu[0] & EXCEPTION:
        return Refusal(pdu[1])
    if pdu[0] in BIT_FUNCTIONS:
        return bytes(part for byte in pdu[2:] for at in range(8) for part in (0, byte >> at & 1))
    return pdu[2:]
