"""When the ratchet key turns, and in which order: a cut may leave two seeds for a moment, and never none.

::

    prepare   the next key is durable in its file        a header names it     COMMIT
    finish    it signs; the old seed is destroyed        a fault here is tried again at the next turn

Once an hour of a run, and at the first seal after a start of the machine. A key file that cannot be written
stops nothing: the old key goes on, ``fault`` says why.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from buffer.instant import Instant
from buffer.sealing import Stamp

TURN_MS: Final = 3_600_000  # who takes the card can forge an hour at most (DESIGN 6)
RETRY_MS: Final = 60_000


class Ratchet:
    """Owner of the journal's stamp. ``since_ms``: when the present key began to sign; None: a turn is due."""

    def __init__(self, stamp: Stamp, since_ms: int | None) -> None:
        self.stamp = stamp
        self.fault = ""
        self._due_ms = 0 if since_ms is None else since_ms + TURN_MS

    def prepare(self, now: Instant) -> tuple[Stamp, tuple[tuple[str, Mapping[str, Any]], ...]]:
        """The stamp for the next sealing, and the records that a turn adds to it."""
        if now.mono_ms < self._due_ms:
            return self.stamp, ()
        try:
            keys = self.stamp.keys.prepared()
        except OSError as error:
            self.fault, self._due_ms = str(error), now.mono_ms + RETRY_MS
            return self.stamp, ()
        assert keys.coming is not None
        return replace(self.stamp, keys=keys, turn=True), (
            ("key", {"op": "ratchet", "vkey": str(keys.coming.verifier)}),
        )

    def finish(self, sealed: Stamp, now: Instant) -> None:
        """The blocks of ``sealed`` are durable."""
        if not sealed.turn:
            return
        keys = sealed.keys.adopted()
        self._due_ms = now.mono_ms + TURN_MS
        try:
            keys, self.fault = keys.cleaned(), ""
        except OSError as error:
            self.fault = str(error)
        self.stamp = replace(sealed, keys=keys, turn=False)
