"""What a reader gives, beside the writer in one process, as the uplinks' threads have it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from buffer.errors import JournalUnreadable, StoreDamaged
from buffer.fs import DISK, Disk
from buffer.journal import Retention
from buffer.reader import JournalReader, is_running
from buffer.verify import BlockData
from tests.support.life import Box


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    """A running box with three blocks behind the genesis, the second with an alarm, and two durable
    records."""
    box = Box(DISK, 1, tmp_path)
    box.read(0, frames=2)
    box.seal()
    box.append("alarm", {"id": "a", "state": "raised"})
    box.seal()
    box.receipt("city")
    box.read(1)
    box.read(2)
    box.commit()
    box.read(3)
    yield box
    box.close()


@pytest.fixture
def reader(box: Box, tmp_path: Path) -> Iterator[JournalReader]:
    reader = JournalReader(tmp_path / "journal")
    yield reader
    reader.close()


def test_all_it_gives(box: Box, reader: JournalReader, tmp_path: Path) -> None:
    head = reader.head()
    assert head == box.journal.head
    assert head.n == 3
    assert [block.raw is not None for block in reader.blocks()] == [False, True, False, False]
    notes = [block.note for block in reader.blocks()]
    assert [block.note for block in reader.blocks(1, 2)] == notes[1:3]
    assert list(reader.blocks(4)) == []
    assert len(list(reader.blocks(2, 99))) == 2
    assert reader.block(4) is None
    assert reader.infos(4, 4) == ()
    assert reader.alarm_blocks(-1) == reader.alarm_blocks(1) == (2,)
    assert reader.alarm_blocks(2) == ()
    assert [row["k"] for row in reader.records(1)] == ["reading", "alarm", "receipt"]
    assert [row["i"] for row in reader.records()] == list(range(1, head.last_i + 1))
    assert [row["i"] for row in reader.tail_records()] == [head.last_i + 1, head.last_i + 2], "the durable"
    assert reader.last_boot() == (1, "boot-1")
    assert reader.cursors()["city"].n == 2
    assert [receipt.note for receipt in reader.receipts()] == [b"note"]
    blocks = list(reader.blocks())
    assert [sum(part is not None for part in parts) for parts in zip(*map(_parts, blocks), strict=True)] == [
        4,
        4,
        1,
    ]
    assert reader.used_bytes() > 2 << 20
    assert is_running(tmp_path / "journal")


def _parts(block: BlockData) -> tuple[bytes, bytes | None, bytes | None]:
    return block.note, block.body, block.raw


def test_a_block_at_a_glance(box: Box, reader: JournalReader) -> None:
    (info,), block = reader.infos(2, 2), reader.block(2)
    assert block is not None
    assert (info.n, info.alarms, info.has_body, info.note_bytes) == (2, 1, True, len(block.note))
    assert info.first == info.last
    box.journal.prune(box.now(86_400_000), Retention(0, 0, 1 << 40), ("city",))
    (pruned,) = reader.infos(2, 2)
    assert pruned is not None
    assert (pruned.has_body, pruned.body_bytes, pruned.hash) == (False, 0, info.hash)
    after = reader.block(2)
    assert after is not None
    assert (after.note, after.body) == (block.note, None)
    assert [row["k"] for row in reader.records(1)] == ["receipt"]


def test_a_reader_follows_the_writer(box: Box, reader: JournalReader) -> None:
    for _ in range(3):
        box.seal()
        assert reader.head() == box.journal.head
        assert reader.tail_records() == ()
        box.read(4)
        box.commit()
        assert len(reader.tail_records()) == 1


def test_after_a_stop(tmp_path: Path) -> None:
    Box(DISK, 1, tmp_path).close()
    reader = JournalReader(tmp_path / "journal")
    assert not is_running(tmp_path / "journal")
    assert reader.head().n == 0
    assert reader.tail_records() == ()
    reader.close()


def test_no_journal_and_an_unborn_one(tmp_path: Path) -> None:
    with pytest.raises(JournalUnreadable, match="SBX-JNL-007"):
        JournalReader(tmp_path / "journal")
    assert not is_running(tmp_path / "journal")
    (tmp_path / "journal").mkdir()
    (tmp_path / "journal" / "journal.db").touch()
    with pytest.raises(JournalUnreadable, match="SBX-JNL-007"):
        JournalReader(tmp_path / "journal")


def test_a_store_of_newer_software_and_a_damaged_one(tmp_path: Path) -> None:
    box = Box(DISK, 1, tmp_path)
    box.journal._store._db.execute("PRAGMA user_version = 2")
    box.close()
    with pytest.raises(JournalUnreadable, match="SBX-JNL-005"):
        JournalReader(tmp_path / "journal")
    (tmp_path / "journal" / "journal.db").write_bytes(b"no database, but long enough to look like one" * 99)
    with pytest.raises(StoreDamaged, match="SBX-JNL-009"):
        JournalReader(tmp_path / "journal")


def test_a_page_that_rotted_is_said(tmp_path: Path) -> None:
    box = Box(DISK, 1, tmp_path)
    for _ in range(40):
        box.append("step", {"text": os.urandom(2000).hex()})
        box.seal()
    box.close()
    store = tmp_path / "journal" / "journal.db"
    data = bytearray(store.read_bytes())
    for page in range(3, len(data) // 4096 - 1):
        data[page * 4096 : page * 4096 + 64] = bytes(64)
    store.write_bytes(data)
    reader = JournalReader(tmp_path / "journal")
    with pytest.raises(JournalUnreadable, match="SBX-JNL-0"):
        [reader.block(n) for n in range(41)]
    assert [block.note for block in reader.blocks()].count(b"") > 0, (
        "whoever judges sees that it is not there"
    )
    reader.close()


def test_folders_are_made_and_their_names_synced(tmp_path: Path) -> None:
    synced: list[Path] = []

    class Watched(Disk):
        def sync_folder(self, folder: Path) -> None:
            synced.append(folder)
            super().sync_folder(folder)

    Watched().make_folder(tmp_path / "a" / "b" / "c", 0o700)
    assert synced == [tmp_path, tmp_path / "a", tmp_path / "a" / "b"]
    assert (tmp_path / "a" / "b" / "c").stat().st_mode & 0o777 == 0o700
    Watched().make_folder(tmp_path / "a" / "b" / "c", 0o755)
    assert len(synced) == 3
    (tmp_path / "a" / "b" / "c" / "file").touch()
    Watched().remove(tmp_path / "a" / "b" / "c" / "file")
    assert Watched().names(tmp_path / "a" / "b" / "c") == Watched().names(tmp_path / "nowhere") == ()
