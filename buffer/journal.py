"""The journal: the one writer of a box's records. Append, commit, seal; open again after anything.

::

    append --> waiting --commit: one write, one sync--> tail --seal: sign, COMMIT--> store
                          durable                              may leave the box

A record is durable when ``commit`` has returned, and may be shown to others when ``seal`` has. Numbers
count from the box's birth and are never reused. After a failed write nothing more is done until the journal
is opened again. Reads no clock, knows no network, and never waits for a reader. One thread.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, cast

from buffer import anew, opening, recovery, reserve, retention
from buffer.cursors import Moves, accept, record_of
from buffer.errors import ReceiptRefused, RowError, StorageError, StoreFull, WriteFailed
from buffer.frame import PAGE
from buffer.fs import DISK, File, FileSystem
from buffer.head import Cursor, Head, StoredReceipt
from buffer.instant import Instant
from buffer.keys import Keys
from buffer.ratchet import Ratchet
from buffer.raw import RawFrame, Way, encode_raw
from buffer.receipt import Receipt
from buffer.retention import Pruned, Retention
from buffer.scrub import Caretaker
from buffer.sealing import BODY_BYTES, BODY_RECORDS, Entry, Stamp, seal
from buffer.tail import HALF
from buffer.thinning import YOUNG, Plan, Turn
from buffer.unsealed import Unsealed

__all__ = ["Cursor", "Head", "Journal", "Pruned", "ReceiptRefused", "Retention"]

RETRY_MS: Final = 5_000  # how long a full store is left alone by ``append``
SPARE: Final = 8 * PAGE  # of the tail's half, for what a start has to say while the store is full
MOST_RAW: Final = 256 * 1024  # text of the bus frames behind one record
_OWN: Final = frozenset(("boot", "i", "k", "mono", "q", "t"))  # what the journal itself writes in each record


class Journal:
    """An open journal. ``open`` is its only maker."""

    def __init__(self, fs: FileSystem, folder: Path, lock: File, ground: recovery.Ground) -> None:
        self._fs = fs
        self._folder = folder
        self._lock = lock
        self._store, self._tail = ground.store, ground.tail
        self.ratchet = Ratchet(ground.stamp, ground.key_since_ms, folder)
        self.ratchet.fault = anew.begin(ground.stamp.keys) or self.ratchet.fault
        self.ending = anew.Ending(fs, folder)
        ground.store.doubt = partial(opening.doubt, fs, folder)
        self.caretaker = Caretaker(ground.store)
        self._header, self._hash = ground.header, ground.hash
        self._unsealed = Unsealed(ground.tail, ground.stamp, ground.header.n + 1, ground.hash)
        self._next = ground.header.last + 1
        self._moves = Moves(ground.cursors)
        self._failed: StorageError | None = None
        self._retry: tuple[int, StoreFull] | None = None  # full: not tried again before this mono ms
        self._spare = 0
        self._turn = Turn()
        for one in ground.carried:
            self._take(one)

    # budget: what a start is told, and none of it belongs together more than the rest
    @classmethod
    def open(  # noqa: PLR0913 -- as above
        cls,
        folder: Path,
        *,
        box: str,
        keys: Keys,
        soft: str,
        cfg: str,
        now: Instant,
        fs: FileSystem = DISK,
        explain: Callable[[str], Mapping[str, Any]] | None = None,
    ) -> Journal:
        """Take the lock, recover, and say in a durable ``boot`` record how the last run ended. ``soft``:
        ``<version>`` or ``<version> <digest>``; ``cfg``: digest of the effective configuration; ``explain``:
        the ``audit`` fields that go with a ``config`` record, by the digest before. Raises JournalLocked,
        JournalUnusable, StoreFull, WriteFailed; OSError where the folder cannot be made."""
        lock = opening.take_lock(fs, folder)
        version, _, digest = soft.partition(" ")
        try:
            ground = recovery.start(fs, folder, Stamp(box, "", version, digest or "-", keys), cfg, now)
        except BaseException:
            lock.close()
            raise
        journal = cls(fs, folder, lock, ground)
        try:
            for kind, fields in ground.remarks:
                journal.append(kind, fields, now)
                if kind == "config" and explain is not None:
                    journal.append("audit", explain(fields["old"]), now)
            journal.commit(now)
            reserve.keep(fs, folder)
        except BaseException:
            journal._release()
            raise
        journal._spare = SPARE
        return journal

    @property
    def head(self) -> Head:
        """The newest sealed block."""
        newest = self._header
        return Head(newest.epoch, newest.n, self._hash, newest.last, newest.sums)

    @property
    def pending_since_ms(self) -> int | None:
        """``mono_ms`` of the oldest record that waits for its commit."""
        return self._unsealed.since_ms

    @property
    def full(self) -> bool:
        """Whether the next block should be sealed now: body, records or the tail's half near their limit.
        Never while the store has no room: then the next seal is tried in its own time."""
        if self._retry is not None:
            return False
        count, size = self._unsealed.size
        return count >= BODY_RECORDS or size >= BODY_BYTES or self._unsealed.room() < HALF // 4

    def append(
        self, kind: str, fields: Mapping[str, Any], now: Instant, raw: Sequence[tuple[int, str, bytes]] = ()
    ) -> int:
        """Take a record, with the bus frames (mono ms, way, bytes) behind it; its number.

        Not durable before ``commit``. Seals by itself when the tail has no room left, and raises StoreFull
        when that cannot be: then the record was not taken. Raises RowError or RawError for what cannot be
        written.
        """
        self._check()
        if not _OWN.isdisjoint(fields):
            raise RowError(f"{kind}: {', '.join(sorted(_OWN & fields.keys()))} are the journal's own fields")
        text = encode_raw([RawFrame(self._next, mono, cast(Way, way), data) for mono, way, data in raw])
        if len(text) > MOST_RAW:
            raise RowError(f"{kind}: {len(text)} bytes of bus frames behind one record")
        taken = recovery.entry(self._next, kind, fields, now, text)
        self._make_room(taken, now)
        self._take(taken)
        return taken.i

    def commit(self, now: Instant) -> None:
        """Make what waits durable: one write, one sync. Raises WriteFailed."""
        self._check()
        try:
            self._unsealed.commit()
        except OSError as error:
            raise self._fail(WriteFailed("SBX-JNL-002", path=self._folder, reason=error)) from error

    def seal(self, now: Instant) -> Head:
        """Commit, then turn all durable records into signed blocks; the head, unchanged when there are none.

        Raises StoreFull: nothing changed, the records stay in the tail, try again later; WriteFailed.
        """
        self.commit(now)
        if self._unsealed.durable or self.ratchet.decided:
            self._seal(now, running=True, turn=True)
        return self.head

    def advance(self, uplink: str, receipt: Receipt, note: bytes, now: Instant) -> bool:
        """Believe a receipt whose signature the caller has checked: chain it, and move the uplink's cursor
        in the COMMIT of the block that holds the record. False: it says nothing new. Without a note
        (only a broker took the blocks) the cursor moves, and nothing is chained: no authority said
        anything. Raises ReceiptRefused."""
        self._check()
        at, box = self.cursors().get(uplink), self.ratchet.stamp.box
        if not accept(receipt, self.head, at, self._store, box):
            return False
        if note:
            self.append("receipt", record_of(uplink, receipt), now)
        self._moves.move(
            StoredReceipt(uplink, receipt.by, receipt.stored_n, receipt.stored_hash, receipt.time_ms, note)
        )
        return True

    def cursors(self) -> Mapping[str, Cursor]:
        """How far each uplink is, as of the last receipt believed."""
        return self._moves.view()

    def set_cfg(self, digest: str, now: Instant) -> None:
        """Chain another configuration; headers from the block of this record on name it."""
        old = recovery.last_cfg(self._unsealed.entries, self._header.cfg)
        if digest != old:
            self.append("config", {"digest": digest, "old": old}, now)

    def prune(self, now: Instant, keep: Retention, uplinks: Collection[str]) -> Pruned:
        """Let go of bodies and bus frames that ``keep`` does not ask for and every one of ``uplinks`` has
        stored; when that is not enough, thin what nobody has confirmed. On a full card the reserve makes
        the room for it; without one nothing goes. Raises WriteFailed."""
        self._check()
        try:
            pruned = reserve.with_room(self._fs, self._folder, lambda: self._prune(now, keep, uplinks))
        except StoreFull:
            return Pruned(0, 0)
        if self._retry is not None and pruned.bodies:
            reserve.give_up(self._fs, self._folder)  # SQLite reuses the pages, but only by way of its WAL
        else:
            reserve.keep(self._fs, self._folder)
        return pruned

    def close(self, now: Instant) -> None:
        """Clean stop: commit, seal, let go. After a failure: only let go."""
        try:
            if self._failed is None:
                self.commit(now)
                self._seal(now, running=False)
        finally:
            self._release()

    def _release(self) -> None:
        self._failed = self._failed or WriteFailed("SBX-JNL-002", path=self._folder, reason="closed")
        self._tail.close()
        self._store.close()
        self._lock.close()

    def _prune(self, now: Instant, keep: Retention, uplinks: Collection[str]) -> Pruned:
        try:
            done = retention.prune(self._store, keep, uplinks, now)
            most_bytes = 0 if self._retry is not None and not done.bodies else keep.max_bytes
            raws = retention.drop_frames(self._store, most_bytes, self._header.n - YOUNG)
            oldest = max(1, retention.stored_by_all(self._store, uplinks) + 1)
            return Pruned(done.bodies, done.raws + raws, self._thin(now, most_bytes, oldest))
        except StoreFull:
            raise
        except StorageError as error:
            raise self._fail(error) from error

    def _thin(self, now: Instant, most_bytes: int, oldest: int) -> int:
        """A coarser series for some of the oldest bodies, and how many that were."""
        done = 0
        for plan in self._turn.plans(self._store, oldest, lambda: self._store.used_bytes() > most_bytes):
            self.commit(now)
            self._seal(now, running=True, plan=plan)
            done += len(plan.blocks)
        return done

    def _seal(self, now: Instant, *, running: bool, turn: bool = False, plan: Plan | None = None) -> None:
        """All durable records, and behind them what ``plan`` and a turn of the key say: durable by COMMIT."""
        stamp, turned = self.ratchet.prepare(now) if turn else (self.ratchet.stamp, ())
        said = (*(plan.said if plan is not None else ()), *turned)
        more = [recovery.entry(self._next + at, kind, fields, now) for at, (kind, fields) in enumerate(said)]
        records = [*self._unsealed.durable, *more]
        blocks = seal(self._header, self._hash, stamp, records, now)
        try:
            self._store.put(blocks, self._moves.moved, running, plan.blocks if plan is not None else ())
        except StoreFull as error:
            self._retry = now.mono_ms + RETRY_MS, error
            raise
        except StorageError as error:
            raise self._fail(error) from error
        self._retry = None
        self._moves.stored()
        if blocks:
            self._header, self._hash = blocks[-1].header, blocks[-1].hash
            self._next = self._header.last + 1
            self.ratchet.finish(stamp, now)
            self._unsealed.restart(self._header.n + 1, self._hash, self.ratchet.stamp)

    def _take(self, taken: Entry) -> None:
        self._unsealed.take(taken)
        self._next = taken.i + 1

    def _make_room(self, taken: Entry, now: Instant) -> None:
        """Seal when the tail's half is used up; while the store is full, pack the half tighter instead."""
        if self._unsealed.fits(taken, self._spare):
            return
        try:
            if self._retry is not None and now.mono_ms < self._retry[0]:
                raise self._retry[1]
            self.commit(now)
            self._seal(now, running=True)  # no turn: ``taken`` has the next number already
        except StoreFull:
            if not self._compact() or not self._unsealed.fits(taken, self._spare):
                raise

    def _compact(self) -> bool:
        try:
            return self._unsealed.compact()
        except OSError as error:
            raise self._fail(WriteFailed("SBX-JNL-002", path=self._folder, reason=error)) from error

    def _check(self) -> None:
        if self._failed is not None:
            raise self._failed

    def _fail(self, error: StorageError) -> StorageError:
        opening.doubt(self._fs, self._folder, error)
        self._failed = error
        return error
