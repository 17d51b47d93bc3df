"""What may be asked of the store, by anybody: the reading half of ``buffer.store``.

Each answer is one short read, none holds the database open; a damaged database is told from one that is
merely out of reach. Knows no signatures. Never writes.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any, Final

from buffer.errors import FormatError, JournalUnreadable, StoreDamaged
from buffer.head import BlockInfo, Cursor, StoredReceipt
from buffer.rows import MAX_BODY
from buffer.verify import BlockData
from buffer.wire import inflate

NAME: Final = "journal.db"
VERSION: Final = 1  # PRAGMA user_version; 0 is a file whose birth was cut
META: Final = frozenset(("box", "epoch", "running", "body_floor", "raw_floor"))
DAMAGED: Final = frozenset(("SQLITE_CORRUPT", "SQLITE_NOTADB"))
_MAX_RAW: Final = 4 * MAX_BODY
_INFO: Final = (
    "n, hash, first, last, utc_ms, alarms, length(note), coalesce(length(body), 0), body IS NOT NULL"
)


def sqlite_name(error: sqlite3.Error) -> str:
    """SQLite's own name of what happened, without its detail: SQLITE_IOERR, SQLITE_FULL ..."""
    return "_".join(str(getattr(error, "sqlite_errorname", "unnamed")).split("_")[:2])


class Shelf:
    """What may be asked of the store. Each answer is one short read; none holds the database open."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def version(self) -> int:
        """0 before the birth is complete."""
        return int(self._one("PRAGMA user_version")[0])

    def meta(self) -> Mapping[str, str]:
        """Facts of the whole journal."""
        found = dict(self._all("SELECT key, value FROM meta"))
        if found.keys() != META:
            raise StoreDamaged("SBX-JNL-009", path=NAME, reason="its own facts are not there")
        return found

    def last(self) -> int:
        """Number of the newest block; the genesis is written with the tables, so there is one."""
        newest = self._one("SELECT max(n) FROM blocks")[0]
        if type(newest) is not int:
            raise StoreDamaged("SBX-JNL-009", path=NAME, reason="no block")
        return newest

    def block(self, n: int) -> BlockData | None:
        """Block ``n`` as stored; None when there is none. WireError where a zlib stream rotted."""
        row = self._row(n)
        if row is None:
            return None
        note, body, raw = row
        return BlockData(
            note,
            None if body is None else inflate(body, MAX_BODY),
            None if raw is None else inflate(raw, _MAX_RAW),
        )

    def standing(self, n: int) -> BlockData:
        """Block ``n`` as it stands, for those who judge and for those who save what can be saved: what is not
        there, or cannot be read, is empty, and passes for nothing sound."""
        try:
            row = self._row(n)
        except StoreDamaged:
            row = None
        note, body, raw = row or (b"", None, None)
        return BlockData(note, _readable(body, MAX_BODY), _readable(raw, _MAX_RAW))

    def _row(self, n: int) -> tuple[bytes, bytes | None, bytes | None] | None:
        rows = self._all("SELECT note, body, raw FROM blocks WHERE n = ?", n)
        if not rows:
            return None
        note, body, raw = rows[0]
        if not (isinstance(note, bytes) and isinstance(body, bytes | None) and isinstance(raw, bytes | None)):
            raise StoreDamaged("SBX-JNL-009", path=NAME, reason=f"block {n} holds no bytes")
        return note, body, raw

    def hash(self, n: int) -> str:
        """Hash of the header of a block that must be there."""
        return str(self._one("SELECT hash FROM blocks WHERE n = ?", n)[0])

    def info(self, n: int) -> BlockInfo | None:
        """Block ``n`` at a glance."""
        rows = self._all(f"SELECT {_INFO} FROM blocks WHERE n = ?", n)
        return _info(rows[0]) if rows else None

    def infos(self, a: int, b: int) -> tuple[BlockInfo, ...]:
        """Blocks a..b at a glance."""
        rows = self._all(f"SELECT {_INFO} FROM blocks WHERE n BETWEEN ? AND ? ORDER BY n", a, b)
        return tuple(map(_info, rows))

    def alarm_blocks(self, after: int) -> tuple[int, ...]:
        """Numbers of the blocks behind ``after`` that hold a record of the kinds ``sealing.INDEXED``: alarms,
        orders, declarations, summaries. Where their index has rotted each block is looked at."""
        try:
            rows = self._all("SELECT n FROM blocks WHERE n > ? AND alarms > 0 ORDER BY n", after)
        except StoreDamaged:
            rows = self._all("SELECT n FROM blocks NOT INDEXED WHERE n > ? AND alarms > 0 ORDER BY n", after)
        return tuple(row[0] for row in rows)

    def cursors(self) -> Mapping[str, Cursor]:
        """By uplink."""
        rows = self._all("SELECT uplink, n, hash, time_ms FROM cursors")
        return {row[0]: Cursor(*row[1:]) for row in rows}

    def receipts(self) -> tuple[StoredReceipt, ...]:
        """The newest of each uplink."""
        rows = self._all("SELECT uplink, by, n, hash, time_ms, note FROM receipts ORDER BY uplink")
        return tuple(StoredReceipt(*row) for row in rows)

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def _all(self, sql: str, *args: object) -> list[tuple[Any, ...]]:
        try:
            return self._db.execute(sql, args).fetchall()
        except sqlite3.Error as error:
            name = sqlite_name(error)
            if name in DAMAGED:
                raise StoreDamaged("SBX-JNL-009", path=NAME, reason=error) from error
            raise JournalUnreadable("SBX-JNL-004", path=NAME, reason=f"{name}: {error}") from error

    def _one(self, sql: str, *args: object) -> tuple[Any, ...]:
        rows = self._all(sql, *args)
        if not rows:
            raise StoreDamaged("SBX-JNL-009", path=NAME, reason="a row is missing")
        return rows[0]


def _readable(packed: bytes | None, limit: int) -> bytes | None:
    try:
        return None if packed is None else inflate(packed, limit)
    except FormatError:
        return b""


def _info(row: tuple[Any, ...]) -> BlockInfo:
    n, digest, first, last, utc_ms, alarms, note_bytes, body_bytes, has_body = row
    return BlockInfo(n, digest, first, last, utc_ms, alarms, note_bytes, body_bytes, bool(has_body))
