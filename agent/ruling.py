"""The engine and the two times it runs by. What the daemon and a replay both do with what is seen and told
stands here once: that a replay judges as the daemon judged must not hang on two texts being alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agent.axis import Axis, Wall
from agent.rules.alarms import AlarmChange
from agent.rules.engine import Engine
from agent.rules.metering import Observation
from buffer.instant import Instant

TOLD = frozenset(("anchor", "receipt", "step", "mains"))  # kinds of records that ``told`` understands
_STATES = {"on": True, "off": False}  # of a ``mains`` record; another word: it cannot be read


@dataclass(slots=True)
class Ruling:
    """Reads no clock: ``mono_ms`` and ``now`` are of the boot that ``axis`` is of."""

    engine: Engine
    axis: Axis
    wall: Wall

    def poll(self, seen: Observation, *, stored: bool) -> None:
        """One poll; ``stored`` if a record holds it."""
        self.engine.observe(seen)
        if self.engine.daybook is not None:
            self.engine.daybook.poll(seen.meter, seen.slow, bool(seen.values), stored)

    def told(self, kind: str, fields: Mapping[str, Any], now: Instant) -> None:
        """A record that says something of the time, or of the mains; no other kind does anything."""
        if kind == "anchor":
            self.wall.hear(fields["utc"] + now.mono_ms - fields["at"], now)
        elif kind == "receipt":
            self.wall.hear(fields["time"], now)
        elif kind == "step":
            self.wall.stepped(now)
        elif kind == "mains":
            self.engine.mains(_STATES.get(fields["state"]), self.axis.at(fields["since_mono"]))

    def tick(self, mono_ms: int) -> tuple[AlarmChange, ...]:
        """Let the rules judge a moment."""
        return self.engine.tick(self.axis.moment(mono_ms, self.wall))
