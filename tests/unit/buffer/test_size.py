"""Opening, appending, reading and letting go cost the same beside a thousand blocks and a hundred thousand.

Counted in steps of SQLite's virtual machine, not in seconds; a walk over all blocks is at least a step a
block.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from buffer import sealing
from buffer.fs import Disk
from buffer.journal import Retention
from buffer.reader import JournalReader
from tests.support.life import Box

SMALL, LARGE = 1_000, 100_000
MOST = 1.1


class CountingDisk(Disk):
    """The real disk; counts the steps of every connection it gives."""

    steps = 0

    def connect(self, path: Path) -> sqlite3.Connection:
        db = super().connect(path)
        self.watch(db)
        return db

    def watch(self, db: sqlite3.Connection) -> None:
        db.set_progress_handler(self._step, 1)

    def _step(self) -> int:
        self.steps += 1
        return 0


def grow(root: Path, blocks: int) -> None:
    """A journal of so many blocks: the genesis and the newest are real, those between are rows without
    content."""
    box = Box(CountingDisk(), 1, root)
    box.read(0)
    box.seal()
    journal = box.journal
    before = replace(journal._header, n=blocks - 2)
    box.read(1)
    newest = sealing.seal(before, "ab" * 32, journal.ratchet.stamp, journal._unsealed.entries, box.now(1))
    with journal._store._transaction():
        journal._store._db.executemany(
            "INSERT INTO blocks VALUES(?, 'ab', ?, ?, ?, 0, x'00', NULL, NULL)",
            ((n, n, n, n) for n in range(2, blocks - 1)),
        )
        for block in newest:
            journal._store._put(block)
        journal._store._db.execute("UPDATE meta SET value = ? WHERE key LIKE '%_floor'", (blocks - 1,))
    journal._release()


def costs(root: Path) -> dict[str, int]:
    """Steps of each thing that a box does with its journal."""
    disk, found = CountingDisk(), {}

    def count(name: str, do: Callable[[], object | None]) -> None:
        at = disk.steps
        do()
        found[name] = disk.steps - at

    box = Box(disk, 2, root)
    found["open"] = disk.steps
    count("append", lambda: box.read(2))
    count("commit", box.commit)
    count("seal", box.seal)
    keep = Retention(400, 7, 1 << 40)
    count("retention", lambda: box.journal.prune(box.now(1), keep, ("city",)))
    with closing(JournalReader(root / "journal")) as reader:
        disk.watch(reader._opened._db)
        head = reader.head()
        count("head", reader.head)
        count("block", lambda: reader.block(head.n))
        count("cursors", reader.cursors)
        count("alarms", lambda: reader.alarm_blocks(0))
        count("tail", reader.tail_records)
    box.close()
    return found


def test_no_cost_grows_with_the_journal(tmp_path: Path) -> None:
    grow(tmp_path / "small", SMALL)
    grow(tmp_path / "large", LARGE)
    small, large = costs(tmp_path / "small"), costs(tmp_path / "large")
    print(small, large)
    assert [name for name, steps in small.items() if not steps] == ["append", "commit"], "they need no SQLite"
    for name, steps in small.items():
        assert large[name] <= MOST * steps, f"{name}: {steps} steps, {large[name]} with {LARGE} blocks"
