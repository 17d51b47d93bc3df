"""Which receipts move a cursor. Pure: a receipt moves it only forward, only in this history, only to a hash
of ours.

Signatures are the uplink's part, before; keeping the cursor is the journal's, after.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Protocol

from buffer.errors import ReceiptRefused
from buffer.head import BlockInfo, Cursor, Head, StoredReceipt
from buffer.receipt import Receipt


class Blocks(Protocol):
    """Where the hash of a block can be asked."""

    def info(self, n: int) -> BlockInfo | None:
        """Block ``n`` at a glance."""


def accept(receipt: Receipt, head: Head, at: Cursor | None, blocks: Blocks, box: str) -> bool:
    """Whether the receipt moves the cursor; False for one that repeats it or says that nothing is stored.

    Raises ReceiptRefused: SBX-JNL-010 of another box, 011 of another history, 012 ahead of us, 013 another
    hash, 014 backwards.
    """
    facts = {"by": receipt.by, "n": receipt.stored_n, "head": head.n}
    if receipt.box != box:
        raise ReceiptRefused("SBX-JNL-010", found=receipt.box, box=box, **facts)
    if receipt.epoch != head.epoch:
        raise ReceiptRefused("SBX-JNL-011", found=receipt.epoch, epoch=head.epoch, **facts)
    if receipt.stored_n > head.n:
        raise ReceiptRefused("SBX-JNL-012", **facts)
    if receipt.stored_n < (-1 if at is None else at.n):
        raise ReceiptRefused("SBX-JNL-014", at=at.n if at else -1, **facts)
    if receipt.stored_n == -1:
        return False
    info = blocks.info(receipt.stored_n)
    if info is None or info.hash != receipt.stored_hash:
        raise ReceiptRefused("SBX-JNL-013", **facts)
    return at is None or receipt.stored_n > at.n


def record_of(uplink: str, receipt: Receipt) -> dict[str, object]:
    """The fields of its ``receipt`` record."""
    return {
        "by": receipt.by,
        "uplink": uplink,
        "n": receipt.stored_n,
        "hash": receipt.stored_hash,
        "time": receipt.time_ms,
    }


class Moves:
    """The cursors as stored, and those that moved since: they are stored with the next block."""

    def __init__(self, stored: Mapping[str, Cursor]) -> None:
        self._stored = dict(stored)
        self.moved: dict[str, StoredReceipt] = {}

    def move(self, receipt: StoredReceipt) -> None:
        """A receipt was believed."""
        self.moved[receipt.uplink] = receipt

    def view(self) -> Mapping[str, Cursor]:
        """How far each uplink is, as of the last receipt believed."""
        moved = {name: Cursor(one.n, one.hash, one.time_ms) for name, one in self.moved.items()}
        return MappingProxyType({**self._stored, **moved})

    def stored(self) -> None:
        """What moved is durable."""
        self._stored, self.moved = dict(self.view()), {}
