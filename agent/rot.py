"""What has rotted in the store and is met by whoever reads it: passed over, said, and asked back.

::

    start, uplink --> block n cannot be read --> Rot --> inbox --> the recorder: loss record, taken out

A daemon never stops for a block of the past. Never changes the store: that is the recorder's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from pathlib import Path

from agent.inbox import Inbox
from agent.log import Log
from buffer.errors import FormatError, StoreDamaged
from buffer.note import VerifierKey
from buffer.reader import JournalReader
from buffer.refill import sound
from buffer.scrub import look
from buffer.verify import BlockData


class SoundReader(JournalReader):
    """A reader for whom a rotten block is not there. ``rotten``: the numbers of those that were met;
    ``doubt`` is told when the database itself does not hold: the next start has to mend it."""

    def __init__(self, folder: Path, doubt: Callable[[StoreDamaged], None] = lambda error: None) -> None:
        super().__init__(folder)
        self.rotten: set[int] = set()
        self._doubt = doubt

    def block(self, n: int) -> BlockData | None:
        """Block ``n``; None when it is not there or does not hold."""
        try:
            block = super().block(n)
            if block is not None and sound(block) is None:
                raise FormatError(f"block {n} does not hold")
        except (FormatError, StoreDamaged) as error:
            self.rotten.add(n)
            if isinstance(error, StoreDamaged):
                self._doubt(error)
            return None
        return block

    def alarm_blocks(self, after_n: int) -> tuple[int, ...]:
        """As the journal gives them. Where even the table has rotted the next start mends it."""
        try:
            return super().alarm_blocks(after_n)
        except StoreDamaged as error:
            self._doubt(error)
            raise


class Finder:
    """Tells the recorder and the log which parts of blocks have rotted. Of any thread."""

    def __init__(
        self, folder: Path, identities: Callable[[], Sequence[VerifierKey]], inbox: Inbox, log: Log
    ) -> None:
        self._folder = folder
        self.identities = identities
        self.inbox = inbox
        self._log = log

    def look(self, numbers: Iterable[int]) -> None:
        """Whatever is rotten among blocks ``numbers``. JournalUnreadable: the store is out of reach."""
        with closing(JournalReader(self._folder)) as reader:
            for n in numbers:
                for rot in look(reader, range(n, n + 1), self.identities()):
                    self._log.put("fail", "SBX-JNL-017", n=rot.n, part=rot.part)
                    self.inbox.put(rot)
