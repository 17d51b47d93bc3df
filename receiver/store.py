"""Where a platform keeps what it has confirmed: one SQLite file, WAL, ``synchronous=FULL``.

::

    chains      (box, epoch): stored 0..stored_n, newest block heard of
    blocks      (box, epoch, n): note and zlib body exactly as they came; chained 0: ahead of a gap
    alarms      alarm records of the blocks, for people who ask
    quarantine  what claims a number that another content has, or does not fit the chain
    handovers   the notes by which one identity of a box names the next
    refused     counts of what was turned away, by box and code

``commit`` returns when it is durable; receipts are given only after that. One writer; never judges a block.
"""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Final

from receiver.errors import ReceiverError
from receiver.judge import Sound
from receiver.shelf import Chain, Shelf

VERSION: Final = 1
MAX_QUARANTINE: Final = 1_000  # of one box

_SCHEMA = """
CREATE TABLE chains (box TEXT, epoch TEXT, stored_n INTEGER, stored_hash TEXT, told_n INTEGER,
    PRIMARY KEY (box, epoch)) WITHOUT ROWID;
CREATE TABLE boxes (box TEXT PRIMARY KEY, epoch TEXT, online INTEGER, heard_ms INTEGER) WITHOUT ROWID;
CREATE TABLE blocks (box TEXT, epoch TEXT, n INTEGER, hash TEXT, chained INTEGER, utc_ms INTEGER,
    records INTEGER, flaws TEXT, got_ms INTEGER, note BLOB, body BLOB);
CREATE UNIQUE INDEX block ON blocks (box, epoch, n);
CREATE INDEX unchained ON blocks (box, epoch, n) WHERE chained = 0;
CREATE TABLE alarms (box TEXT, epoch TEXT, n INTEGER, i INTEGER, id TEXT, rule TEXT, state TEXT, level TEXT,
    code TEXT, t INTEGER, detail TEXT, PRIMARY KEY (box, epoch, i));
CREATE TABLE quarantine (box TEXT, epoch TEXT, n INTEGER, hash TEXT, why TEXT, got_ms INTEGER, note BLOB,
    body BLOB, PRIMARY KEY (box, epoch, n, hash));
CREATE TABLE refused (box TEXT, code TEXT, count INTEGER, last_ms INTEGER, PRIMARY KEY (box, code))
    WITHOUT ROWID;
"""

_HANDOVERS = """CREATE TABLE IF NOT EXISTS handovers (box TEXT, note BLOB, got_ms INTEGER,
    PRIMARY KEY (box, note)) WITHOUT ROWID;"""


