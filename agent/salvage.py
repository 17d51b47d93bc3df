"""The rescue of what can be read of a damaged journal, from a copy of its files in another folder::

    0 1 2 | 3 rotten | 4 5 6      tail
    journal.db         blocks-4.zip   tail.jsonl

A store is one chain and ends at the first hole. What can be read behind it is evidence all the same, and
what the tail holds that no block here has is written as lines of JSON: nothing that can be read is lost.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Final

from agent.errors import AgentError
from buffer import tail as tail_file
from buffer.block import decode_header, hash_text
from buffer.bundle import MAX_BLOCKS, write_bundle
from buffer.errors import JournalUnreadable
from buffer.fs import DISK
from buffer.head import StoredReceipt
from buffer.header import Header
from buffer.note import VerifierKey, decode
from buffer.reader import JournalReader, handovers, sound_blocks
from buffer.rows import encode_row
from buffer.salvage import save, tail_records
from buffer.shelf import NAME, Shelf
from buffer.tail import HALF
from buffer.verify import BlockData

TAIL: Final = "tail.jsonl"
_SIDES: Final = ("", "-wal")


@dataclass(frozen=True, slots=True)
class Behind:
    """What stands behind the first hole of a store: readable ``blocks`` with ``records`` in evidence
    ``files``, and at least so many blocks that are ``unreadable``; ``kept`` are the records in the bodies."""

    blocks: int = 0
    records: int = 0
    unreadable: int = 0
    files: tuple[str, ...] = ()
    kept: tuple[range, ...] = ()


@dataclass(frozen=True, slots=True)
class Salvaged:
    """``header``: the last sound one, None if there was none; ``lost``: records whose bodies rotted;
    ``tail``: records that only the tail holds."""

    path: Path
    header: Header | None
    lost: int
    behind: Behind
    tail: int

    @property
    def is_nothing(self) -> bool:
        """Nothing could be read."""
        return self.header is None and not self.behind.blocks and not self.tail

    def facts(self) -> dict[str, object]:
        """For ``--json``; ``last`` is -1 without a new store."""
        return {
            "path": str(self.path),
            "last": -1 if self.header is None else self.header.n,
            "lost": self.lost,
            "behind": self.behind.blocks,
            "behind_records": self.behind.records,
            "unreadable": self.behind.unreadable,
            "files": list(self.behind.files),
            "tail": self.tail,
        }


def salvage(folder: Path, target: Path, identities: Sequence[VerifierKey]) -> Salvaged:
    """Copy what is sound of the store in ``folder`` to a new one in ``target``, which must be empty or not
    there yet, and put beside it what else can be read; the source is only read. Raises AgentError."""
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
    head = saved.header
    behind = _behind(folder, target, -1 if head is None else head.n, identities[-1])
    for side in (*_SIDES, "-shm"):
        (target / (NAME + side)).unlink(missing_ok=True)
    if head is not None:
        (target / f"{NAME}.new").rename(target / NAME)
        if not _holds(target, head):
            raise AgentError("SBX-JNL-936", 74, path=target)
    tail = _tail(folder, target, 0 if head is None else head.last, behind.kept)
    return Salvaged(target / NAME, head, saved.lost, behind, tail)


def _holds(target: Path, head: Header) -> bool:
    """Whether the new store was written to its end; a full disk says nothing of itself before this."""
    try:
        with closing(DISK.connect(target / NAME)) as db:
            return Shelf(db).last() == head.n
    except JournalUnreadable:
        return False


class _Rest:
    """Goes once through the blocks behind a hole; ``kept``: the records in bodies of the readable ones."""

    def __init__(self, reader: JournalReader, head: int) -> None:
        self._reader = reader
        self._head = head
        self.kept: list[range] = []
        self.unreadable = 0

    def blocks(self) -> Iterator[BlockData]:
        """The readable ones, in their order. A database that cannot count them ends it."""
        try:
            for n, standing in enumerate(self._reader.blocks(self._head + 1), self._head + 1):
                block = self._readable(n, standing)
                if block is not None:
                    yield block
        except JournalUnreadable:
            self.unreadable += 1  # at least

    def _readable(self, n: int, standing: BlockData) -> BlockData | None:
        for block in sound_blocks((standing,)):
            header = _header(block)
            if header.n == n:
                whole = block.body is not None and hash_text(block.body) == header.body_hash
                self.kept.append(range(header.first, header.last + 1 if whole else header.first))
                return block
        self.unreadable += 1
        return None


def _behind(folder: Path, target: Path, head: int, identity: VerifierKey) -> Behind:
    """Evidence files of what the copy in ``target`` holds behind block ``head``."""
    try:
        reader = JournalReader(target)
    except JournalUnreadable:  # how many there were, the database cannot say
        return Behind(unreadable=1)
    with closing(reader):
        notes = [*(stored.note for stored in _receipts(reader) if stored.note), *handovers(folder)]
        rest = _Rest(reader, head)
        blocks, files = rest.blocks(), []
        for first in blocks:
            path = target / f"blocks-{_header(first).n}.zip"
            part = chain((first,), islice(blocks, MAX_BLOCKS - 1))
            with path.open("xb") as file:
                write_bundle(file, part, identity, notes, f"sitebox salvage of {folder}")
            files.append(path.name)
    records = sum(map(len, rest.kept))
    return Behind(len(rest.kept), records, rest.unreadable, tuple(files), tuple(rest.kept))


def _receipts(reader: JournalReader) -> Sequence[StoredReceipt]:
    try:
        return reader.receipts()
    except JournalUnreadable:
        return ()


def _tail(folder: Path, target: Path, last: int, kept: Sequence[range]) -> int:
    """The records in whole frames of the tail that stand in no body that was rescued."""
    try:
        data = (folder / tail_file.NAME).read_bytes()
    except FileNotFoundError:
        return 0
    rows = {record["i"]: encode_row(record) for record in tail_records((data[:HALF], data[HALF:]))}
    low = min(rows, default=0)
    near = [one for one in kept if one.stop > low]
    gone = list(_rotten(target / NAME, low)) if last else []
    rows = {
        i: row
        for i, row in rows.items()
        if any(i in one for one in gone) or (i > last and not any(i in one for one in near))
    }
    if rows:
        (target / TAIL).write_bytes(b"".join(rows[i] for i in sorted(rows)))
    return len(rows)


def _rotten(store: Path, low: int) -> Iterator[range]:
    """The records from ``low`` on whose bodies the new store lacks."""
    with closing(DISK.connect(store)) as db:
        shelf = Shelf(db)
        n = shelf.last()
        while (info := shelf.info(n)) is not None and info.last >= low:
            if not info.has_body:
                yield range(info.first, info.last + 1)
            n -= 1


def _header(block: BlockData) -> Header:
    return decode_header(decode(block.note).text)
