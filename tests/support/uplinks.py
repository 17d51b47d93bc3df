"""A journal in memory, and what an uplink is given around it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agent.uplinks import Box, Hooks
from buffer.block import decode_header, hash_text
from buffer.errors import JournalError
from buffer.head import Cursor, Head
from buffer.instant import Instant
from buffer.note import decode
from buffer.receipt import Receipt
from buffer.rows import decode_body
from buffer.verify import BlockData
from tests.support.journals import BOX, IDENTITY, T0


def at(mono_ms: int, letter: Any = "S", utc_ms: int | None = None) -> Instant:
    """An instant of boot 1."""
    return Instant(T0 + mono_ms if utc_ms is None else utc_ms, mono_ms, letter, 1, "boot-1")


class MemoryJournal:
    """A ``BlockSource`` over a list; ``show`` blocks are sealed, the rest is the future."""

    def __init__(self, blocks: Sequence[BlockData], show: int | None = None) -> None:
        self.blocks = list(blocks)
        self.show = len(self.blocks) if show is None else show
        self.gone: set[int] = set()
        self.rotten: dict[int, JournalError] = {}
        self.alarms = tuple(
            n
            for n, block in enumerate(self.blocks)
            if any(record["k"] == "alarm" for record in decode_body(block.body or b""))
        )

    def head(self) -> Head:
        text = decode(self.blocks[self.show - 1].note).text
        header = decode_header(text)
        return Head(header.epoch, header.n, hash_text(text), header.last, header.sums)

    def block(self, n: int) -> BlockData | None:
        if n in self.rotten:
            raise self.rotten[n]
        return None if n in self.gone or not 0 <= n < self.show else self.blocks[n]

    def alarm_blocks(self, after_n: int) -> tuple[int, ...]:
        return tuple(n for n in self.alarms if after_n < n < self.show)

    def close(self) -> None:
        """There is nothing to let go of."""


@dataclass
class Around:
    """Keeps what an uplink hands over; the newest receipt becomes the cursor, as the recorder has it."""

    journal: MemoryJournal
    receipts: list[tuple[Receipt, bytes]] = field(default_factory=list)
    events: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)
    cursor: Cursor | None = None
    told: list[int] = field(default_factory=list)  # blocks that cannot be read

    def hooks(self) -> Hooks:
        return Hooks(
            lambda: self.journal, lambda: self.cursor, self._receipt, self._event, on_rot=self.told.append
        )

    @property
    def codes(self) -> list[str]:
        return [code for code, _ in self.events]

    def _receipt(self, uplink: str, receipt: Receipt, note: bytes) -> None:
        self.receipts.append((receipt, note))
        self.cursor = Cursor(receipt.stored_n, receipt.stored_hash, receipt.time_ms)

    def _event(self, code: str, args: Mapping[str, str]) -> None:
        self.events.append((code, args))


def box(clean: bool = True) -> Box:
    return Box(BOX, IDENTITY.verifier, clean)
