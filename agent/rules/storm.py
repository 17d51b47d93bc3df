"""A storm of alarms: what comes on top of ``MOST`` raised within ``STORM_MS`` waits, and is raised late if it
lasts; one alarm counts and names what was held back.

::

    what would be raised                          held back behind
    level alarm, the plant's doing                nothing: an authority waits for nobody's cables
    level alarm, of a device or the mains         MOST of level alarm
    level warning                                 MOST of any level
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from agent.rules.alarms import Alarm
from config.rulekinds import Level

MOST = 40
STORM_MS = 600_000
NAMED = 40  # ids of what was held back, in the record of the storm
STORM_KEY = "alarm-storm"
STORM_CODE = "SBX-RUL-090"


class Storm:
    """What was raised of late, and what was held back since the storm began."""

    def __init__(self) -> None:
        self._raised: deque[tuple[int, Level]] = deque()
        self._kept_back: dict[str, bool] = {}  # by key, whether it was raised after all

    def begin(self, now_ms: int) -> None:
        """A new step."""
        while self._raised and now_ms - self._raised[0][0] > STORM_MS:
            self._raised.popleft()

    def holds(self, alarm: Alarm, now_ms: int) -> bool:
        """Whether an alarm has to wait; else it counts as raised."""
        if self._full(alarm):
            self._kept_back.setdefault(alarm.key, False)
            return True
        self._raised.append((now_ms, alarm.level))
        if alarm.key in self._kept_back:
            self._kept_back[alarm.key] = True
        return False

    def _full(self, alarm: Alarm) -> bool:
        if alarm.level == "warning":
            return len(self._raised) >= MOST
        return alarm.fault != "plant" and sum(level == "alarm" for _, level in self._raised) >= MOST

    def facts(self) -> Mapping[str, str]:
        """How many were held back, and which: those first that were over before they could be raised."""
        keys = sorted(self._kept_back, key=lambda key: self._kept_back[key])
        more = f" +{len(keys) - NAMED}" if len(keys) > NAMED else ""
        named = ", ".join(keys[:NAMED]) + more
        return MappingProxyType({"count": str(len(keys)), "most": str(MOST), "alarms": named})

    def over(self) -> None:
        """Nothing is held back any more, and that is on record: the next one counts anew."""
        self._kept_back.clear()

    def page(self) -> Mapping[str, Any]:
        """For the logbook."""
        return {"raised": list(self._raised), "kept_back": dict(self._kept_back)}

    def turn_to(self, page: Mapping[str, Any]) -> None:
        """As the page says. KeyError, TypeError or ValueError for one of another version."""
        self._raised = deque((at_ms, level) for at_ms, level in page["raised"])
        self._kept_back = dict(page["kept_back"])
