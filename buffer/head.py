"""Small facts that the journal shows to others: head, cursors, blocks at a glance. Frozen, without IO."""

from __future__ import annotations

from dataclasses import dataclass

from buffer.block import Sums


@dataclass(frozen=True, slots=True)
class Head:
    """The newest sealed block: its number, the hash of its header, its last record, the sums since birth."""

    epoch: str
    n: int
    hash: str
    last_i: int
    sums: Sums


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far one uplink's authority says it has stored, and when it said so (its own clock)."""

    n: int
    hash: str
    time_ms: int


@dataclass(frozen=True, slots=True)
class BlockInfo:
    """A block at a glance. ``body_bytes`` is the size of its zlib stream, 0 when the body was pruned."""

    n: int
    hash: str
    first: int
    last: int
    utc_ms: int
    alarms: int
    note_bytes: int
    body_bytes: int
    has_body: bool


@dataclass(frozen=True, slots=True)
class StoredReceipt:
    """The newest receipt that moved an uplink's cursor, as the signed note that came."""

    uplink: str
    by: str
    n: int
    hash: str
    time_ms: int
    note: bytes
