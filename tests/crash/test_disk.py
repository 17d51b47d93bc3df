"""What only a real disk can show: SQLite's settings, a card that is really full, and what a commit costs."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from buffer.errors import StoreFull, WriteFailed
from buffer.frame import PAGE
from buffer.fs import DISK
from buffer.journal import Pruned, Retention
from buffer.reader import JournalReader, last_boot
from tests.support.life import Box, Promises, judge

COMMITS = 150
RATIO = 4.0  # a commit against append + fsync of the same bytes; 1.5 where a sync takes 0.15 ms


def test_a_commit_of_the_store_waits_for_the_disk(tmp_path: Path) -> None:
    box = Box(DISK, 1, tmp_path)
    db = box.journal._store._db
    assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert db.execute("PRAGMA synchronous").fetchone() == (2,), "FULL"
    box.close()


def test_a_seal_leaves_nothing_in_the_wal(tmp_path: Path) -> None:
    box = Box(DISK, 1, tmp_path)
    for slot in range(3):
        box.read(slot)
        box.seal()
        assert (tmp_path / "journal" / "journal.db-wal").stat().st_size == 0
    box.close()
    assert not (tmp_path / "journal" / "journal.db-wal").exists()


def test_the_files_and_who_may_read_them(tmp_path: Path) -> None:
    before = os.umask(0o027)
    box = Box(DISK, 1, tmp_path)
    os.umask(before)
    folder = tmp_path / "journal"
    names = {path.name: oct(path.stat().st_mode & 0o777) for path in folder.iterdir()}
    assert oct(folder.stat().st_mode & 0o777) == "0o750"
    assert set(names) == {"journal.db", "journal.db-shm", "journal.db-wal", "lock", "reserve", "tail"}
    assert set(names.values()) == {"0o640"}
    box.close()


def test_the_boot_counter_whatever_became_of_the_store(tmp_path: Path) -> None:
    assert last_boot(tmp_path / "journal") == 0
    for boot in (1, 2, 3):
        box = Box(DISK, boot, tmp_path)
        assert last_boot(tmp_path / "journal") == boot
        box.close()
    store = tmp_path / "journal" / "journal.db"
    tail = tmp_path / "journal" / "tail"
    whole, records = store.read_bytes(), tail.read_bytes()
    store.rename(store.with_name("journal.db.new"))  # a cut while a damaged one was replaced ...
    tail.write_bytes(bytes(len(records)))
    assert last_boot(tmp_path / "journal") == 3, "... whose records count no less"
    store.with_name("journal.db.new").unlink()
    tail.write_bytes(records)
    store.write_bytes(whole[:4096] + b"\xff" * 4096 + whole[8192:])
    assert last_boot(tmp_path / "journal") == 3
    store.write_bytes(b"no database at all, but long enough to be one" * 1000)
    assert last_boot(tmp_path / "journal") == 3
    store.unlink()
    assert last_boot(tmp_path / "journal") == 3


@pytest.fixture
def small_card(tmp_path: Path) -> Iterator[Path]:
    """A file system of 6 MiB."""
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("NOT TESTED: a really full card needs root to mount a small file system")
    path = tmp_path / "card"
    path.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "none", str(path)], capture_output=True)
    if done.returncode:
        pytest.skip(f"NOT TESTED: a really full card: {done.stderr.decode().strip()}")
    yield path
    subprocess.run(["umount", "-l", str(path)], check=True)


def test_a_start_on_a_card_that_can_only_be_read(small_card: Path) -> None:
    """It says so with its own code and remedy; nothing of the keys is asked to be written."""
    Box(DISK, 1, small_card).close()
    before = {path: path.read_bytes() for path in small_card.rglob("*") if path.is_file()}
    subprocess.run(["mount", "-o", "remount,ro", str(small_card)], check=True)
    with pytest.raises(WriteFailed, match="SBX-JNL-020"):
        Box(DISK, 2, small_card)
    subprocess.run(["mount", "-o", "remount,rw", str(small_card)], check=True)
    assert {path: path.read_bytes() for path in small_card.rglob("*") if path.is_file()} == before
    Box(DISK, 2, small_card).close()


class TellingBox(Box):
    """A box on the real disk whose promises are kept here."""

    def __init__(self, promised: Promises, boot: int, root: Path) -> None:
        self.promised = promised
        super().__init__(DISK, boot, root)
        self._mark = lambda what, key, value: getattr(promised, what).__setitem__(key, value)


def fill(card: Path) -> None:
    """Until not one byte fits."""
    with open(card / "fill", "ab", buffering=0) as file:
        for size in (65_536, 4_096, 1):
            _write_until_full(file.fileno(), size)


def _write_until_full(fd: int, size: int) -> None:
    try:
        while True:
            os.write(fd, bytes(size))
    except OSError:
        return


def test_a_card_that_is_really_full(small_card: Path) -> None:
    """Reading and committing go on, a start works, and nothing promised is lost."""
    promised = Promises()
    box = TellingBox(promised, 1, small_card)
    box.read(0)
    box.seal()
    fill(small_card)
    for slot in range(1, 41):
        box.read(slot)
        box.commit()
    with pytest.raises(StoreFull, match="SBX-JNL-003"):
        box.seal()
    with pytest.raises(StoreFull):
        box.close()
    fill(small_card)
    box = TellingBox(promised, 2, small_card)
    assert not (small_card / "journal" / "reserve").exists(), "SQLite could not even open without it"
    fill(small_card)
    box.read(0)
    box.commit()
    with pytest.raises(StoreFull):
        box.seal()
    (small_card / "fill").unlink()
    box.seal()
    box.close()
    assert len(promised.rows) > 41
    assert judge(DISK, promised, 3, root=small_card) is None
    reader = JournalReader(small_card / "journal")
    assert len(list(reader.blocks())) == reader.head().n + 1
    reader.close()


def test_retention_on_a_card_that_is_really_full(small_card: Path) -> None:
    box = TellingBox(Promises(), 1, small_card)
    for slot in range(20):
        box.read(slot)
        box.seal()
    box.receipt("city")
    fill(small_card)
    box.read(20)
    with pytest.raises(StoreFull):
        box.seal()
    everything = Retention(keep_days=0, raw_days=0, max_bytes=1)
    assert box.journal.prune(box.now(86_400_000), everything, ("city",)) == Pruned(20, 20)
    box.seal()
    box.close()


@pytest.mark.slow
def test_a_commit_costs_no_more_than_append_and_fsync(tmp_path: Path) -> None:
    """Wall time of the same bytes, in turns, in the same run."""
    box = Box(DISK, 1, tmp_path)
    ours = theirs = 0.0
    with open(tmp_path / "raw", "wb", buffering=0) as raw:
        for slot in range(COMMITS):
            box.read(slot)
            begin = time.perf_counter()
            box.journal.commit(box.now(1))
            middle = time.perf_counter()
            raw.write(bytes(PAGE))
            os.fsync(raw.fileno())
            ours += middle - begin
            theirs += time.perf_counter() - middle
    box.close()
    each = [f"{one / COMMITS * 1e6:.0f} us" for one in (ours, theirs)]
    print(f"commit {each[0]}, append + fsync {each[1]}: {ours / theirs:.2f}")
    assert ours < RATIO * theirs
