"""The sealed blocks, cursors and receipts: one SQLite file, one writer, many readers.

::

    meta(key, value)      box, epoch, running ("1" from start to clean stop), body_floor, raw_floor
    blocks(n, hash, first, last, utc_ms, alarms, note, body, raw)     body, raw: zlib; NULL when pruned
    cursors(uplink, n, hash, time_ms)     receipts(uplink, by, n, hash, time_ms, note)

A block is there after COMMIT or not at all (WAL, synchronous=FULL); after each seal the WAL is emptied into
the file, so that a reader needs nothing else. Knows no signatures and never changes a note. The writer's
part is ``Store``, the reader's ``Shelf``.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final, Literal

from buffer.errors import FormatError, JournalUnusable, StoreDamaged, StoreFull, WriteFailed
from buffer.fs import FileSystem
from buffer.head import StoredReceipt
from buffer.sealing import Block
from buffer.shelf import DAMAGED, VERSION, Shelf, sqlite_name

Column = Literal["body", "raw"]  # what may go while the header stays

NO_SHM: Final = "SQLITE_IOERR_SHMSIZE"  # no room for SQLite's shared memory, 32 KiB
_BUSY_MS: Final = 250  # how long a slow reader may hold up the emptying of the WAL

_SCHEMA: Final = (
    "CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    "CREATE TABLE blocks(n INTEGER PRIMARY KEY, hash TEXT NOT NULL, first INTEGER NOT NULL,"
    " last INTEGER NOT NULL, utc_ms INTEGER NOT NULL, alarms INTEGER NOT NULL,"
    " note BLOB NOT NULL, body BLOB, raw BLOB)",
    "CREATE INDEX alarm_blocks ON blocks(n) WHERE alarms > 0",
    "CREATE TABLE cursors(uplink TEXT PRIMARY KEY, n INTEGER NOT NULL, hash TEXT NOT NULL,"
    " time_ms INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE TABLE receipts(uplink TEXT PRIMARY KEY, by TEXT NOT NULL, n INTEGER NOT NULL, hash TEXT NOT NULL,"
    " time_ms INTEGER NOT NULL, note BLOB NOT NULL) WITHOUT ROWID",
    f"PRAGMA user_version = {VERSION}",
)
_COLUMNS: Final = ("n", "hash", "first", "last", "utc_ms", "alarms", "note", "body", "raw")
_INSERT: Final = f"INSERT INTO blocks VALUES({', '.join('?' * len(_COLUMNS))})"


class Store(Shelf):
    """The writer. ``doubt`` is told of pages that have rotted where the writing could go on without them."""

    def __init__(self, fs: FileSystem, path: Path) -> None:
        self._path = path
        self.doubt: Callable[[StoreDamaged], None] = lambda error: None
        with self._watched(), ExitStack() as on_error:
            super().__init__(fs.connect(path))
            on_error.callback(self._db.close)
            self._prepare()
            on_error.pop_all()

    def _prepare(self) -> None:
        self._db.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
        (mode,) = self._db.execute("PRAGMA journal_mode = WAL").fetchone()
        self._db.execute("PRAGMA synchronous = FULL")
        self.empty_wal()
        if mode != "wal":
            raise WriteFailed("SBX-JNL-002", path=self._path, reason=f"journal mode {mode}")
        if self.version() > VERSION:
            raise JournalUnusable("SBX-JNL-005", path=self._path, version=self.version())

    def give_birth(self, genesis: Block) -> None:
        """Tables, facts and genesis, in one COMMIT."""
        header = genesis.header
        first = {"running": "1", "body_floor": "1", "raw_floor": "1"}
        with self._transaction():
            self._tables({"box": header.box, "epoch": header.epoch, **first})
            self._put(genesis)
        self._settle()

    def copy(
        self, rows: Iterable[tuple[Any, ...]], meta: Mapping[str, str], receipts: Iterable[StoredReceipt]
    ) -> None:
        """Fill an empty store with what was saved of another."""
        with self._transaction():
            self._tables(meta)
            self._db.executemany(_INSERT, rows)
            self._move(receipts)
        self._settle()

    def put(
        self,
        blocks: Sequence[Block],
        moved: Mapping[str, StoredReceipt],
        running: bool = True,
        thinned: Iterable[int] = (),
    ) -> None:
        """Sealed blocks, and the cursors whose receipt records stand in them, in one COMMIT; with it go the
        bodies of the blocks ``thinned``, and first, for the room.

        Raises StoreFull with nothing changed, or WriteFailed with the outcome unknown.
        """
        with self._transaction():
            self._strip(thinned, "body")
            for block in blocks:
                self._put(block)
            self._move(moved.values())
            self._db.execute(
                "UPDATE meta SET value = ?1 WHERE key = 'running' AND value != ?1", (str(int(running)),)
            )
        self._settle()

    def used_bytes(self) -> int:
        """Bytes in use, without pages that are free to be used again."""
        sizes = [
            int(self._one(f"PRAGMA {name}")[0]) for name in ("page_count", "freelist_count", "page_size")
        ]
        return (sizes[0] - sizes[1]) * sizes[2]

    def floor(self, column: Column) -> int:
        """The lowest block whose body or raw frames may still have to go; below, only what stays for ever has
        them: the genesis, and frames that an alarm stands on."""
        return int(self.meta()[f"{column}_floor"])

    def drop(self, column: Column, last: int, but: Collection[int] = ()) -> int:
        """Let go of the bodies or raw frames of all blocks up to ``last`` but the genesis and those in
        ``but``, which then stay for ever; how many there were. What has rotted stays as well, until it is
        taken out or a start mends the store."""
        first = self.floor(column)
        alone = " AND body IS NOT NULL" if column == "raw" else ""  # frames without a body were spared before
        found = f"SELECT n FROM blocks WHERE n BETWEEN ? AND ? AND {column} IS NOT NULL{alone}"
        numbers = [n for (n,) in self._all(found, first, last) if n not in but and self._is_whole(n)]
        try:
            self.strip(numbers, column)
        except StoreDamaged as error:
            self.doubt(error)
            numbers = [n for n in numbers if self._lets_go(n, column)]
        with self._transaction():
            self._db.execute(
                "UPDATE meta SET value = ? WHERE key = ?", (str(max(first, last + 1)), f"{column}_floor")
            )
        self._settle()
        return len(numbers)

    def strip(self, numbers: Iterable[int], column: Column) -> None:
        """Rows without their ``column``, whatever holds them."""
        with self._transaction():
            self._strip(numbers, column)

    def can_strip(self, n: int) -> bool:
        """Whether that can be done for block ``n``: not where SQLite's pages of it have rotted, for their
        chain says which are let go of."""
        try:
            self._all("SELECT note, body, raw FROM blocks WHERE n = ?", n)
        except StoreDamaged as error:
            self.doubt(error)
            return False
        return True

    def put_back(self, n: int, note: bytes, body: bytes | None, raw: bytes | None) -> None:
        """Other parts for block ``n``, as they are stored; None: what is there stays."""
        with self._transaction():
            (row,) = self._all(f"SELECT {', '.join(_COLUMNS)} FROM blocks WHERE n = ?", n)
            parts = (note, row[-2] if body is None else body, row[-1] if raw is None else raw)
            self._db.execute("DELETE FROM blocks WHERE n = ?", (n,))
            self._db.execute(_INSERT, (*row[:-3], *parts))

    def _strip(self, numbers: Iterable[int], column: Column) -> None:
        """Rows without their ``column``. Put in anew: one that shrinks in its place keeps its whole page."""
        values = ", ".join("NULL" if name == column else name for name in _COLUMNS)
        for n in numbers:
            (row,) = self._all(f"SELECT {values} FROM blocks WHERE n = ?", n)
            self._db.execute("DELETE FROM blocks WHERE n = ?", (n,))
            self._db.execute(_INSERT, row)

    def _lets_go(self, n: int, column: Column) -> bool:
        """One row without its ``column``; False where a page of it has rotted."""
        try:
            self.strip((n,), column)
        except StoreDamaged:
            return False
        return True

    def _is_whole(self, n: int) -> bool:
        """Whether nothing of block ``n`` has rotted, as far as its streams and pages show it."""
        try:
            self.block(n)
        except FormatError:
            return False
        except StoreDamaged as error:
            self.doubt(error)
            return False
        return True

    def _tables(self, meta: Mapping[str, str]) -> None:
        for statement in _SCHEMA:
            self._db.execute(statement)
        self._db.executemany("INSERT INTO meta VALUES(?, ?)", list(meta.items()))

    def _move(self, receipts: Iterable[StoredReceipt]) -> None:
        for one in receipts:
            at = (one.uplink, one.n, one.hash, one.time_ms)
            self._db.execute("INSERT OR REPLACE INTO cursors VALUES(?, ?, ?, ?)", at)
            whole = (one.uplink, one.by, one.n, one.hash, one.time_ms, one.note)
            self._db.execute("INSERT OR REPLACE INTO receipts VALUES(?, ?, ?, ?, ?, ?)", whole)

    def _put(self, block: Block) -> None:
        h = block.header
        self._db.execute(
            _INSERT,
            (
                h.n,
                block.hash,
                h.first,
                h.last,
                h.utc_ms,
                block.alarms,
                block.note,
                block.body,
                block.raw or None,
            ),
        )

    def empty_wal(self) -> None:
        """Carry the WAL over into the file; a reader in the middle of a read may put it off to the next
        time."""
        self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def _settle(self) -> None:
        try:
            with self._watched():
                self.empty_wal()
        except StoreFull:
            return  # the COMMIT stands in the WAL; the next one tries again

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._watched():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            finally:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")

    @contextmanager
    def _watched(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            name = sqlite_name(error)
            if name == "SQLITE_FULL" or getattr(error, "sqlite_errorname", "") == NO_SHM:
                raise StoreFull("SBX-JNL-003", path=self._path) from error
            if name in DAMAGED:
                raise StoreDamaged("SBX-JNL-009", path=self._path, reason=error) from error
            raise WriteFailed("SBX-JNL-002", path=self._path, reason=f"{name}: {error}") from error