class Store(Shelf):
    """The one writer. A failed write raises sqlite3.Error: the process ends and starts again from what is
    really there."""

    def __init__(self, path: Path) -> None:
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            super().__init__(sqlite3.connect(path, isolation_level=None))
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            self._create()
        except (sqlite3.Error, OSError) as error:
            raise ReceiverError("SBX-RCV-005", 69, path=path, reason=error) from error

    def begin(self) -> None:
        """Everything until ``commit`` becomes durable together."""
        self._db.execute("BEGIN IMMEDIATE")

    def commit(self) -> None:
        """Durable when it returns."""
        self._db.execute("COMMIT")

    def put_chain(self, chain: Chain) -> None:
        """Take it as it is now."""
        self._run(
            "INSERT INTO chains VALUES (?,?,?,?,?) ON CONFLICT DO UPDATE SET stored_n=excluded.stored_n,"
            " stored_hash=excluded.stored_hash, told_n=excluded.told_n",
            *(chain.box, chain.epoch, chain.stored_n, chain.stored_hash, chain.told_n),
        )

    def put_box(self, box: str, epoch: str, online: bool, now_ms: int) -> None:
        """What a box last said of itself."""
        self._run(
            "INSERT INTO boxes VALUES (?,?,?,?) ON CONFLICT DO UPDATE SET epoch=excluded.epoch,"
            " online=excluded.online, heard_ms=excluded.heard_ms",
            *(box, epoch, int(online), now_ms),
        )

    def meet(self, box: str, epoch: str, now_ms: int) -> None:
        """A box whose birth was not heard, by one of its blocks."""
        self._run("INSERT OR IGNORE INTO boxes VALUES (?,?,1,?)", box, epoch, now_ms)

    def put(self, sound: Sound, now_ms: int) -> None:
        """Keep a block ahead of the chain, and its alarms."""
        h = sound.header
        facts = (h.box, h.epoch, h.n, sound.hash, h.utc_ms, h.last - h.first + 1)
        self._run(
            "INSERT INTO blocks VALUES (?,?,?,?,0,?,?,'',?,?,?)", *facts, now_ms, sound.raw, sound.packed
        )
        for record in sound.alarms:
            named = (record[name] for name in ("i", "id", "rule", "state", "level", "code", "t"))
            row = (h.box, h.epoch, h.n, *named, json.dumps(record, ensure_ascii=False))
            self._run("INSERT OR IGNORE INTO alarms VALUES (?,?,?,?,?,?,?,?,?,?,?)", *row)

    def chained(self, sound: Sound, flaws: tuple[str, ...]) -> None:
        """The block stands in the chain."""
        h = sound.header
        self._run(
            "UPDATE blocks SET chained=1, flaws=? WHERE box=? AND epoch=? AND n=?",
            *("; ".join(flaws)[:500], h.box, h.epoch, h.n),
        )

    def quarantine(self, sound: Sound, why: str, now_ms: int) -> bool:
        """Keep what does not fit, beside the chain; False when it is there already or there is no more room.
        Takes it out of the blocks if it was there."""
        h = sound.header
        gone = self._db.execute(
            "DELETE FROM blocks WHERE box=? AND epoch=? AND n=? AND hash=?", (h.box, h.epoch, h.n, sound.hash)
        )
        if gone.rowcount:
            self._run("DELETE FROM alarms WHERE box=? AND epoch=? AND n=?", h.box, h.epoch, h.n)
        if self._all("SELECT count(*) FROM quarantine WHERE box=?", h.box)[0][0] >= MAX_QUARANTINE:
            return False
        done = self._db.execute(
            "INSERT OR IGNORE INTO quarantine VALUES (?,?,?,?,?,?,?,?)",
            (h.box, h.epoch, h.n, sound.hash, why, now_ms, sound.raw, sound.packed),
        )
        return done.rowcount == 1

    def handed_over(self, box: str, note: bytes, now_ms: int) -> None:
        """Keep a hand-over that leads on from an identity of the box."""
        self._run("INSERT OR IGNORE INTO handovers VALUES (?,?,?)", box, note, now_ms)

    def drop(self, box: str, epoch: str, n: int) -> None:
        """Forget a block that waited and can be believed no longer; the box sends it again."""
        self._run("DELETE FROM blocks WHERE box=? AND epoch=? AND n=? AND chained=0", box, epoch, n)

    def refused(self, box: str, code: str, now_ms: int) -> None:
        """Count a message that was turned away."""
        self._run(
            "INSERT INTO refused VALUES (?,?,1,?) ON CONFLICT DO UPDATE SET count=count+1,"
            " last_ms=excluded.last_ms",
            *(box, code, now_ms),
        )

    def _create(self) -> None:
        version = self._all("PRAGMA user_version")[0][0]
        if version == VERSION:
            self._db.execute(_HANDOVERS)
            return
        if version != 0:
            raise sqlite3.DatabaseError(f"edition {version}, made by newer software")
        self._db.executescript(f"BEGIN; {_SCHEMA} {_HANDOVERS} PRAGMA user_version={VERSION}; COMMIT;")

    def _run(self, sql: str, *args: object) -> None:
        self._db.execute(sql, args)
