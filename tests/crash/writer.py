"""A process that writes a journal until it is killed, and says each promise on its standard output.

``python -m tests.crash.writer FOLDER BOOT [STEPS]``: lines ``rows <i> <hex>``, ``blocks <n> <hash>``,
``cursors <uplink> <n>``, ``end``. With BOOT "life": the short life of the power-cut tests, its promises in
FOLDER/marks; STEPS then names what is wrong with it, for the tests of the campaign itself: ``normal``
(SQLite syncs as it likes), ``cursor`` (moved before its receipt is chained), ``tinydb`` (the queue).
"""

from __future__ import annotations

import os
import sqlite3
import sys
from pathlib import Path
from typing import Any

from tinydb import TinyDB

from buffer.fs import Disk
from buffer.head import StoredReceipt
from buffer.journal import Retention
from tests.support.life import UTC0, Box, live


class TellingDisk(Disk):
    """The real disk; the oracle's notes go to standard output, or to a file, one line each, at once."""

    def __init__(self, fd: int = 1) -> None:
        self._fd = fd

    def mark(self, what: str, key: int | str, value: Any) -> None:
        text = value.hex() if isinstance(value, bytes) else value
        os.write(self._fd, f"{what} {key} {text}\n".encode())


class _Careless(sqlite3.Connection):
    """SQLite as many programs use it: a COMMIT waits for no disk, and the WAL grows."""

    def execute(self, sql: str, *args: Any) -> sqlite3.Cursor:
        if sql.startswith("PRAGMA wal_checkpoint"):
            return super().execute("SELECT 0, 0, 0")
        return super().execute(sql.replace("synchronous = FULL", "synchronous = NORMAL"), *args)


class _CarelessDisk(TellingDisk):
    def connect(self, path: Path) -> sqlite3.Connection:
        return sqlite3.connect(path, isolation_level=None, check_same_thread=False, factory=_Careless)


class _HastyBox(Box):
    """Its cursor is durable before the receipt record is."""

    def receipt(self, uplink: str) -> None:
        head = self.journal.head
        moved = StoredReceipt(uplink, "city", head.n, head.hash, UTC0, b"note")
        self.journal._store.put((), {uplink: moved})
        super().receipt(uplink)


def _tinydb_life(disk: TellingDisk, folder: Path) -> None:
    """A queue as one file of documents: each insert is promised, what was delivered is removed."""
    queue = TinyDB(folder / "queue.json")
    for i in range(40):
        queue.insert({"i": i, "payload": "x" * 600})
        disk.mark("cursors", "queue", i)
        if i >= 10:
            queue.remove(lambda row, gone=i - 10: row["i"] == gone)


def main(folder: str, boot: str, steps: str = "1000000") -> None:
    """Records, commits, seals, receipts, retention, in a fixed pattern."""
    box = Box(TellingDisk(), int(boot), Path(folder))
    for step in range(int(steps)):
        box.read(step, frames=step % 5)
        if step % 2:
            box.commit()
        if step % 9 == 8:
            box.seal()
        if step % 30 == 29:
            box.receipt("city")
        if step % 70 == 69:
            box.prune(Retention(keep_days=0, raw_days=0, max_bytes=1 << 40))
    box.close()
    os.write(1, b"end\n")


if __name__ == "__main__":
    if sys.argv[2] == "life":
        marks = os.open(Path(sys.argv[1]) / "marks", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        wrong, there = sys.argv[3:4], Path(sys.argv[1])
        if wrong == ["tinydb"]:
            _tinydb_life(TellingDisk(marks), there)
        else:
            kind = _CarelessDisk if wrong == ["normal"] else TellingDisk
            live(kind(marks), there, _HastyBox if wrong == ["cursor"] else Box)
        os._exit(0)  # the end of a life is no clean stop
    main(*sys.argv[1:])
