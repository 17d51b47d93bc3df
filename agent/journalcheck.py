"""A look at every block of a journal, by a reader, beside a daemon or without one: what is there, what
rotted, what was set aside.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from buffer.block import decode_header
from buffer.errors import FormatError, JournalUnreadable
from buffer.note import VerifierKey, decode
from buffer.reader import JournalReader, sound_blocks
from buffer.scrub import Rot, look

_STEP: Final = 500


@dataclass(frozen=True, slots=True)
class Checked:
    """``aside``: names of files that a start put aside; ``tail``: durable records behind the newest block,
    None where that cannot be read; ``epoch`` of the newest that can, "?" where none can."""

    epoch: str
    blocks: int
    bodies: int
    frames: int
    tail: int | None
    used_bytes: int
    rot: tuple[Rot, ...]
    aside: tuple[str, ...]

    @property
    def level(self) -> str:
        """As a status has it."""
        return "fail" if self.rot else "warn" if self.aside or self.tail is None else "ok"


def check(folder: Path, reader: JournalReader, identities: Sequence[VerifierKey]) -> Checked:
    """Look at every block once. Raises JournalUnreadable."""
    last = reader.last()
    rot: list[Rot] = []
    bodies = 0
    for start in range(0, last + 1, _STEP):
        stop = min(last + 1, start + _STEP)
        rot += look(reader, range(start, stop), identities)
        bodies += sum(info.has_body for info in reader.infos(start, stop - 1))
    rotten = {one.n for one in rot}
    frames = sum(
        block is not None and block.raw is not None
        for n in range(last + 1)
        if n not in rotten
        for block in (reader.block(n),)
    )
    names = tuple(sorted(path.name for path in folder.iterdir()))
    aside = tuple(name for name in names if ".bad-" in name or name.startswith("superseded"))
    return Checked(
        epoch=_epoch(reader, last),
        blocks=last + 1,
        bodies=bodies,
        frames=frames,
        tail=_unsealed(reader),
        used_bytes=reader.used_bytes(),
        rot=tuple(rot),
        aside=aside,
    )


def _epoch(reader: JournalReader, last: int) -> str:
    for n in range(last, -1, -1):
        for block in sound_blocks(reader.blocks(n, n)):
            return decode_header(decode(block.note).text).epoch
    return "?"


def _unsealed(reader: JournalReader) -> int | None:
    try:
        return len(reader.tail_records())
    except (FormatError, JournalUnreadable):
        return None
