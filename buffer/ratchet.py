"""When the keys turn, and in which order: a cut may leave two seeds for a moment, and never none.

::

    prepare   the next key is durable in its file        a header names it     COMMIT
    finish    it signs; the old seed is destroyed        a fault here is tried again at the next turn

Once an hour of a run, and at the first seal after a start of the machine. A key file that cannot be written
stops nothing: the old key goes on, ``fault`` says why. A new identity that was decided (buffer.succession) is
handed over to in the same way, with the next seal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from buffer import succession
from buffer.errors import KeyFault
from buffer.head import Head
from buffer.instant import Instant
from buffer.note import VerifierKey
from buffer.sealing import Stamp

TURN_MS: Final = 3_600_000  # who takes the card can forge an hour at most (DESIGN 6)
RETRY_MS: Final = 60_000


class Ratchet:
    """Owner of the journal's stamp. ``since_ms``: when the present key began to sign; None: a turn is due.
    ``folder``: of the journal, where hand-over notes are shown."""

    def __init__(self, stamp: Stamp, since_ms: int | None, folder: Path) -> None:
        self.stamp = stamp
        self._folder = folder
        self.fault = ""
        self._due_ms = 0 if since_ms is None else since_ms + TURN_MS
        self.clean()

    def prepare(self, now: Instant) -> tuple[Stamp, tuple[tuple[str, Mapping[str, Any]], ...]]:
        """The stamp for the next sealing, and the records that new keys add to it."""
        stamp, said = self._turned(now)
        if not self.decided:
            return stamp, said
        return replace(stamp, hands_over=True), (*said, succession.record(stamp.keys))

    def _turned(self, now: Instant) -> tuple[Stamp, tuple[tuple[str, Mapping[str, Any]], ...]]:
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

    def decide(self, head: Head, now: Instant) -> VerifierKey:
        """A new identity is decided on, and the next seal hands over to it; which. KeyFault SBX-KEY-006: a
        key file cannot be written, 007 a hand-over is under way, 008 there have been too many."""
        keys = self.stamp.keys
        try:
            keys = succession.prepared(keys, head, now)
        except OSError as error:
            raise KeyFault("SBX-KEY-006", path=keys.folder, reason=error) from error
        assert keys.heir is not None
        self.stamp = replace(self.stamp, keys=keys)
        return keys.heir.verifier

    @property
    def decided(self) -> bool:
        """Whether the next seal hands over to another identity."""
        heir, identity = self.stamp.keys.heir, self.stamp.keys.identity
        return heir is not None and heir.verifier != identity.verifier

    def finish(self, sealed: Stamp, now: Instant) -> None:
        """The blocks of ``sealed`` are durable."""
        keys = sealed.keys
        if sealed.turn:
            keys, self._due_ms = keys.adopted(), now.mono_ms + TURN_MS
        if sealed.hands_over:
            keys = succession.adopted(keys)
        if sealed.turn or sealed.hands_over:
            self.stamp = replace(sealed, keys=keys, turn=False, hands_over=False)
            self.clean()

    def clean(self) -> None:
        """The seeds of keys that sign no more are destroyed, and hand-over notes shown."""
        keys = self.stamp.keys
        try:
            keys = keys.cleaned()
            keys = succession.cleaned(keys)
            succession.publish(keys, self._folder)
            self.fault = ""
        except OSError as error:
            self.fault = str(error)
        self.stamp = replace(self.stamp, keys=keys)
