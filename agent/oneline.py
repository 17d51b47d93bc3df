"""One line for the bytes of one frame: what ``sitebox trace`` and ``sitebox read --raw`` show below the hex.

Must not raise on any bytes. ``asked`` is the request before a reply: it names a Modbus reply's registers.

>>> one_line(b"\\xfe\\x01"), one_line(b"\\xfe\\xfe")
('noise', 'preamble')
>>> one_line(bytes.fromhex("010300000002c40b"))
'modbus-rtu request 1 03  first register 0x0000, registers wanted 2'
"""

from __future__ import annotations

from typing import Final

from agent.decode import Decoded, Item, Told, decode
from drivers.modbus import rtu
from drivers.modbus.pdu import READ_FUNCTIONS

_MBAP: Final = 7  # MODBUS Messaging on TCP/IP V1.0b, 3.1.3: transaction, protocol, length, unit
NOISE: Final = "noise"
PREAMBLE: Final = "preamble"  # FE wakes a DL/T 645 line, as often as a meter likes
_REASONS: Final = {
    "checksum": "dlt645 frame, checksum wrong",
    "end": "dlt645 frame, end byte wrong",
    "incomplete": "dlt645 frame, incomplete",
    "crc": "modbus-rtu frame, CRC wrong",
}


def one_line(data: bytes, asked: bytes = b"") -> str:
    """All sound frames in ``data``, one behind the other; without any, what else it is."""
    found = decode(asked + data)
    frames = _frames(found, len(asked))
    if frames:
        return " | ".join(map(_told, frames))
    inner = _inner(data)
    if inner is None:
        return _failed(data)
    before = _inner(asked) or b""
    frames = _frames(decode(before + inner, "modbus-rtu"), len(before))
    return " | ".join(_told(told, "modbus-tcp") for told in frames) or NOISE


def _failed(data: bytes) -> str:
    if data and not data.strip(b"\xfe"):
        return PREAMBLE
    rejected = decode(data).rejected
    return _REASONS[rejected[0].reason] if rejected else NOISE


def _frames(found: Decoded, start: int) -> list[Told]:
    return [told for told in found.frames if told.offset >= start]


def _inner(data: bytes) -> bytes | None:
    """A Modbus TCP frame as it would be on a line; None for anything else."""
    if len(data) < _MBAP + 2 or data[2:4] != b"\0\0" or int.from_bytes(data[4:6], "big") != len(data) - 6:
        return None
    return rtu.frame(data[6], data[7:]) if data[7] & 0x7F in READ_FUNCTIONS else None


def _told(told: Told, protocol: str = "") -> str:
    words = [protocol or told.protocol, told.direction, str(told.address), told.control]
    if told.di is not None:
        words.append(f"DI {told.di}")
    if told.error is not None:
        words.append(f"error {told.error}")
    return "  ".join(part for part in (" ".join(words), ", ".join(map(_item, told.items))) if part)


def _item(item: Item) -> str:
    value = item.value if item.quality == "good" and item.value is not None else item.quality
    meanings = f"({', '.join(item.meanings)})" if item.meanings else ""
    return " ".join(word for word in (item.name, value, item.unit, meanings) if word)
