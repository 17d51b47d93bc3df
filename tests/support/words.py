"""Replies of Modbus for tests, by the numbers in their registers."""

from __future__ import annotations

import struct

from drivers.modbus.pdu import Registers


def registers(*words: int) -> Registers:
    """A good reply that holds these."""
    return Registers(struct.pack(f">{len(words)}H", *words))
