"""The journal as others see it: read-only, beside a running daemon or without one, also as another user.

::

    daemon runs, or was killed     mode=ro: SQLite reads the file and its WAL
    killed, -shm gone              no daemon: the WAL is read into memory of our own
    clean stop, folder not ours    no daemon and no WAL: immutable=1
    records of the last seconds    the tail file, frames that continue the store's head

The last two only while nobody holds the writer's lock. Never writes, never locks, never makes the daemon wait
longer than one block's read. One object a thread.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from buffer import tail as tail_file
from buffer.block import decode_header
from buffer.errors import FormatError, JournalUnreadable, StoreDamaged
from buffer.fs import is_locked
from buffer.head import BlockInfo, Cursor, Head, StoredReceipt
from buffer.note import decode
from buffer.opening import LOCK, newest
from buffer.recovery import entries_of
from buffer.rows import decode_body
from buffer.salvage import highest_boot
from buffer.shelf import DAMAGED, NAME, VERSION, Shelf, sqlite_name
from buffer.tail import HALF, Found, scan
from buffer.verify import BlockData

_TRIES: Final = 5  # a seal may fall between reading the head and reading the tail, a start between two looks
_BUSY_S: Final = 1.0  # SQLite's own waiting for a daemon that recovers


# budget: what anybody may ask of a journal, each in one call
class JournalReader:
    """A journal folder, open for reading. Raises JournalUnreadable: SBX-JNL-007 nothing there, 004 not
    readable, 005 written by newer software."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._opened, self._quiet = _open(folder)
        version = self._shelf.version()
        if version != VERSION:
            self._opened.close()
            code = "SBX-JNL-005" if version > VERSION else "SBX-JNL-007"
            raise JournalUnreadable(code, path=folder, version=version)

    def head(self) -> Head:
        """The newest sealed block."""
        header, digest = newest(self._shelf)
        return Head(header.epoch, header.n, digest, header.last, header.sums)

    def last(self) -> int:
        """The number of the newest block, whether it can be read or not."""
        return self._shelf.last()

    def block(self, n: int) -> BlockData | None:
        """Block ``n``; its body is None when pruned."""
        return self._shelf.block(n)

    def blocks(self, a: int = 0, b: int | None = None) -> Iterator[BlockData]:
        """Blocks a..b (None: to the head), one read each, as they stand: see `Shelf.standing`."""
        last = self._shelf.last() if b is None else min(b, self._shelf.last())
        for n in range(a, last + 1):
            yield self._shelf.standing(n)

    def alarm_blocks(self, after_n: int) -> tuple[int, ...]:
        """Numbers of the blocks behind ``after_n`` that hold an alarm, order, declaration or summary."""
        return self._shelf.alarm_blocks(after_n)

    def records(self, from_n: int = 0) -> Iterator[Mapping[str, Any]]:
        """The sealed records from block ``from_n`` on, oldest first; those of pruned bodies are left out."""
        for block in self.blocks(from_n):
            if block.body:
                yield from decode_body(block.body)

    def tail_records(self) -> tuple[Mapping[str, Any], ...]:
        """The durable records behind the head, not sealed yet."""
        head = self.head()
        for _ in range(_TRIES):
            found = self._tail(head)
            after = self.head()
            if after == head:
                return tuple(entry.record for entry in entries_of(found.frames))
            head = after
        return ()

    def last_boot(self) -> tuple[int, str]:
        """Counter and id of the newest boot on record."""
        header, _ = newest(self._shelf)
        boots = [record for record in self.tail_records() if record["k"] == "boot"]
        return (boots[-1]["boot"], boots[-1]["id"]) if boots else (header.boot, header.boot_id)

    def cursors(self) -> Mapping[str, Cursor]:
        """How far each uplink's authority has stored."""
        return self._shelf.cursors()

    def receipts(self) -> tuple[StoredReceipt, ...]:
        """The newest receipt of each uplink, as the note that came."""
        return self._shelf.receipts()

    def used_bytes(self) -> int:
        """What its files take."""
        names = (NAME, NAME + "-wal", tail_file.NAME)
        paths = [self._folder / name for name in names]
        return sum(path.stat().st_size for path in paths if path.exists())

    def infos(self, a: int, b: int) -> tuple[BlockInfo, ...]:
        """Blocks a..b at a glance."""
        return self._shelf.infos(a, b)

    def close(self) -> None:
        """Let go of the files."""
        self._opened.close()

    @property
    def _shelf(self) -> Shelf:
        """The store. Opened the quiet way it is opened again as soon as a daemon writes."""
        if self._quiet and is_running(self._folder):
            self._opened.close()
            self._opened, self._quiet = _open(self._folder)
        return self._opened

    def _tail(self, head: Head) -> Found:
        found = [scan(half, head.n + 1, bytes.fromhex(head.hash)) for half in _halves(self._folder)]
        return max(found, key=lambda one: one.weight)


