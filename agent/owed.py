"""How long the platforms have been waiting: the age of the oldest block that an uplink has not confirmed.

An uplink that carries no blocks waits for nothing and is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from buffer.head import BlockInfo, Cursor, Head
from config.site import SiteConfig


class Blocks(Protocol):
    """A journal as it is looked at here."""

    def head(self) -> Head:
        """The newest block."""

    def infos(self, a: int, b: int) -> tuple[BlockInfo, ...]:
        """Blocks a to b at a glance."""


def owed_ms(blocks: Blocks, config: SiteConfig, cursors: Mapping[str, Cursor], utc_ms: int) -> dict[str, int]:
    """Age in ms by uplink, by the wall clock of the box; 0: everything is confirmed."""
    head = blocks.head().n
    ages = {}
    for uplink in config.uplinks:
        if not uplink.blocks:
            continue
        cursor = cursors.get(uplink.id)
        first = 0 if cursor is None else cursor.n + 1
        oldest = blocks.infos(first, first) if first <= head else ()
        ages[uplink.id] = max(0, utc_ms - oldest[0].utc_ms) if oldest else 0
    return ages
