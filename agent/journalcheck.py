"""A look at a whole journal: what is there, what rotted, what was set aside; and the rescue of what is sound.

::

    check    every block by a reader, beside a daemon or without one
    salvage  the store's files copied to another folder; what is sound of the copy becomes a new store there
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from agent.errors import AgentError
from buffer.fs import DISK
from buffer.header import Header
from buffer.note import VerifierKey
from buffer.reader import JournalReader
from buffer.salvage import save
from buffer.scrub import Rot, look
from buffer.shelf import NAME

_STEP: Final = 500
_SIDES: Final = ("", "-wal")


@dataclass(frozen=True, slots=True)
class Checked:
    """``aside``: names of files that a start put aside; ``tail``: durable records behind the newest block."""

    epoch: str
    blocks: int
    bodies: int
    frames: int
    tail: int
    used_bytes: int
    rot: tuple[Rot, ...]
    aside: tuple[str, ...]

    @property
    def level(self) -> str:
        """As a status has it."""
        return "fail" if self.rot else "warn" if self.aside else "ok"


def check(folder: Path, reader: JournalReader, identities: Sequence[VerifierKey]) -> Checked:
    """Look at every block once. Raises JournalUnreadable."""
    head = reader.head()
    rot: list[Rot] = []
    bodies = 0
    for start in range(0, head.n + 1, _STEP):
        stop = min(head.n + 1, start + _STEP)
        rot += look(reader, range(start, stop), identities)
        bodies += sum(info.has_body for info in reader.infos(start, stop - 1))
    rotten = {one.n for one in rot}
    frames = sum(
        block is not None and block.raw is not None
        for n in range(head.n + 1)
        if n not in rotten
        for block in (reader.block(n),)
    )
    names = tuple(sorted(path.name for path in folder.iterdir()))
    aside = tuple(name for name in names if ".bad-" in name or name.startswith("superseded"))
    return Checked(
        epoch=head.epoch,
        blocks=head.n + 1,
        bodies=bodies,
        frames=frames,
        tail=len(reader.tail_records()),
        used_bytes=reader.used_bytes(),
        rot=tuple(rot),
        aside=aside,
    )


@dataclass(frozen=True, slots=True)
class Salvaged:
    """``header``: the last sound one, None if there was none; ``lost``: records whose bodies rotted."""

    path: Path
    header: Header | None
    lost: int


def salvage(folder: Path, target: Path, identities: Sequence[VerifierKey]) -> Salvaged:
    """Copy what is sound of the store in ``folder`` to a new one in ``target``, which must be empty or not
    there yet; the source is only read. Raises AgentError."""
    target.mkdir(parents=True, exist_ok=True)
    if any(target.iterdir()):
        raise AgentError("SBX-JNL-911", 73, path=target)
    for side in _SIDES:
        source = folder / (NAME + side)
        if source.exists():
            shutil.copyfile(source, target / (NAME + side))
    if not (target / NAME).exists():
        raise AgentError("SBX-JNL-903", 66, path=folder)
    saved = save(DISK, target / NAME, identities, 0)
    new = target / f"{NAME}.new"
    if saved.header is not None:
        for side in (*_SIDES, "-shm"):
            (target / (NAME + side)).unlink(missing_ok=True)
        new.rename(target / NAME)
    return Salvaged(target / NAME, saved.header, saved.lost)
