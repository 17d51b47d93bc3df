"""When a reply is due: what each meter's last replies took beyond the wire time. Pure; knows no clock.

::

    request | ...... the meter thinks ...... | FE FE FE FE | reply |
            |<--------- learnt: slack ---------------------->|     ^ one wake-up, here

A reader that sleeps until just then wakes up once for a whole reply. Too early costs one more wake-up, and
then the end is seen exactly; too late shows nothing, so the slack shrinks a little with each reply that was
there already, and each `AFRESH`-th exchange looks without any. It only moves a wake-up: never a timeout, a
silence or what counts as a reply.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

AFRESH: Final = 32  # exchanges after which a slack is measured anew: a meter that was slow once is forgiven
LONGEST_MS: Final = 120.0  # no longer is learnt, so that no more can be lost by it
_SHRINK: Final = 0.02  # characters: a look too early costs three more

Key = tuple[str, int]  # meter, bytes of the reply: the same question takes about the same time


@dataclass(slots=True)
class _Slack:
    ms: float | None = None  # None: not measured yet
    uses: int = 0


class Pace:
    """The slack of each question."""

    def __init__(self) -> None:
        self._slacks: dict[Key, _Slack] = {}

    def slack_ms(self, key: Key) -> float:
        """How much later than the wire time to look for the end of this reply."""
        slack = self._slacks.get(key) or self._slacks.setdefault(key, _Slack())
        slack.uses = (slack.uses + 1) % AFRESH
        return slack.ms if slack.ms is not None and slack.uses else 0.0

    def learn(self, key: Key, end_ms: float, character_ms: float, *, waited: bool) -> None:
        """A reply came whole, seen ``end_ms`` after the wire time; ``waited``: not at the first look."""
        slack = self._slacks[key]
        if slack.ms is not None and not waited:  # as nearly always
            new = slack.ms - _SHRINK * character_ms
            slack.ms = new if new > 0.0 else 0.0
            return
        new = end_ms if waited else 0.0
        if slack.ms is not None:
            new = min(new, slack.ms + character_ms)  # one late reply moves it by a character only
        slack.ms = min(LONGEST_MS, max(0.0, new))
