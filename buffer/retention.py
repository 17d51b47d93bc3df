"""What may go: bodies that every uplink has stored and that are too old or too much; bus frames sooner.

Headers stay for ever, so the chain stays whole, and the genesis keeps its body. Nothing is dropped by age
while the clock is not synchronised: a wrong year must not empty the store.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from buffer.instant import Instant
from buffer.store import Column, Store

_DAY_MS: Final = 86_400_000
_STEP: Final = 100  # blocks let go of in one COMMIT


@dataclass(frozen=True, slots=True)
class Retention:
    """How long and how much to keep, beyond what some uplink has not stored yet."""

    keep_days: int
    raw_days: int
    max_bytes: int


@dataclass(frozen=True, slots=True)
class Pruned:
    """How many bodies and raw texts went."""

    bodies: int
    raws: int


def prune(store: Store, keep: Retention, uplinks: Collection[str], now: Instant) -> Pruned:
    """Let go of what ``keep`` does not ask for. ``uplinks``: all that are configured; one without a cursor
    holds every body. Raises WriteFailed, StoreFull."""
    cursors = store.cursors()
    confirmed = min((cursors[name].n if name in cursors else -1 for name in uplinks), default=store.last())
    bodies = raws = 0
    if now.letter == "S":
        raws = _drop_old(store, "raw", now.utc_ms - keep.raw_days * _DAY_MS, store.last())
        bodies = _drop_old(store, "body", now.utc_ms - keep.keep_days * _DAY_MS, confirmed)
    while store.used_bytes() > keep.max_bytes and store.floor("body") <= confirmed:
        last = min(confirmed, store.floor("body") + _STEP - 1)
        raws += store.drop("raw", last)
        bodies += store.drop("body", last)
    return Pruned(bodies, raws)


def _drop_old(store: Store, column: Column, before_ms: int, most: int) -> int:
    """Drop from the oldest on, up to the first block that is young enough or not allowed to go. A block
    sealed under a clock of 1970 waits for its elders, so it never takes younger ones with it."""
    done = 0
    while True:
        first = store.floor(column)
        last = first - 1
        for info in store.infos(first, min(most, first + _STEP - 1)):
            if info.utc_ms >= before_ms:
                break
            last = info.n
        if last < first:
            return done
        done += store.drop(column, last)
