"""What may be asked of a receiver's store. Reads only; the one writer is ``receiver.store``."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from buffer.rows import MAX_BODY
from buffer.verify import BlockData
from buffer.wire import inflate

NAME: Final = "receiver.db"


@dataclass(frozen=True, slots=True)
class Chain:
    """One life of a box, as far as it is here. ``told_n``: the newest block it said to have."""

    box: str
    epoch: str
    stored_n: int = -1
    stored_hash: str = ""
    told_n: int = -1


class Shelf:
    """An open store."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def chain(self, box: str, epoch: str) -> Chain | None:
        """The chain, None when nothing is known of it."""
        rows = self._all(
            "SELECT box, epoch, stored_n, stored_hash, told_n FROM chains WHERE box=? AND epoch=?", box, epoch
        )
        return Chain(*rows[0]) if rows else None

    def chains(self, box: str) -> int:
        """How many lives of a box are known."""
        return int(self._all("SELECT count(*) FROM chains WHERE box=?", box)[0][0])

    def current(self) -> tuple[tuple[str, str], ...]:
        """Each box with its present epoch."""
        return tuple(self._all("SELECT box, epoch FROM boxes ORDER BY box"))

    def handovers(self, box: str) -> tuple[bytes, ...]:
        """The notes by which one identity of a box names the next, in the order they came."""
        rows = self._all("SELECT note FROM handovers WHERE box=? ORDER BY got_ms", box)
        return tuple(note for (note,) in rows)

    def hash_of(self, box: str, epoch: str, n: int) -> str | None:
        """The hash of a block that is here."""
        rows = self._all("SELECT hash FROM blocks WHERE box=? AND epoch=? AND n=?", box, epoch, n)
        return rows[0][0] if rows else None

    def message(self, box: str, epoch: str, n: int) -> bytes | None:
        """A block as the message it came in."""
        rows = self._all("SELECT note, body FROM blocks WHERE box=? AND epoch=? AND n=?", box, epoch, n)
        return None if not rows else rows[0][0] + (rows[0][1] or b"")

    def ahead(self, box: str, epoch: str) -> int:
        """How many blocks wait for a gap to close."""
        return int(
            self._all("SELECT count(*) FROM blocks WHERE box=? AND epoch=? AND chained=0", box, epoch)[0][0]
        )

    def unchained(self, box: str, epoch: str, after: int, most: int) -> tuple[tuple[int, str], ...]:
        """Numbers and hashes of the blocks that wait for a gap to close, rising."""
        return tuple(
            self._all(
                "SELECT n, hash FROM blocks WHERE box=? AND epoch=? AND n>? AND chained=0 ORDER BY n LIMIT ?",
                *(box, epoch, after, most),
            )
        )

    def blocks(self, box: str, epoch: str, a: int, b: int) -> Iterator[BlockData]:
        """The blocks a..b that are here, one at a time."""
        rows = self._db.execute(
            "SELECT note, body FROM blocks WHERE box=? AND epoch=? AND n BETWEEN ? AND ? ORDER BY n",
            (box, epoch, a, b),
        )
        for note, body in rows:
            yield BlockData(note, None if body is None else inflate(body, MAX_BODY))

    def _all(self, sql: str, *args: object) -> list[tuple[Any, ...]]:
        return self._db.execute(sql, args).fetchall()
