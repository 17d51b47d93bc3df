"""Opening the files of a journal: the tail and the store, made when missing, mended when damaged.

::

    tail   missing or cut short     made anew; with a store beside it that is a loss
           older than the store     the same: what it had promised since is gone
    store  missing, tail remembers  a new epoch
    store  damaged                  buffer.salvage: the same epoch, or a new one
    store  older than the tail      a new epoch: a disk that lied about a sync, or an older copy put back
           older than the keys      the same: the key that its newest header names is destroyed, or was lost
           superseded               a new epoch: an authority signed for another history (buffer.anew)

    journal.db + journal.db.new     the heir is not complete: made again
    journal.db.new alone            it is, and all is said in it: it takes its place (a cut while settling)

Gives open files that hold together, and what has to be said about them. Says nothing itself, deletes nothing.
"""

from __future__ import annotations

import errno
from collections.abc import Mapping
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from buffer import anew, reserve
from buffer import tail as tail_file
from buffer.block import FIRST_RECORD, Header, decode_header
from buffer.errors import FormatError, JournalLocked, StorageError, StoreDamaged, UnknownVersion, WriteFailed
from buffer.fs import File, FileSystem, write_whole
from buffer.handover import in_force
from buffer.instant import Instant
from buffer.keys import Keys
from buffer.note import VerifierKey, decode
from buffer.receipt import Receipt
from buffer.rows import decode_body
from buffer.salvage import clear, keep_copy, last_record, move_aside, save
from buffer.shelf import NAME, Shelf
from buffer.store import Store
from buffer.tail import Tail, create_tail

Loss = Mapping[str, Any]
LOCK: Final = "lock"
_LOOK: Final = 16  # newest blocks: a full turn of thinning and more
DOUBTED: Final = "damaged"  # beside a store that turned out to be damaged while it was written


@dataclass(frozen=True, slots=True)
class Opened:
    """Open files. ``store.version() == 0``: a birth is due, whose first record is ``first`` and whose sums
    go on from ``life``, the last header known of an epoch that was lost. ``heir``: the store waits under
    another name; what is to be said is sealed in it, and only then it takes its place (`Files.settle`)."""

    store: Store
    tail: Tail
    losses: tuple[Loss, ...] = ()
    life: Header | None = None
    first: int = FIRST_RECORD
    heir: bool = False


@dataclass(frozen=True, slots=True)
class Files:
    """The files of one journal, at one start."""

    fs: FileSystem
    folder: Path
    keys: Keys
    now: Instant

    def open(self) -> Opened:
        """Open, make or mend. Raises WriteFailed, StoreFull, JournalUnusable; OSError from the tail."""
        with ExitStack() as on_error:
            self._end_settling()
            tail, made = self._tail()
            on_error.callback(tail.close)
            try:
                store = reserve.with_room(self.fs, self.folder, lambda: self._store(tail))
            except UnknownVersion:
                raise
            except (StoreDamaged, FormatError):
                opened = self.mend(tail)
            else:
                ended = anew.marked(self.fs, self.folder) if store.version() else None
                if ended is not None and store.meta()["epoch"] == ended.epoch:
                    opened = self._anew(store, tail, ended)
                else:
                    said = made or _behind(store, tail) if store.version() else None
                    opened = Opened(store, tail, (_loss("records", 0, said),) if said else ())
            on_error.pop_all()
            return opened

    def mend(self, tail: Tail) -> Opened:
        """What is sound of a damaged store, in an heir of it: the same epoch or the birth of another."""
        saved = save(self.fs, self._path, self.keys.identities, tail.newest())
        header, signer = saved.header, saved.signer
        if saved.whole and header is not None and signer and self.keys.hold(signer, header.next_key):
            losses = (_loss("bodies", saved.lost, "store damaged"),)
            return Opened(Store(self.fs, self._new), tail, losses, heir=True)
        last = header.last if header else 0
        known = max(last, last_record(tail.halves()))
        reason = "key gone" if saved.whole else "store damaged"
        return self._birth(tail, _loss("records", known - last, reason), header, known + 1)

    def settle(self, opened: Opened) -> Store:
        """The heir says what there is to say, durably: now it takes its place. The old files stay aside; a
        cut anywhere is gone on with at the next start."""
        opened.store.close()
        header = _head_of(self.fs, self._new)
        if _is_of_another_life(opened.tail, header):
            keep_copy(self.fs, self.folder / tail_file.NAME, self.now)
        self.fs.sync_folder(self.folder)
        move_aside(self.fs, self._path, self.now)
        self._end_settling()
        if _is_of_another_life(opened.tail, header):
            opened.tail.empty()
        if DOUBTED in self.fs.names(self.folder):
            self.fs.remove(self.folder / DOUBTED)
        return Store(self.fs, self._path)

    @property
    def _path(self) -> Path:
        return self.folder / NAME

    @property
    def _new(self) -> Path:
        return self.folder / (NAME + ".new")

    def _end_settling(self) -> None:
        """An heir whose elder is aside already takes its place."""
        names = self.fs.names(self.folder)
        if NAME not in names and self._new.name in names:
            self.fs.rename(self._new, self._path)
            self.fs.sync_folder(self.folder)

    def _anew(self, store: Store, tail: Tail, ended: Receipt) -> Opened:
        """Another epoch, for an authority has signed for a history of this one that is not ours. What the old
        one holds stays beside it; what its tail had not sealed counts as lost."""
        header, _ = newest(store)
        known = max(header.last, last_record(tail.halves()))
        store.close()
        return self._birth(tail, anew.loss(ended, header.n, known - header.last), header, known + 1)

    def _birth(self, tail: Tail, loss: Loss, life: Header | None, first: int) -> Opened:
        clear(self.fs, self._new)
        return Opened(Store(self.fs, self._new), tail, (loss,), life, first, heir=True)

    def _tail(self) -> tuple[Tail, str | None]:
        """The tail, and why it had to be made."""
        made = None
        path = self.folder / tail_file.NAME
        if path.name in self.fs.names(self.folder):
            tail = Tail(self.fs.open(path))
            if tail.is_whole():
                return tail, None
            tail.close()
            move_aside(self.fs, path, self.now)
            made = "tail cut short"
        create_tail(self.fs, self.folder)
        return Tail(self.fs.open(path)), made or "tail missing"

    def _store(self, tail: Tail) -> Store:
        """The store if it holds together at both ends; unborn only when the tail knows of no birth either."""
        store = Store(self.fs, self._path)
        try:
            self._check(store, tail)
        except BaseException:
            store.close()
            raise
        return store

    def _check(self, store: Store, tail: Tail) -> None:
        path = self._path
        if store.version() == 0:
            if tail.newest() > 0:
                raise StoreDamaged("SBX-JNL-009", path=path, reason="missing")
            return
        if DOUBTED in self.fs.names(self.folder):
            raise StoreDamaged("SBX-JNL-009", path=path, reason="when it was written")
        store.meta()
        head, _ = newest(store)
        signer = signer_behind(store, head, self.keys)
        if _is_of_another_life(tail, head):  # a cut, behind the birth of this one
            tail.empty()
        if tail.newest() > head.n + 1:  # begun only after block head + 1 was durable: it may have been sent
            raise StoreDamaged("SBX-JNL-009", path=path, reason=f"block {head.n + 1} is missing")
        if signer is not None and not self.keys.hold(signer, head.next_key):
            # it signed a block that is not here, or keys were put back
            raise StoreDamaged("SBX-JNL-009", path=path, reason=f"{head.next_key.name} is gone")


