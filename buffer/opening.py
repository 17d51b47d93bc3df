"""Opening the files of a journal: the tail and the store, made when missing, mended when damaged.

::

    tail   missing or cut short     made anew; with a store beside it that is a loss
    store  missing, tail remembers  a new epoch
    store  damaged                  buffer.salvage: the same epoch, or a new one
    store  older than the tail      a new epoch: a disk that lied about a sync, or an older copy put back
           older than the keys      the same: the key that its newest header names is destroyed
           superseded               a new epoch: an authority signed for another history (buffer.anew)

Gives open files that hold together, and what has to be said about them. Says nothing itself, deletes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from buffer import anew, reserve
from buffer import tail as tail_file
from buffer.block import FIRST_RECORD, Header, decode_header
from buffer.errors import FormatError, StoreDamaged, StoreFull, UnknownVersion
from buffer.fs import FileSystem
from buffer.handover import in_force
from buffer.instant import Instant
from buffer.keys import Keys
from buffer.note import VerifierKey, decode
from buffer.receipt import Receipt
from buffer.salvage import last_record, move_aside, save
from buffer.shelf import NAME, Shelf
from buffer.store import Store
from buffer.tail import Tail, create_tail

Loss = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Opened:
    """Open files. ``store.version() == 0``: a birth is due, whose first record is ``first`` and whose sums
    go on from ``life``, the last header known of an epoch that was lost."""

    store: Store
    tail: Tail
    losses: tuple[Loss, ...] = ()
    life: Header | None = None
    first: int = FIRST_RECORD


def open_files(fs: FileSystem, folder: Path, keys: Keys, now: Instant) -> Opened:
    """Open, make or mend. Raises WriteFailed, StoreFull, JournalUnusable; OSError from the tail."""
    with ExitStack() as on_error:
        tail, made = _open_tail(fs, folder, now)
        on_error.callback(tail.close)
        try:
            store = _open_store_somehow(fs, folder, tail, keys)
        except UnknownVersion:
            raise
        except (StoreDamaged, FormatError):
            opened = _mend(fs, folder, tail, keys, now)
        else:
            ended = anew.marked(fs, folder) if store.version() else None
            if ended is not None and store.meta()["epoch"] == ended.epoch:
                opened = _anew(fs, folder, Opened(store, tail), ended, now)
            else:
                said = made if store.version() else None
                opened = Opened(store, tail, (_loss("records", 0, said),) if said else ())
        on_error.pop_all()
        return opened


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


def _open_tail(fs: FileSystem, folder: Path, now: Instant) -> tuple[Tail, str | None]:
    """The tail, and why it had to be made."""
    made = None
    path = folder / tail_file.NAME
    if path.name in fs.names(folder):
        tail = Tail(fs.open(path))
        if tail.is_whole():
            return tail, None
        tail.close()
        move_aside(fs, path, now)
        made = "tail cut short"
    create_tail(fs, folder)
    return Tail(fs.open(path)), made or "tail missing"


def _open_store_somehow(fs: FileSystem, folder: Path, tail: Tail, keys: Keys) -> Store:
    """On a full card the reserve makes the room that SQLite needs to open at all."""
    try:
        return _open_store(fs, folder / NAME, tail, keys)
    except StoreFull:
        if not reserve.give_up(fs, folder):
            raise
    return _open_store(fs, folder / NAME, tail, keys)


def _open_store(fs: FileSystem, path: Path, tail: Tail, keys: Keys) -> Store:
    """The store if it holds together at both ends; unborn only when the tail knows of no birth either."""
    store = Store(fs, path)
    try:
        if store.version() == 0:
            if tail.newest() > 0:
                raise StoreDamaged("SBX-JNL-009", path=path, reason="missing")
            return store
        store.meta()
        head, _ = newest(store)
        signer = signer_behind(store, head, keys)
        if tail.newest() > head.n + 1:  # begun only after block head + 1 was durable: it may have been sent
            raise StoreDamaged("SBX-JNL-009", path=path, reason=f"block {head.n + 1} is missing")
        if signer is not None and not keys.hold(signer, head.next_key):
            # it signed a block that is not here, or keys were put back
            raise StoreDamaged("SBX-JNL-009", path=path, reason=f"{head.next_key.name} is gone")
    except BaseException:
        store.close()
        raise
    return store


def _mend(fs: FileSystem, folder: Path, tail: Tail, keys: Keys, now: Instant) -> Opened:
    path = folder / NAME
    saved = save(fs, path, keys.identities, tail.newest())
    move_aside(fs, path, now)
    signer = saved.signer
    if saved.whole and saved.header is not None and signer and keys.hold(signer, saved.header.next_key):
        fs.rename(path.with_name(NAME + ".new"), path)
        fs.sync_folder(folder)
        return Opened(Store(fs, path), tail, (_loss("bodies", saved.lost, "store damaged"),))
    last = saved.header.last if saved.header else 0
    known = max(last, last_record(tail.halves()))
    losses = (_loss("records", known - last, "store damaged"),)
    return Opened(Store(fs, path), _other_tail(fs, folder, tail, now), losses, saved.header, known + 1)


def _anew(fs: FileSystem, folder: Path, old: Opened, ended: Receipt, now: Instant) -> Opened:
    """Another epoch, for an authority has signed for a history of this one that is not ours. What the old one
    holds stays beside it; what its tail had not sealed counts as lost."""
    header, _ = newest(old.store)
    known = max(header.last, last_record(old.tail.halves()))
    old.store.close()
    move_aside(fs, folder / NAME, now)
    tail = _other_tail(fs, folder, old.tail, now)
    losses = (anew.loss(ended, header.n, known - header.last),)
    return Opened(Store(fs, folder / NAME), tail, losses, header, known + 1)


def _other_tail(fs: FileSystem, folder: Path, tail: Tail, now: Instant) -> Tail:
    tail.close()
    move_aside(fs, folder / tail_file.NAME, now)
    return _open_tail(fs, folder, now)[0]


def _loss(what: str, count: int, reason: str) -> Loss:
    return {"what": what, "count": count, "reason": reason}
