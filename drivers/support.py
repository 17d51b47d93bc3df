"""What a meter was seen not to support, for a day at a time. Pure; one for each meter.

::

    block  refused in two polls, or silent twice       its items are asked for instead
    item   declined in three polls running             its sample is UNSUPPORTED, and nobody asks
             |                                            until it is tried again: an hour after the
             +-- tried again: declined, or silent         start, then each day
             +-- tried again: answered                 asked as before

So a meter that takes the place of another is read as fast as it can be within a day, and within an hour of a
start. A block that a meter answers by silence costs one poll for that. Of items only those of the slow class
are learnt, and only from polls that brought a value: a meter that is busy for half a minute must not lose its
power for a day. Once is never enough, because a damaged reply may look like a refusal. Knows no protocol:
blocks and items are names.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from config.profile import Profile

SURE: Final = 2  # so often a block must fail before it is not asked for again
SURE_OF_AN_ITEM: Final = 3  # polls running
FIRST_TRY_MS: Final = 3_600_000  # after the start: a box that is switched off each night heals as well
NEXT_TRY_MS: Final = 86_400_000


def slow_items(profile: Profile) -> frozenset[str]:
    """The single items whose refusal is learnt."""
    return frozenset(item.di.upper() for item in profile.dlt if item.poll == "slow")


@dataclass(slots=True)
class Support:
    """``learnt`` is what the logbook keeps; ``skip`` what is not asked for now."""

    items: frozenset[str]
    learnt: frozenset[str] = frozenset()
    trying: frozenset[str] = frozenset()  # learnt, and asked for all the same
    silences: dict[str, int] = field(default_factory=dict)  # on blocks, of a meter that lives: how many
    _refused: frozenset[str] = frozenset()  # blocks, once
    _declined: dict[str, int] = field(default_factory=dict)  # items: how often running
    _answered: frozenset[str] = frozenset()  # tried blocks; the end of the poll says whether with values
    _try_ms: int | None = None

    def skip(self, now_ms: int) -> frozenset[str]:
        """What not to ask for in a poll that begins now."""
        if self._answered:
            self._believe()
        if self._try_ms is None:
            self._try_ms = now_ms + FIRST_TRY_MS
        elif now_ms >= self._try_ms:
            self._try_ms = now_ms + NEXT_TRY_MS
            self.trying = self.learnt
        return self.learnt - self.trying if self.trying else self.learnt

    def _believe(self) -> None:
        """Of tried blocks that were answered, and not declined since, a meter has what it says."""
        self.learnt -= self._answered
        self.trying -= self._answered
        self._refused -= self._answered
        self._answered = frozenset()

    def polled(self, unsupported: frozenset[str], *, slow: bool) -> None:
        """A poll ended that found these declined; ``slow``: of the slow class, and it brought a value."""
        blocks = unsupported - self.items
        self.learnt |= blocks & self._refused
        self._refused |= blocks
        self._answered -= blocks
        self.trying -= blocks
        if not slow:
            return
        self.learnt -= (self.trying & self.items) - unsupported
        self.trying -= self.items
        self._declined = {di: self._declined.get(di, 0) + 1 for di in unsupported & self.items}
        self.learnt |= {di for di, count in self._declined.items() if count >= SURE_OF_AN_ITEM}

    @property
    def attentive(self) -> bool:
        """Whether it matters which request is answered."""
        return bool(self.silences or self.trying)

    def heard(self, label: str, *, silent: bool) -> None:
        """A request ended: any that was answered; of those that were not, one that is tried, or the first of
        a poll. A meter that answers its probe, and then twice nothing to that request, has no such block:
        that is how some refuse."""
        if label in self.items:
            return
        if label in self.trying:
            self._answered |= frozenset() if silent else {label}
            self.trying -= {label} if silent else frozenset()
        elif not silent:
            self.silences.pop(label, None)
        else:
            self.silences[label] = self.silences.get(label, 0) + 1
            if self.silences[label] >= SURE:
                self.learnt |= {label}
