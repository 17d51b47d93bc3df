"""A store that is damaged, or gone while the tail remembers one: keep the sound part, say what is lost, go
on.

::

    every header up to the newest is sound     the same epoch goes on in a new file; rotten bodies count as
    lost a header is missing or wrong               a new epoch begins (no number is ever signed twice);
    sums go on in both cases                              the damaged files stay beside it as *.bad-<utc ms>

Believes a header only with its digest, its place in the chain and the identity's signature. Deletes nothing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from buffer.block import Header, decode_header, hash_text
from buffer.errors import FormatError, StoreDamaged, StoreFull, WriteFailed
from buffer.frame import PAGE, Frame, decode_frame, look
from buffer.fs import FileSystem
from buffer.grammar import NO_HASH
from buffer.handover import in_force
from buffer.head import StoredReceipt
from buffer.instant import Instant
from buffer.note import VerifierKey, decode
from buffer.rows import MAX_BODY, Record, decode_body
from buffer.store import Store
from buffer.wire import inflate

Row = tuple[Any, ...]  # of the table blocks
_ROW: Final = "SELECT n, hash, first, last, utc_ms, alarms, note, body, raw FROM blocks WHERE n = ?"
_RECEIPTS: Final = "SELECT uplink, by, n, hash, time_ms, note FROM receipts"
_FRESH: Final = (("running", "1"), ("body_floor", "1"), ("raw_floor", "1"))
_SIDES: Final = ("", "-wal", "-shm", "-journal")


@dataclass(frozen=True, slots=True)
class Sound:
    """A row whose header is believed; ``lost`` is how many records its body took with it; ``signer``: the
    identity that must sign the row behind it."""

    row: Row
    header: Header
    hash: str
    lost: int
    signer: VerifierKey


@dataclass(frozen=True, slots=True)
class Saved:
    """What came of a damaged store: the last sound header (None: none), how many records were lost with
    bodies, whether that header is the newest there was, as far as anybody here can know, and which
    identity must sign the block behind it."""

    header: Header | None
    lost: int
    whole: bool
    signer: VerifierKey | None = None


def save(fs: FileSystem, path: Path, identities: Sequence[VerifierKey], newest: int) -> Saved:
    """Copy what is sound of the store at ``path`` to ``<path>.new``. ``newest`` is the highest generation
    in the tail: the block of that number, or the one before it, was the head."""
    new = path.with_name(path.name + ".new")
    clear(fs, new)
    with closing(fs.connect(path)) as old:
        walk = _Walk(old, identities)
        first = next(walk, None)
        if first is None:
            return Saved(None, 0, False)
        try:
            with closing(Store(fs, new)) as target:
                meta = {"box": walk.last.header.box, "epoch": walk.last.header.epoch, **dict(_FRESH)}
                target.copy(_chained(first, walk), meta, _receipts(old, walk))
        except (StoreFull, WriteFailed, StoreDamaged):
            return Saved(walk.last.header, walk.lost, False)
        known = _newest_number(old)
    last = walk.last.header
    return Saved(last, walk.lost, last.n == known and newest <= last.n + 1, walk.last.signer)


class _Walk:
    """The sound rows of a store, in order; remembers the last and what was lost on the way."""

    def __init__(self, db: sqlite3.Connection, identities: Sequence[VerifierKey]) -> None:
        self._db = db
        self._identities = identities
        self._last: Sound | None = None
        self.lost = 0

    @property
    def last(self) -> Sound:
        """The last one given; there must have been one."""
        assert self._last is not None
        return self._last

    def __iter__(self) -> _Walk:
        return self

    def __next__(self) -> Row:
        row = _row(self._db, 0 if self._last is None else self._last.header.n + 1)
        found = None if row is None else _judge(row, self._last, self._identities)
        if found is None:
            raise StopIteration
        self._last = found
        self.lost += found.lost
        return found.row


def _chained(first: Row, rest: Iterator[Row]) -> Iterator[Row]:
    yield first
    yield from rest


def _receipts(old: sqlite3.Connection, walk: _Walk) -> Iterator[StoredReceipt]:
    """Asked for after the blocks: the receipts for blocks that were saved."""
    try:
        rows = old.execute(_RECEIPTS).fetchall()
    except sqlite3.Error:
        return
    for row in rows:
        known = _row(old, row[2])
        if known is not None and known[1] == row[3] and row[2] <= walk.last.header.n:
            yield StoredReceipt(*row)


def highest_boot(path: Path, halves: tuple[bytes, bytes]) -> int:
    """The highest boot counter in what can still be read of a store and a tail, 0 for none. Believes
    anything: too high a counter does no harm, one used twice would."""
    heir = path.with_name(path.name + ".new")  # which a cut has kept from its place
    boots = [0, *(_boot_of(one) for one in (path, heir) if one.exists())]
    boots += [record["boot"] for frame in _all_frames(halves) for record in decode_body(frame.rows)]
    return max(boots)


def _boot_of(path: Path) -> int:
    """The boot counter of the newest header that can still be read."""
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as db:
        boots = (_boot(_row(db, n)) for n in range(_newest_number(db) or 0, -1, -1))
        return next((boot for boot in boots if boot), 0)


def _boot(row: Row | None) -> int:
    try:
        return decode_header(decode(row[6]).text).boot if row is not None else 0
    except (FormatError, TypeError):
        return 0


def last_record(halves: tuple[bytes, bytes]) -> int:
    """The highest record number in any whole frame of the tail, 0 for none."""
    return max((frame.last for frame in _all_frames(halves)), default=0)


def tail_records(halves: tuple[bytes, bytes]) -> Iterator[Record]:
    """Every record in any whole frame of the tail, sealed since or not, some twice."""
    for frame in _all_frames(halves):
        yield from decode_body(frame.rows)


def _all_frames(halves: tuple[bytes, bytes]) -> Iterator[Frame]:
    """Every whole frame, of whatever generation."""
    for half in halves:
        view = memoryview(half)
        for offset in range(0, len(view), PAGE):
            claimed = look(view[offset:])
            frame = None if claimed is None else decode_frame(view[offset:], claimed[0])
            if frame is not None:
                yield frame


def clear(fs: FileSystem, new: Path) -> None:
    """No file of that name, and nothing that belonged to it: what a cut has left half done."""
    for name in fs.names(new.parent):
        if name.startswith(new.name):
            fs.remove(new.with_name(name))


def keep_copy(fs: FileSystem, path: Path, now: Instant) -> None:
    """The bytes of a file that goes on, durable under the name of one that was moved aside."""
    old, copy = fs.open(path), fs.create(path.with_name(f"{path.name}.bad-{now.utc_ms}"), 0o640)
    try:
        copy.write_at(old.read_at(old.size(), 0), 0)
        copy.sync()
    finally:
        copy.close()
        old.close()


def move_aside(fs: FileSystem, path: Path, now: Instant) -> None:
    """Keep a file and what belongs to it under another name."""
    names = fs.names(path.parent)
    for side in _SIDES:
        if path.name + side in names:
            fs.rename(path.with_name(path.name + side), path.with_name(f"{path.name}.bad-{now.utc_ms}{side}"))
    fs.sync_folder(path.parent)


def _newest_number(db: sqlite3.Connection) -> int | None:
    """The highest block number that can still be read, None when that cannot be said."""
    try:
        return int(db.execute("SELECT max(n) FROM blocks").fetchone()[0])
    except (sqlite3.Error, TypeError, ValueError):
        return None


def _row(db: sqlite3.Connection, n: int) -> Row | None:
    try:
        found = db.execute(_ROW, (n,)).fetchone()
    except (sqlite3.Error, OverflowError, TypeError):
        return None
    return None if found is None else tuple(found)


def _judge(row: Row, before: Sound | None, identities: Sequence[VerifierKey]) -> Sound | None:
    n, digest, first, last, utc_ms, alarms, note, body, raw = row
    try:
        signed = decode(bytes(note))
        header = decode_header(signed.text)
        allowed = identities if before is None else (before.signer,)
        signer = in_force(signed, header.identity, allowed)
    except (FormatError, TypeError, ValueError):
        return None
    place = (0, NO_HASH) if before is None else (before.header.n + 1, before.hash)
    if signer is None or hash_text(signed.text) != digest:
        return None
    if (header.n, header.prev) != place or (n, first, last) != (n, header.first, header.last):
        return None
    kept_body = body if body is None or _is_whole(body, header.body_hash) else None
    kept_raw = raw if raw is None or _is_whole(raw, header.raw_hash) else None
    lost = header.last - header.first + 1 if kept_body is not body else 0
    kept = (n, digest, first, last, utc_ms, alarms, note, kept_body, kept_raw)
    return Sound(kept, header, digest, lost, signer)


def _is_whole(packed: object, digest: str) -> bool:
    if not isinstance(packed, bytes):
        return False
    try:
        return hash_text(inflate(packed, 4 * MAX_BODY)) == digest
    except FormatError:
        return False