def aside(folder: Path, name: str) -> Shelf:
    """A store that a start has put aside, by its name in the journal's folder. JournalUnreadable, SBX-JNL-007
    where there is none of that name."""
    path = folder / name
    if not name.startswith(f"{NAME}.bad-") or path.parent != folder or not path.is_file():
        raise JournalUnreadable("SBX-JNL-007", path=path, version=0)
    try:
        return _connect_quietly(path)
    except sqlite3.Error as error:
        raise _unreadable(path, error) from error


def sound_blocks(blocks: Iterable[BlockData]) -> Iterator[BlockData]:
    """Those whose header can be read, without the parts that cannot: what may be handed on as evidence."""
    for block in blocks:
        try:
            header = decode_header(decode(block.note).text)
        except FormatError:
            continue
        body = block.body if block.body or not header.body_bytes else None
        raw = block.raw if block.raw or not header.raw_bytes else None
        yield BlockData(block.note, body, raw)


def handovers(folder: Path) -> tuple[bytes, ...]:
    """The notes by which one identity of the box names the next, oldest first, as they stand beside a
    journal. OSError where they may not be read."""
    return tuple(path.read_bytes() for path in sorted(folder.glob("handover-[0-9][0-9][0-9][0-9]")))


def last_boot(folder: Path) -> int:
    """The highest boot counter on record, 0 before the first start. For the next start, which must be able to
    count on whatever the store has become: it looks at whatever can still be read, and raises nothing else
    than JournalUnreadable for files out of reach."""
    there = (folder / tail_file.NAME).exists()
    try:
        with closing(JournalReader(folder)) as reader:
            return reader.last_boot()[0]
    except (StoreDamaged, FormatError):
        pass
    except JournalUnreadable as error:
        if error.code != "SBX-JNL-007" and there:
            raise
    return highest_boot(folder / NAME, _halves(folder) if there else (b"", b""))


def is_running(folder: Path) -> bool:
    """Whether a daemon holds this journal. OSError where the lock may not be looked at."""
    return is_locked(folder / LOCK)


def _halves(folder: Path) -> tuple[bytes, bytes]:
    try:
        with open(folder / tail_file.NAME, "rb") as file:
            return file.read(HALF), file.read(HALF)
    except OSError as error:
        raise _unreadable(folder / tail_file.NAME, error) from error


def _open(folder: Path) -> tuple[Shelf, bool]:
    """The store, and whether it was opened the quiet way: good only as long as no daemon runs."""
    path = folder / NAME
    try:
        os.stat(path)
    except FileNotFoundError as error:
        raise JournalUnreadable("SBX-JNL-007", path=folder, version=0) from error
    except OSError as error:
        raise _unreadable(path, error) from error
    for _ in range(_TRIES):
        try:
            return _connect(path, "mode=ro"), False
        except sqlite3.Error as error:
            failed = error
        if sqlite_name(failed) in DAMAGED or not os.access(path, os.R_OK):
            break
        if is_running(folder):
            continue
        shelf = _connect_quietly(path)
        if not is_running(folder):
            return shelf, True
        shelf.close()
    raise _unreadable(path, failed) from failed


def _connect_quietly(path: Path) -> Shelf:
    """Without a daemon and without the right to make SQLite's shared memory: the WAL is read into our own (no
    locks, exclusive mode); where there is no WAL the file is all there is."""
    try:
        if path.with_name(path.name + "-wal").exists():
            return _connect(path, "mode=ro&vfs=unix-none", "PRAGMA locking_mode = EXCLUSIVE")
        return _connect(path, "mode=ro&immutable=1")
    except sqlite3.Error as error:
        raise _unreadable(path, error) from error


def _connect(path: Path, how: str, first: str = "PRAGMA query_only = 1") -> Shelf:
    """A connection that has answered once: SQLite opens lazily."""
    uri = f"{path.absolute().as_uri()}?{how}"
    db = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False, timeout=_BUSY_S)
    try:
        db.execute(first).fetchall()
        db.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.Error:
        db.close()
        raise
    return Shelf(db)


def _unreadable(path: Path, error: Exception) -> JournalUnreadable:
    if isinstance(error, sqlite3.Error) and sqlite_name(error) in DAMAGED:
        return StoreDamaged("SBX-JNL-009", path=path, reason=error)
    return JournalUnreadable("SBX-JNL-004", path=path, reason=error)
