"""The journal's own rules, one by one, on a disk in memory."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

import pytest

from buffer.errors import JournalLocked, JournalUnusable, RowError, StorageError, StoreFull, WriteFailed
from buffer.fs import DISK
from buffer.header import Header
from buffer.journal import Journal, Retention
from buffer.keys import Keys
from buffer.opening import header_of
from buffer.reader import JournalReader
from buffer.receipt import Receipt
from buffer.rows import decode_body
from buffer.tail import HALF
from tests.support.life import BOX, CFG, ROOT, Box, Promises, judge
from tests.support.powercut import Chance, MemoryDisk


def rows(box: Box, n: int) -> list[dict[str, Any]]:
    """The records of block ``n``."""
    block = box.journal._store.block(n)
    assert block is not None
    assert block.body is not None
    return list(decode_body(block.body))


def header(box: Box) -> Header:
    """The newest header."""
    return header_of(box.journal._store, box.journal.head.n)


def test_the_genesis() -> None:
    box = Box(MemoryDisk(), 1)
    assert [(row["i"], row["k"]) for row in rows(box, 0)] == [
        (1, "key"),
        (2, "key"),
        (3, "config"),
        (4, "boot"),
    ]
    assert rows(box, 0)[3] | {"clean": True, "prev": "-", "last_i": 0} == rows(box, 0)[3]
    assert (box.journal.head.n, box.journal.head.last_i, len(box.journal.head.epoch)) == (0, 4, 16)
    assert header(box).soft == "1.2.3"
    assert header(box).soft_digest == "abcdef0"


def test_every_box_has_its_own_epoch() -> None:
    assert Box(MemoryDisk(), 1).journal.head.epoch != Box(MemoryDisk(), 1).journal.head.epoch


def test_numbers_count_from_birth_through_seals_and_starts() -> None:
    disk = MemoryDisk()
    box = Box(disk, 1)
    assert [box.read(0), box.read(1)] == [5, 6]
    box.seal()
    assert box.read(2) == 7
    box.close()
    box = Box(disk, 2)
    assert box.read(0) == 10, "boot and down come first"


def test_waiting_durable_sealed() -> None:
    disk = MemoryDisk()
    box = Box(disk, 1)
    assert box.journal.pending_since_ms is None
    box.read(0)
    since = box.journal.pending_since_ms
    box.read(1)
    assert since is not None
    assert box.journal.pending_since_ms == since
    before = len(disk.steps)
    box.journal.commit(box.now(1))
    assert [step.what for step in disk.steps[before:]] == ["write", "sync"]
    assert box.journal.pending_since_ms is None
    assert box.journal.head.n == 0
    box.journal.commit(box.now(1))
    assert len(disk.steps) == before + 2, "a commit of nothing does nothing"
    assert box.journal.seal(box.now(1)).last_i == 6
    head = box.journal.head
    assert box.journal.seal(box.now(1)) == head, "there is no empty block"


def test_a_backdated_record_may_be_the_oldest_that_waits() -> None:
    box = Box(MemoryDisk(), 1)
    late, early = box.now(500), box.now(-300)
    box.journal.append("step", {"delta_ms": 1}, late)
    box.journal.append("step", {"delta_ms": 1}, early)
    assert box.journal.pending_since_ms == early.mono_ms


@pytest.mark.parametrize("own", ["boot", "i", "k", "mono", "q", "t"])
def test_the_journals_own_fields_are_not_given(own: str) -> None:
    box = Box(MemoryDisk(), 1)
    with pytest.raises(RowError, match=own):
        box.append("step", {own: 1})
    assert box.read(0) == 5, "nothing was counted"


def test_what_cannot_be_a_row_is_refused_and_not_counted() -> None:
    box = Box(MemoryDisk(), 1)
    for fields in ({"p": 1.5}, {"p": None}, {"text": "x" * 9000}):
        with pytest.raises(RowError):
            box.append("step", fields)
    with pytest.raises(RowError, match="bus frames"):
        box.read(0, frames=700)
    assert box.read(0) == 5


def test_frames_stand_beside_the_records() -> None:
    box = Box(MemoryDisk(), 1)
    box.append("reading", {"m": "a", "v": {"p": "1"}, "x": {}}, ((7, ">", b"\x68\x11"), (9, "<", b"\x68")))
    box.append("reading", {"m": "b", "v": {"p": "1"}, "x": {}})
    box.seal()
    block = box.journal._store.block(1)
    assert block is not None
    assert block.raw == b"5 7 > 6811\n5 9 < 68\n"


def test_frames_survive_a_recovery() -> None:
    disk = MemoryDisk()
    box = Box(disk, 1)
    box.read(0, frames=2)
    box.commit()
    box.read(1, frames=1)
    box.commit()
    box = Box(disk.reboot(), 2)
    block = box.journal._store.block(1)
    assert block is not None
    assert block.raw is not None
    assert [line.split()[0] for line in block.raw.splitlines()] == [b"5", b"5", b"6"]


def test_the_recovered_record_is_the_last_of_its_block() -> None:
    """ADR 0001."""
    disk = MemoryDisk()
    box = Box(disk, 1)
    for slot in range(3):
        box.read(slot)
        box.commit()
    box = Box(disk.reboot(), 2)
    found = rows(box, 1)
    assert [(row["i"], row["k"]) for row in found] == [
        (5, "reading"),
        (6, "reading"),
        (7, "reading"),
        (8, "recovered"),
    ]
    assert (found[-1]["records"], found[-1]["frames"], found[-1]["boot"]) == (3, 3, 2)
    box.seal()
    boot, down = rows(box, 2)[:2]
    assert (boot["k"], boot["clean"], boot["prev"], boot["last_i"]) == ("boot", False, "boot-1", 7)
    assert (down["k"], down["from_t"], down["known"]) == ("down", found[2]["t"], "unclean stop")


def test_a_clean_stop_is_said() -> None:
    disk = MemoryDisk()
    Box(disk, 1).close()
    box = Box(disk, 2)
    box.seal()
    boot, down, _ = rows(box, 1)
    assert (boot["clean"], boot["prev"], boot["last_i"], down["known"]) == (True, "boot-1", 4, "clean stop")


def test_a_kill_right_after_a_seal_is_no_clean_stop() -> None:
    disk = MemoryDisk()
    box = Box(disk, 1)
    box.read(0)
    box.seal()
    box = Box(disk.reboot(), 2)
    box.seal()
    assert rows(box, 2)[0]["clean"] is False


def test_two_starts_without_a_seal_between_know_each_other() -> None:
    disk = MemoryDisk()
    Box(disk, 1)
    disk = disk.reboot()
    Box(disk, 2)
    box = Box(disk.reboot(), 3)
    box.seal()
    assert [row["prev"] for row in rows(box, 2) if row["k"] == "boot"] == ["boot-2"]


def test_another_configuration_is_chained() -> None:
    disk = MemoryDisk()
    Box(disk, 1).close()
    box = Box(disk, 2, cfg="dd" * 32)
    box.seal()
    assert [row["old"] for row in rows(box, 1) if row["k"] == "config"] == [CFG]
    assert header(box).cfg == "dd" * 32
    box.journal.set_cfg("dd" * 32, box.now(1))
    box.journal.set_cfg("ee" * 32, box.now(1))
    box.journal.set_cfg("ff" * 32, box.now(1))
    box.seal()
    assert [(row["old"][:2], row["digest"][:2]) for row in rows(box, 2)] == [("dd", "ee"), ("ee", "ff")]
    assert header(box).cfg == "ff" * 32


def test_a_receipt_moves_the_cursor_with_its_record() -> None:
    disk = MemoryDisk()
    box = Box(disk, 1)
    head = box.journal.head
    receipt = Receipt("city", BOX, head.epoch, 0, head.hash, (), (), (), 77)
    assert box.journal.advance("u1", receipt, b"the note", box.now(1))
    assert not box.journal.advance("u1", receipt, b"the note", box.now(1)), "a repeat is no record"
    assert box.journal.cursors()["u1"].n == 0
    assert box.journal._store.cursors() == {}, "stored only with the block that holds the record"
    killed = Box(disk.reboot(), 2)
    assert killed.journal.cursors() == {}
    box.seal()
    assert box.journal._store.cursors()["u1"] == box.journal.cursors()["u1"]
    assert header(box).seen[0].authority == "city"
    assert [row["uplink"] for row in rows(box, 1)] == ["u1"]
    (stored,) = box.journal._store.receipts()
    assert (stored.note, stored.by, stored.time_ms) == (b"the note", "city", 77)


def test_what_only_a_broker_took_moves_the_cursor_and_quotes_no_authority() -> None:
    box = Box(MemoryDisk(), 1)
    head = box.journal.head
    receipt = Receipt("city", BOX, head.epoch, head.n, head.hash, (), (), (), 77)
    assert box.journal.advance("u1", receipt, b"", box.now(1))
    assert box.journal.cursors()["u1"].n == 0
    box.append("step", {"delta_ms": 1})
    box.seal()
    assert box.journal._store.cursors()["u1"].n == 0
    assert header(box).seen == ()
    assert [row["k"] for row in rows(box, 1)] == ["step"]


def test_full_says_when_to_seal() -> None:
    box = Box(MemoryDisk(), 1)
    for slot in range(511):
        box.append("step", {"delta_ms": slot})
    assert not box.journal.full
    box.append("step", {"delta_ms": 0})
    assert box.journal.full
    box.seal()
    assert not box.journal.full
    for _ in range(13):
        box.append("step", {"text": "x" * 7000})
    assert not box.journal.full
    box.append("step", {"text": "x" * 7000})
    assert box.journal.full


def test_append_seals_by_itself_before_the_tail_overflows() -> None:
    """Nobody looks at ``full``; a megabyte of records waits and is committed now and then."""
    disk = MemoryDisk()
    box = Box(disk, 1)
    for slot in range(600):
        box.append("step", {"text": f"{slot:06}" * 800})
        if slot % 50 == 0:
            box.commit()
    assert box.journal.head.n >= 2
    box.commit()
    assert judge(disk.reboot(), Promises.until(disk.steps)) is None
    assert len(disk.data[disk.names_["/box/journal/tail"]]) == 2 * HALF


def test_one_writer() -> None:
    disk = MemoryDisk()
    box = Box(disk, 1)
    with pytest.raises(JournalLocked, match="SBX-JNL-001"):
        Box(disk, 2)
    box.close()
    Box(disk, 2)


def test_closed_is_closed() -> None:
    box = Box(MemoryDisk(), 1)
    box.close()
    with pytest.raises(StorageError, match="closed"):
        box.read(0)


def test_a_journal_of_another_box_or_other_keys() -> None:
    disk = MemoryDisk()
    Box(disk, 1).close()
    keys = Keys.open(Path("/other"), "SB-TEST-2", disk)
    now = Box(MemoryDisk(), 2).now()
    where = {"folder": ROOT / "journal", "soft": "1", "cfg": CFG, "now": now, "fs": disk}
    with pytest.raises(JournalUnusable, match="SBX-JNL-008") as error:
        Journal.open(box="SB-TEST-2", keys=keys, **where)  # type: ignore[arg-type]  # a shorthand of this test
    assert (error.value.facts["box"], error.value.facts["found"]) == ("SB-TEST-2", BOX)
    keys = Keys.open(Path("/third"), BOX, disk)
    with pytest.raises(JournalUnusable, match="SBX-JNL-006"):
        Journal.open(box=BOX, keys=keys, **where)  # type: ignore[arg-type]  # a shorthand of this test
    Box(disk, 2)


def test_a_store_of_newer_software() -> None:
    disk = MemoryDisk()
    Box(disk, 1).close()
    db = disk.connect(ROOT / "journal" / "journal.db")
    db.execute("PRAGMA user_version = 2")
    disk.data[disk.names_["/box/journal/journal.db"]][:] = db.serialize()
    with pytest.raises(JournalUnusable, match="SBX-JNL-005"):
        Box(disk, 2)


def test_a_full_card_loses_nothing_that_was_promised() -> None:
    """Ten minutes of commits, each of one small record: packed tighter when the half is used up."""
    disk = MemoryDisk()
    box = Box(disk, 1)
    disk.full = True
    for slot in range(600):
        box.read(slot)
        box.commit()
        if slot % 60 == 59:
            with pytest.raises(StoreFull):
                box.seal()
            assert judge(disk.reboot(), Promises.until(disk.steps)) is None
    assert box.journal.head.n == 0
    assert not box.journal.full, "a full store is tried again in its own time"
    disk.full = False
    box.now(10_000)
    box.seal()
    assert box.journal.head.n > 1
    assert judge(disk.reboot(), Promises.until(disk.steps)) is None


def test_a_card_full_for_too_long_refuses_records_and_counts_none_of_them() -> None:
    disk = MemoryDisk()
    box = Box(disk, 1)
    disk.full = True
    taken = _read_until_refused(box)
    assert taken > 400
    assert [_read_until_refused(box) for _ in range(3)] == [0, 0, 0]
    disk.full = False
    box.now(10_000)
    assert box.read(box.slot) == 5 + taken
    box.seal()
    assert judge(disk.reboot(), Promises.until(disk.steps)) is None


def _read_until_refused(box: Box) -> int:
    """How many readings are taken before the first that is not."""
    for count in range(10_000):
        try:
            box.read(box.slot, frames=4)
        except StoreFull:
            return count
        box.slot += 1
        if count % 10 == 0:
            box.commit()
    raise AssertionError("never refused")


@pytest.mark.parametrize("starts", [1, 5])
def test_a_start_on_a_full_card(starts: int) -> None:
    """What was found stays in the tail, in one frame of the other half; each start adds its own few
    records."""
    disk = MemoryDisk()
    box = Box(disk, 1)
    for slot in range(20):
        box.read(slot)
        box.commit()
    promised = Promises.until(disk.steps)
    disk = disk.reboot()
    disk.full = True
    for boot in range(2, 2 + starts):
        box = Box(disk, boot)
        assert box.journal.head.n == 0
        box.read(0)
        box.commit()
        promised.rows.update(Promises.until(disk.steps).rows)
        disk = disk.reboot()
        disk.full = True
    disk.full = False
    assert judge(disk, promised) is None


def test_starts_on_a_full_card_that_are_cut_at_every_step() -> None:
    """Each start writes all that was found into the other half; the half it was found in is left alone."""
    disk = MemoryDisk()
    box = Box(disk, 1)
    for slot in range(20):
        box.read(slot)
        box.commit()
    promised = Promises.until(disk.steps)
    for boot in range(2, 6):
        disk = disk.reboot()
        base = len(disk.steps)
        disk.full = True
        box = Box(disk, boot)
        box.read(0)
        box.commit()
        for k in range(base, len(disk.steps) + 1):
            for kind in (Chance(Random(k), 0.0, "none"), Chance(Random(k), 0.5, "posix")):
                now = Promises.until(disk.steps[:k])
                now.rows.update(promised.rows)
                assert judge(disk.after(k, kind), now) is None, (boot, k)
        promised.rows.update(Promises.until(disk.steps).rows)


@pytest.mark.parametrize("step", [0, 1])
def test_after_a_failed_commit_nothing_more_is_done(step: int) -> None:
    """Neither the write nor the sync is tried again: only a new start may believe anything."""
    disk = MemoryDisk()
    box = Box(disk, 1)
    box.read(0)
    disk.failures = {len(disk.steps) + step: OSError(5, "I/O error")}
    with pytest.raises(WriteFailed, match="I/O error"):
        box.commit()
    done = len(disk.steps)
    now = box.now(1)
    keep = Retention(keep_days=0, raw_days=0, max_bytes=1)
    head = box.journal.head
    receipt = Receipt("city", BOX, head.epoch, 0, head.hash, (), (), (), 1)
    for use in (
        lambda: box.journal.append("step", {"delta_ms": 1}, now),
        lambda: box.journal.commit(now),
        lambda: box.journal.seal(now),
        lambda: box.journal.advance("city", receipt, b"", now),
        lambda: box.journal.prune(now, keep, ()),
        lambda: box.journal.set_cfg("ee" * 32, now),
    ):
        with pytest.raises(WriteFailed):
            use()
    box.journal.close(now)
    assert disk.steps[done:] == []
    assert Box(disk, 2).journal.head.n >= 0, "the lock was let go"


def test_after_a_failed_seal_nothing_more_is_done() -> None:
    disk = MemoryDisk()
    box = Box(disk, 1)
    box.read(0)
    box.commit()
    disk.failures = {len(disk.steps): OSError(5, "I/O error")}
    with pytest.raises(WriteFailed):
        box.seal()
    with pytest.raises(WriteFailed):
        box.read(1)
    box.journal.close(box.now(1))
    assert judge(disk, Promises.until(disk.steps)) is None


def test_what_has_changed_is_durable_with_the_digest(tmp_path: Path) -> None:
    box = Box(DISK, 1, tmp_path)
    box.close()
    keys = box.keys
    told: list[str] = []

    def explain(old: str) -> dict[str, object]:
        told.append(old)
        return {"what": "config", "digest": "cd" * 32, "count": 1, "changes": [["a", "1", "2"]]}

    for _ in range(2):
        now = box.now(1)
        Journal.open(
            tmp_path / "journal", box=BOX, keys=keys, soft="0", cfg="cd" * 32, now=now, explain=explain
        ).close(now)
    with closing(JournalReader(tmp_path / "journal")) as reader:
        found = [one for one in reader.records() if one["k"] in ("config", "audit")]
    assert [one["k"] for one in found] == ["config", "config", "audit"], (
        "none at the birth, none where all is the same"
    )
    assert told == [found[0]["digest"]] == [found[1]["old"]]
    assert found[2]["i"] == found[1]["i"] + 1
