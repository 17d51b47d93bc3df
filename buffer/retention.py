"""What may go: bodies that every uplink has stored and that are too old or too much; bus frames sooner.

Headers stay for ever, so the chain stays whole, and the genesis keeps its body; so do the frames that an
alarm stands on. Nothing is dropped by age while the clock is not synchronised: a wrong year must not empty
the store.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from buffer.evidence import evidence, lasting
from buffer.instant import Instant
from buffer.store import Column, Store

_DAY_MS: Final = 86_400_000
_STEP: Final = 100  # blocks let go of in one COMMIT
_STEPS: Final = 10  # of these at a time


@dataclass(frozen=True, slots=True)
class Retention:
    """How long and how much to keep, beyond what some uplink has not stored yet."""

    keep_days: int
    raw_days: int
    max_bytes: int


@dataclass(frozen=True, slots=True)
class Pruned:
    """How many bodies and raw texts went; ``thinned`` of how many blocks a coarser series is left."""

    bodies: int
    raws: int
    thinned: int = 0


def prune(store: Store, keep: Retention, uplinks: Collection[str], now: Instant) -> Pruned:
    """Let go of what ``keep`` does not ask for. ``uplinks``: all that are configured; one without a cursor
    holds every body. Raises WriteFailed, StoreFull."""
    confirmed = stored_by_all(store, uplinks)
    bodies = raws = 0
    if now.letter == "S":
        raws = _drop_old(store, "raw", now.utc_ms - keep.raw_days * _DAY_MS, store.last()).raws
        aged = _drop_old(store, "body", now.utc_ms - keep.keep_days * _DAY_MS, confirmed)
        bodies, raws = aged.bodies, raws + aged.raws
    while store.used_bytes() > keep.max_bytes and store.floor("body") <= confirmed:
        last = min(confirmed, store.floor("body") + _STEP - 1)
        gone = _let_go(store, "body", last)
        bodies, raws = bodies + gone.bodies, raws + gone.raws
    return Pruned(bodies, raws)


def stored_by_all(store: Store, uplinks: Collection[str]) -> int:
    """The newest block that every one of ``uplinks`` has; -1 without any such."""
    cursors = store.cursors()
    return min((cursors[name].n if name in cursors else -1 for name in uplinks), default=store.last())


def drop_frames(store: Store, max_bytes: int, last: int) -> int:
    """Bus frames up to block ``last``, oldest first, until ``max_bytes`` holds; how many texts went.
    Some at a time, and before any body is thinned: no platform ever asks for them."""
    raws = 0
    for _ in range(_STEPS):
        if store.used_bytes() <= max_bytes or store.floor("raw") > last:
            break
        raws += _let_go(store, "raw", min(last, store.floor("raw") + _STEP - 1)).raws
    return raws


def _drop_old(store: Store, column: Column, before_ms: int, most: int) -> Pruned:
    """Drop from the oldest on, up to the first block that is young enough or not allowed to go. A block
    sealed under a clock of 1970 waits for its elders, so it never takes younger ones with it."""
    done = Pruned(0, 0)
    while True:
        first = store.floor(column)
        last = first - 1
        for info in store.infos(first, min(most, first + _STEP - 1)):
            if info.utc_ms >= before_ms:
                break
            last = info.n
        if last < first:
            return done
        gone = _let_go(store, column, last)
        done = Pruned(done.bodies + gone.bodies, done.raws + gone.raws)


def _let_go(store: Store, column: Column, last: int) -> Pruned:
    """Up to block ``last``. Frames go at the latest with their body, and before it: the alarms in the bodies
    say which frames stay for ever. Bodies with orders and declarations stay as well."""
    raws = 0
    if store.floor("raw") <= last:
        raws = store.drop("raw", last, evidence(store, store.floor("raw"), last))
    if column == "raw":
        return Pruned(0, raws)
    return Pruned(store.drop("body", last, lasting(store, store.floor("body"), last)), raws)
