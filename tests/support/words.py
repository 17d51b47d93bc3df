"""Replies of Modbus for tests, by the numbers in their registers."""

from __future__ import annotations

import struct


def registers(*words: int) -> bytes:
    """A good reply that holds these."""
    return struct.pack(f">{len(words)}H", *words)


def words_of(reply: object) -> tuple[int, ...]:
    """The numbers in the registers of a good reply."""
    assert isinstance(reply, bytes), reply
    return struct.unpack(f">{len(reply) // 2}H", reply)
