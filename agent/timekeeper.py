"""What the wall clock is worth: its steps, and anchors that say when a boot's monotonic time is known in UTC.

::

    R ... R S . . . . 1 h . . . . step . .        S: the kernel says synchronised (adjtimex)
            ^           ^           ^
            anchor      anchor      anchor         meters' clocks give theirs too: agent.meters

Signed times are never rewritten; readers place records by anchors (``buffer.placing``). Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from buffer.instant import Instant

EVERY_MS: Final = 3_600_000
LEAST_ERROR_MS: Final = 1


STEP_MS: Final = 2_000  # wall minus mono moved by more between two looks: somebody set the clock


class Timekeeper:
    """Watches the wall clock against the monotonic one; asked often. ``now`` is the moment of its start."""

    def __init__(self, now: Instant) -> None:
        self._offset_ms = now.utc_ms - now.mono_ms
        self._last_ms: int | None = None

    def stepped_ms(self, now: Instant) -> int | None:
        """By how much the wall clock was set since the last look, None if it was not. What it says now is
        worth an anchor of its own."""
        before, self._offset_ms = self._offset_ms, now.utc_ms - now.mono_ms
        delta_ms = self._offset_ms - before
        if abs(delta_ms) <= STEP_MS:
            return None
        self._last_ms = None
        return delta_ms

    def anchor(self, now: Instant, error_ms: int | None) -> Mapping[str, object] | None:
        """The fields of an ``anchor`` record when one is due. ``error_ms``: how far the kernel says its clock
        may be off, None if it does not know."""
        if now.letter != "S" or error_ms is None:
            self._last_ms = None
            return None
        if self._last_ms is not None and now.mono_ms - self._last_ms < EVERY_MS:
            return None
        self._last_ms = now.mono_ms
        error = max(error_ms, LEAST_ERROR_MS)
        return {"source": "kernel", "at": now.mono_ms, "utc": now.utc_ms, "error_ms": error}
