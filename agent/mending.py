"""What the recorder does about a card that rots: it is said and taken out, and what comes back is put in."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from typing import Any

from agent.inbox import GivenBack
from buffer.errors import StoreDamaged, StoreFull
from buffer.instant import Instant
from buffer.journal import Journal
from buffer.scrub import Rot

Append = Callable[[str, Mapping[str, Any], Instant], int | None]


class Mending:
    """Belongs to the recorder; ``append`` is its own. ``found``: (block, part) since this start."""

    def __init__(self, journal: Journal, append: Append) -> None:
        self._journal = journal
        self._append = append
        self.found: frozenset[tuple[int, str]] = frozenset()

    def take(self, item: Rot | GivenBack, now: Instant) -> None:
        """One finding of the scrub, or some blocks of a platform."""
        with contextlib.suppress(StoreFull, StoreDamaged):
            if isinstance(item, Rot):
                self._rotten(item, now)
            else:
                self._given_back(item, now)

    def _rotten(self, rot: Rot, now: Instant) -> None:
        """Say it durably, then take it out; what could not be said now is found again in a week."""
        if (rot.n, rot.part) in self.found or not self._journal.caretaker.can_take_out(rot):
            return
        if self._append("loss", rot.loss(), now) is None:
            return
        self.found |= {(rot.n, rot.part)}
        self._journal.commit(now)
        self._journal.caretaker.take_out(rot)

    def _given_back(self, item: GivenBack, now: Instant) -> None:
        put = [self._journal.caretaker.put_back(block) for block in item.blocks]
        blocks = [n for n in put if n is not None]
        if blocks:
            self.found = frozenset(one for one in self.found if one[0] not in blocks)
            self._append("audit", {"what": "refill", "file": item.file, "blocks": blocks}, now)
