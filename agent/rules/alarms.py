"""The life of an alarm. Pure: findings and times in, changes out.

::

    idle --violated--> PENDING --seen warn_s--> ACTIVE, warning --seen hold--> ACTIVE, its level
             ^            |                          |  ^
             |          fine or                    fine | violated within clear_s: the same alarm
             |          unknown                      v  |
             +------------+------- fine for clear_s  CLEARING

What counts for ``warn_s`` and the hold time is the time that the violation was seen (``agent.rules.sights``).
A pause, fine or unknown, no longer than the finding's bridge does not count; a longer one begins it anew, for
a pending one, and for a warning on its way to the alarm. A warning that is cleared within the bridge is
pending again: what it was seen for counts for the alarm, and ``warn_s`` anew for a second warning.

What happened and cannot become fine again (``Finding.event``) is up until somebody acknowledges it or its
kind says FINE, whichever is first; then it is done with, and is not raised a second time::

    idle --it happened--> ACTIVE --acknowledged--> DONE --its kind forgets it--> idle
                             |--its kind says FINE------------------------------^

Unknown keeps an active alarm up: no data never clears. What is raised carries when and with which record
it began, how far it went, the work the equipment did meanwhile and how much of the time was measured. Of a
storm (``agent.rules.storm``) some wait, and are raised late if they last.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Literal

from agent.rules.equipment import Begun
from agent.rules.finding import Fault
from agent.rules.sights import Seen
from config.rulekinds import Level

Change = Literal["raised", "escalated", "acknowledged", "cleared", "excused"]


@dataclass(frozen=True, slots=True)
class Alarm:
    """An alarm that is up. ``since_ms`` lies on the axis; ``record`` is the one that raised it, filled in
    by the recorder. ``declared``: the declaration that lowers its level. ``acknowledged``: by whom."""

    key: str
    rule: str
    code: str
    level: Level
    subjects: tuple[str, ...]
    facts: Mapping[str, str]
    since_ms: int
    since_record: int
    record: int = 0
    fault: Fault = "plant"
    peak: Decimal | None = None
    flaps: int = 0
    acknowledged: str = ""
    declared: str = ""


@dataclass(frozen=True, slots=True)
class AlarmChange:
    """An alarm changed. ``ended_ms``: when it turned fine, of a cleared one; ``kwh`` what its equipment drew
    meanwhile (``agent.rules.equipment``) and ``measured_percent`` of how much of that time, where it has
    equipment; ``to_record`` the last record behind it."""

    change: Change
    alarm: Alarm
    at_ms: int
    ended_ms: int | None = None
    kwh: Decimal | None = None
    measured_percent: int | None = None
    to_record: int = 0
    reason: str = ""

    @property
    def raised(self) -> bool:
        """Whether it is up and was not."""
        return self.change == "raised"

    @property
    def dur_ms(self) -> int | None:
        """How long a cleared alarm lasted."""
        return None if self.ended_ms is None else max(0, self.ended_ms - self.alarm.since_ms)


@dataclass(frozen=True, slots=True)
class Latch:
    """One key's state. ``alarm`` None: pending. ``fine_ms``: since when an active one looks fine.
    ``over``: it was a warning and was cleared; ``warned_ms``: for how long that had been seen.
    ``excused``: the declaration that covers it, so that it is on record once. ``done``: an event that was
    acknowledged or covered."""

    began_ms: int
    seen: Seen
    record: int
    before: Begun
    alarm: Alarm | None = None
    peak: Decimal | None = None
    fine_ms: int | None = None
    fine_record: int = 0
    excused: str = ""
    held: bool = False
    done: bool = False
    over: bool = False
    warned_ms: int = 0


def worse(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    """The larger peak."""
    if one is None or other is None:
        return other if one is None else one
    return max(one, other)


def flapped(latch: Latch) -> Latch:
    """It turned violated again before it was cleared: the same alarm goes on."""
    assert latch.alarm is not None
    return replace(latch, fine_ms=None, alarm=replace(latch.alarm, flaps=latch.alarm.flaps + 1))