def _is_of_another_life(tail: Tail, head: Header) -> bool:
    """Whether all that a tail holds was numbered before a birth: what an earlier epoch has left in it."""
    return tail.newest() > head.n and last_record(tail.halves()) <= head.last


def _behind(store: Store, tail: Tail) -> str | None:
    """Why records may be gone that nobody can count: a run that was not ended left a tail without those that
    the newest block of readings was sealed from: an older copy of the file, or rot."""
    if store.meta()["running"] == "0":
        return None
    kept = last_record(tail.halves())
    for n in range(store.last(), max(0, store.last() - _LOOK), -1):
        with suppress(FormatError, StoreDamaged):  # what rotted is met by whoever reads it
            block = store.block(n)
            body = (block and block.body) or b""
            readings = [row["i"] for row in decode_body(body) if row["k"] == "reading"]
            if readings:  # which no start and no retention writes past the tail
                return "tail behind the store" if kept < readings[-1] else None
    return None


def _head_of(fs: FileSystem, path: Path) -> Header:
    with closing(Store(fs, path)) as store:
        return newest(store)[0]


def take_lock(fs: FileSystem, folder: Path) -> File:
    """The one writer's lock of a journal, whose folder is made. JournalLocked; WriteFailed, SBX-JNL-020 where
    the file system can only be read."""
    try:
        fs.make_folder(folder, 0o750)
        lock = fs.lock(folder / LOCK)
    except OSError as error:
        code = "SBX-JNL-020" if error.errno == errno.EROFS else "SBX-JNL-002"
        raise WriteFailed(code, path=folder, reason=error) from error
    if lock is None:
        raise JournalLocked("SBX-JNL-001", path=folder)
    return lock


def doubt(fs: FileSystem, folder: Path, error: StorageError) -> None:
    """A store that turned out to be damaged where its ends do not show it is mended by the next start. What
    cannot be noted now is met again."""
    if isinstance(error, StoreDamaged):
        with suppress(OSError):
            write_whole(fs, folder / DOUBTED, b"", 0o640)


def newest(shelf: Shelf) -> tuple[Header, str]:
    """Header and hash of the newest block. Raises StoreDamaged, FormatError."""
    n = shelf.last()
    return header_of(shelf, n), shelf.hash(n)


def header_of(shelf: Shelf, n: int) -> Header:
    """The header of a block that must be there. Raises StoreDamaged, FormatError."""
    block = shelf.block(n)
    if block is None:
        raise StoreDamaged("SBX-JNL-009", path=NAME, reason=f"no block {n}")
    return decode_header(decode(block.note).text)


def signer_behind(shelf: Shelf, head: Header, keys: Keys) -> VerifierKey | None:
    """The identity that must sign the block behind ``head``; None when none of this box's keys signed that.
    Raises StoreDamaged, FormatError."""
    block = shelf.block(head.n)
    assert block is not None  # its header was just read
    return in_force(decode(block.note), head.identity, keys.identities)


def _loss(what: str, count: int, reason: str) -> Loss:
    return {"what": what, "count": count, "reason": reason}
