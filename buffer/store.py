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
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Literal

from buffer.errors import JournalUnusable, StoreFull, WriteFailed
from buffer.fs import FileSystem
from buffer.head import BlockInfo, Cursor, StoredReceipt
from buffer.rows import MAX_BODY
from buffer.sealing import Block
from buffer.verify import BlockData
from buffer.wire import inflate

Column = Literal["body", "raw"]  # what may go while the header stays

NAME: Final = "journal.db"
VERSION: Final = 1  # PRAGMA user_version; 0 is a file whose birth was cut
_BUSY_MS: Final = 250  # how long a slow reader may hold up the emptying of the WAL
_MAX_RAW: Final = 4 * MAX_BODY

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
_INFO: Final = (
    "n, hash, first, last, utc_ms, alarms, length(note), coalesce(length(body), 0), body IS NOT NULL"
)


class Shelf:
    """What may be asked of the store. Each answer is one short read; none holds the database open."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def version(self) -> int:
        """0 before the birth is complete."""
        return int(self._one("PRAGMA user_version")[0])

    def meta(self) -> Mapping[str, str]:
        """Facts of the whole journal."""
        return dict(self._all("SELECT key, value FROM meta"))

    def last(self) -> int:
        """Number of the newest block; the genesis is written with the tables, so there is one."""
        return int(self._one("SELECT max(n) FROM blocks")[0])

    def block(self, n: int) -> BlockData | None:
        """Block ``n`` as stored; None when there is none."""
        rows = self._all("SELECT note, body, raw FROM blocks WHERE n = ?", n)
        if not rows:
            return None
        note, body, raw = rows[0]
        return BlockData(
            note,
            None if body is None else inflate(body, MAX_BODY),
            None if raw is None else inflate(raw, _MAX_RAW),
        )

    def info(self, n: int) -> BlockInfo | None:
        """Block ``n`` at a glance."""
        rows = self._all(f"SELECT {_INFO} FROM blocks WHERE n = ?", n)
        return _info(rows[0]) if rows else None

    def infos(self, a: int, b: int) -> tuple[BlockInfo, ...]:
        """Blocks a..b at a glance."""
        rows = self._all(f"SELECT {_INFO} FROM blocks WHERE n BETWEEN ? AND ? ORDER BY n", a, b)
        return tuple(map(_info, rows))

    def alarm_blocks(self, after: int) -> tuple[int, ...]:
        """Numbers of the blocks behind ``after`` that hold an alarm record."""
        rows = self._all("SELECT n FROM blocks WHERE n > ? AND alarms > 0 ORDER BY n", after)
        return tuple(row[0] for row in rows)

    def cursors(self) -> Mapping[str, Cursor]:
        """By uplink."""
        rows = self._all("SELECT uplink, n, hash, time_ms FROM cursors")
        return {row[0]: Cursor(*row[1:]) for row in rows}

    def receipts(self) -> tuple[StoredReceipt, ...]:
        """The newest of each uplink."""
        rows = self._all("SELECT uplink, by, n, hash, time_ms, note FROM receipts ORDER BY uplink")
        return tuple(StoredReceipt(*row) for row in rows)

    def counts(self) -> tuple[int, int, int]:
        """Blocks, bodies, bus frames still there."""
        blocks, bodies, raws = self._one("SELECT count(*), count(body), count(raw) FROM blocks")
        return blocks, bodies, raws

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def _all(self, sql: str, *args: object) -> list[tuple[Any, ...]]:
        return self._db.execute(sql, args).fetchall()

    def _one(self, sql: str, *args: object) -> tuple[Any, ...]:
        return self._all(sql, *args)[0]


class Store(Shelf):
    """The writer."""

    def __init__(self, fs: FileSystem, path: Path) -> None:
        self._path = path
        with self._watched():
            super().__init__(fs.connect(path))
            self._db.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
            mode = self._one("PRAGMA journal_mode = WAL")[0]
            self._db.execute("PRAGMA synchronous = FULL")
            self.empty_wal()
        if mode != "wal":
            raise WriteFailed("SBX-JNL-002", path=path, reason=f"journal mode {mode}")
        if self.version() > VERSION:
            raise JournalUnusable("SBX-JNL-005", path=path, version=self.version())

    def give_birth(self, genesis: Block) -> None:
        """Tables, facts and genesis, in one COMMIT."""
        header = genesis.header
        with self._transaction():
            for statement in _SCHEMA:
                self._db.execute(statement)
            meta = {
                "box": header.box,
                "epoch": header.epoch,
                "running": "1",
                "body_floor": "1",
                "raw_floor": "1",
            }
            self._db.executemany("INSERT INTO meta VALUES(?, ?)", list(meta.items()))
            self._put(genesis)
        self._settle()

    def put(self, blocks: Sequence[Block], moved: Mapping[str, StoredReceipt], running: bool = True) -> None:
        """Sealed blocks, and the cursors whose receipt records stand in them, in one COMMIT.

        Raises StoreFull with nothing changed, or WriteFailed with the outcome unknown.
        """
        with self._transaction():
            for block in blocks:
                self._put(block)
            for receipt in moved.values():
                at = (receipt.uplink, receipt.n, receipt.hash, receipt.time_ms)
                self._db.execute("INSERT OR REPLACE INTO cursors VALUES(?, ?, ?, ?)", at)
                self._db.execute(
                    "INSERT OR REPLACE INTO receipts VALUES(?, ?, ?, ?, ?, ?)",
                    (receipt.uplink, receipt.by, receipt.n, receipt.hash, receipt.time_ms, receipt.note),
                )
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
        """The lowest block that may still have its body or raw frames; below, only the genesis has."""
        return int(self.meta()[f"{column}_floor"])

    def drop(self, column: Column, last: int) -> int:
        """Let go of the bodies or raw frames of all blocks up to ``last`` but the genesis; how many there
        were."""
        first = self.floor(column)
        with self._transaction():
            done = self._db.execute(
                f"UPDATE blocks SET {column} = NULL WHERE n BETWEEN ? AND ? AND {column} IS NOT NULL",
                (first, last),
            ).rowcount
            self._db.execute("UPDATE meta SET value = ? WHERE key = ?", (str(last + 1), f"{column}_floor"))
        self._settle()
        return done

    def _put(self, block: Block) -> None:
        h = block.header
        self._db.execute(
            "INSERT INTO blocks VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)",
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
            name = getattr(error, "sqlite_errorname", type(error).__name__)
            if name == "SQLITE_FULL":
                raise StoreFull("SBX-JNL-003", path=self._path) from error
            raise WriteFailed("SBX-JNL-002", path=self._path, reason=f"{name}: {error}") from error


def _info(row: tuple[Any, ...]) -> BlockInfo:
    n, digest, first, last, utc_ms, alarms, note_bytes, body_bytes, has_body = row
    return BlockInfo(n, digest, first, last, utc_ms, alarms, note_bytes, body_bytes, bool(has_body))
