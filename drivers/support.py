"""What a meter was seen not to support: blocks for good, single items for a day. Pure; one for each meter.

::

    block  refused in two polls                        its items are asked for instead
    item   declined in three polls running             its sample is UNSUPPORTED, and nobody asks
             |                                            until it is tried again: an hour after the
             +-- tried again: declined once more          start, then each day
             +-- tried again: answered                 asked as before

Only items of the slow class are learnt, and only from polls that brought a value: a meter that is busy for
half a minute must not lose its power for a day. Once is never enough, because a damaged reply may look like a
refusal. Knows no protocol: blocks and items are names.
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
    _refused: frozenset[str] = frozenset()  # blocks, once
    silences: dict[str, int] = field(default_factory=dict)  # on blocks, of a meter that lives: how many
    _declined: dict[str, int] = field(default_factory=dict)  # items: how often running
    _trying: frozenset[str] = frozenset()  # items learnt, and asked for all the same
    _try_ms: int | None = None

    def skip(self, now_ms: int) -> frozenset[str]:
        """What not to ask for in a poll that begins now."""
        if self._try_ms is None:
            self._try_ms = now_ms + FIRST_TRY_MS
        elif now_ms >= self._try_ms:
            self._try_ms = now_ms + NEXT_TRY_MS
            self._trying = self.learnt & self.items
        return self.learnt - self._trying

    def polled(self, unsupported: frozenset[str], *, slow: bool) -> None:
        """A poll ended that found these declined; ``slow``: of the slow class, and it brought a value."""
        blocks = unsupported - self.items
        self.learnt |= blocks & self._refused
        self._refused |= blocks
        if not slow:
            return
        self.learnt -= self._trying - unsupported
        self._trying = frozenset()
        self._declined = {di: self._declined.get(di, 0) + 1 for di in unsupported & self.items}
        self.learnt |= {di for di, count in self._declined.items() if count >= SURE_OF_AN_ITEM}

    def heard(self, label: str, *, silent: bool) -> None:
        """The first request of a poll ended. A meter that answers its probe, and then twice nothing to that
        request, has no such block: that is how some refuse."""
        if not silent:
            self.silences.pop(label, None)
        elif label not in self.items:
            self.silences[label] = self.silences.get(label, 0) + 1
            if self.silences[label] >= SURE:
                self.learnt |= {label}
