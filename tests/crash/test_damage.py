"""Rot, missing files and older copies: the box starts, keeps what is sound, and what is gone is named.
Never a number with two contents, never a broken promise without a word."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest

from buffer.block import decode_header
from buffer.errors import KeyFault, StorageError, StoreDamaged
from buffer.frame import decode_frame, encode_frame, follow, look
from buffer.head import Head
from buffer.journal import Retention
from buffer.note import decode
from buffer.rows import decode_body, encode_row
from buffer.tail import HALF
from buffer.verify import BlockData, verify
from tests.support.life import Box, Promises, blocks_of, live
from tests.support.powercut import Chance, MemoryDisk, Names

SEED = 20261123
PAGE = 4096  # of SQLite
KEEP = Retention(keep_days=0, raw_days=0, max_bytes=1 << 40)
JOURNAL = "/box/journal"
STORE, TAIL = f"{JOURNAL}/journal.db", f"{JOURNAL}/tail"
NEWEST_HEADER = "UPDATE blocks SET note = replace(note, 'mono', 'momo') WHERE n = (SELECT max(n) FROM blocks)"
ONE_BODY = "UPDATE blocks SET body = x'00' WHERE n = 2"
NO_FACTS = "DELETE FROM meta WHERE key = 'running'"


def lived() -> MemoryDisk:
    """A disk after the short life, which ends with records in the tail."""
    disk = MemoryDisk()
    live(disk)
    return disk


def data_of(disk: MemoryDisk, path: str) -> bytearray:
    """The bytes of a file, to be changed in place."""
    return disk.data[disk.names_[path]]


def found_by(disk: MemoryDisk) -> list[BlockData]:
    """Start on what is left, seal, and give the blocks."""
    box = Box(disk, 9)
    box.read(0)
    box.seal()
    blocks = blocks_of(box.journal._store)
    keys = box.journal.ratchet.stamp.keys
    report = verify(blocks, identity=keys.identities[0], handovers=keys.told)
    box.close()
    assert report.exit_code() in (0, 1), report.findings
    return blocks


def rows_of(blocks: list[BlockData]) -> dict[int, dict[str, object]]:
    """The records by number."""
    return {row["i"]: row for block in blocks if block.body is not None for row in decode_body(block.body)}


def losses_of(blocks: list[BlockData]) -> list[tuple[object, object, object]]:
    """What the loss records say."""
    rows = rows_of(blocks).values()
    return [(row["what"], row["count"], row["reason"]) for row in rows if row["k"] == "loss"]


def test_the_store_is_gone() -> None:
    """A new epoch: its numbers go on behind the last that the tail knew, and it says what is lost."""
    disk = lived()
    last = max(Promises.until(disk.steps).rows)
    left = disk.reboot()
    del left.names_[STORE]
    blocks = found_by(left)
    header = decode_header(decode(blocks[0].note).text)
    assert header.first == last + 1
    assert losses_of(blocks) == [("records", last, "store damaged")]
    assert any(name.startswith("tail.bad-") for name in left.names(Path(JOURNAL)))


def test_the_tail_is_gone() -> None:
    disk = lived().reboot()
    del disk.names_[TAIL]
    assert losses_of(found_by(disk)) == [("records", 0, "tail missing")]


def test_the_tail_is_cut_short() -> None:
    disk = lived().reboot()
    del data_of(disk, TAIL)[5000:]
    assert losses_of(found_by(disk)) == [("records", 0, "tail cut short")]
    assert any(name.startswith("tail.bad-") for name in disk.names(Path(JOURNAL)))


def test_an_older_tail_after_a_start_a_receipt_and_retention() -> None:
    """As above, where no block is of readings alone."""
    full = MemoryDisk()
    live(full)
    sealed = [at for at, step in enumerate(full.steps) if step.what == "mark" and step.args[0] == "blocks"]
    for at in sealed[:-2]:
        left = full.reboot()
        older = full.after(at + 1, Chance(random.Random(0), 1.0, "all"))
        data_of(left, TAIL)[:] = data_of(older, TAIL)
        assert ("records", 0, "tail behind the store") in losses_of(found_by(left)), at


@pytest.mark.parametrize("rotate", [False, True])
def test_an_older_tail_alone_was_put_back(rotate: bool) -> None:
    """What it had promised since cannot be counted by anybody, and is said."""
    disk = MemoryDisk()
    box = Box(disk, 1)
    older = []
    for slot in range(6):
        older.append(bytes(data_of(disk, TAIL)))
        box.read(slot)
        box.seal()
    if rotate:
        box.rotate()
    box.read(6)
    box.commit()
    for tail in older[:-1]:
        left = disk.reboot()
        assert losses_of(found_by(left.reboot())) == []
        data_of(left, TAIL)[:] = tail
        assert losses_of(found_by(left)) == [("records", 0, "tail behind the store")]
    box.close()
    data_of(disk, TAIL)[:] = older[0]
    assert losses_of(found_by(disk.reboot())) == [], "a clean stop left nothing in it"


def test_the_identity_is_damaged_or_gone() -> None:
    """Nobody but a person can say who this box is."""
    disk = lived().reboot()
    data_of(disk, "/box/keys/identity")[50] = ord("x")
    with pytest.raises(KeyFault, match="SBX-KEY-002"):
        Box(disk, 9)
    del disk.names_["/box/keys/identity"]
    ratchet = bytes(data_of(disk, "/box/keys/ratchet"))
    with pytest.raises(KeyFault, match="SBX-KEY-003"):
        Box(disk, 9)
    assert bytes(data_of(disk, "/box/keys/ratchet")) == ratchet


@pytest.mark.parametrize("gone", [True, False])
def test_the_ratchet_is_damaged_or_gone(gone: bool) -> None:
    """The identity is there and signs another epoch, which says why; the old one stays whole beside it."""
    disk = lived().reboot()
    last = max(Promises.until(lived().steps).rows)
    if gone:
        del disk.names_["/box/keys/ratchet"]
    else:
        data_of(disk, "/box/keys/ratchet")[50] = ord("x")
    blocks = found_by(disk)
    header = decode_header(decode(blocks[0].note).text)
    assert (header.n, header.first) == (0, last + 1)
    assert header.sums.reads_ok > 0, "sums go on"
    assert losses_of(blocks) == [("records", 3, "key gone")], "those of the tail"
    keys = [row["op"] for row in rows_of(blocks).values() if row["k"] == "key"]
    assert keys[:2] == ["identity", "ratchet"]
    assert any(name.startswith("journal.db.bad-") for name in disk.names(Path(JOURNAL)))


def test_a_ratchet_seed_that_is_another_one() -> None:
    """It reads well, and the key that the newest header names is gone: another epoch, and no signing on."""
    disk = lived().reboot()
    seed = data_of(disk, "/box/keys/ratchet")
    seed[50] = ord("1") if seed[50] != ord("1") else ord("2")
    assert losses_of(found_by(disk)) == [("records", 3, "key gone")], "those of the tail"
    assert any(name.startswith("journal.db.bad-") for name in disk.names(Path(JOURNAL)))


def test_a_frame_rotted_in_the_middle() -> None:
    """Frames behind it were promised: the count of their records is said."""
    disk = MemoryDisk()
    box = Box(disk, 1)
    for slot in range(6):
        box.read(slot)
        box.commit()
    left = disk.reboot()
    data_of(left, TAIL)[2 * 4096 + 300] ^= 1
    blocks = found_by(left)
    assert losses_of(blocks) == [("records", 4, "tail damaged")]
    assert [row["k"] for row in rows_of(blocks).values()][4:7] == ["reading", "reading", "recovered"]


def change(disk: MemoryDisk, sql: str, *args: object) -> None:
    """Change the store behind the journal's back."""
    db = disk.connect(Path(STORE))
    db.execute(sql, args)
    data_of(disk, STORE)[:] = db.serialize()


def test_the_newest_header_rotted() -> None:
    """No number is signed twice: a new epoch, and the sums go on."""
    disk = lived().reboot()
    before = found_by(disk.reboot())
    change(disk, NEWEST_HEADER)
    blocks = found_by(disk)
    old, new = (decode_header(decode(some[0].note).text) for some in (before, blocks))
    assert new.n == 0
    assert new.epoch != old.epoch
    assert new.sums.reads_ok > 0
    assert losses_of(blocks)


def test_a_body_rotted_and_the_index_with_it() -> None:
    """Every header is sound: the epoch goes on, the body's records are counted as lost."""
    disk = lived().reboot()
    change(disk, ONE_BODY)
    change(disk, NO_FACTS)
    blocks = found_by(disk)
    header = decode_header(decode(blocks[2].note).text)
    assert blocks[2].body is None
    assert losses_of(blocks) == [("bodies", header.last - header.first + 1, "store damaged")]
    assert [decode_header(decode(block.note).text).n for block in blocks] == list(range(len(blocks)))


def started(disk: MemoryDisk, what: str) -> Box:
    """The box goes on: it starts, reads, seals, lets go. Damage deep in the store may end one run."""
    for boot in (9, 10):
        try:
            box = Box(disk, boot)
        except StorageError as error:
            pytest.fail(f"{what}: a start was refused: {error}")
        try:
            box.read(0)
            box.seal()
            for keep in (KEEP, replace(KEEP, max_bytes=0)):
                box.journal.prune(box.now(1), keep, ("city",))
        except StoreDamaged:
            box.journal._release()
            continue
        return box
    pytest.fail(f"{what}: two runs in a row were ended")


@pytest.mark.parametrize("how", [0x40, 0x55])
def test_any_page_of_the_store(how: int) -> None:
    """Free pages, an index, the table itself: nothing inside the store keeps the box from going on."""
    disk = MemoryDisk()
    box = Box(disk, 1)
    for slot in range(60):
        box.read(slot, frames=2)
        if slot % 4 == 3:
            box.seal()
        if slot == 39:
            box.receipt("city")
    box.prune(replace(KEEP, max_bytes=0))
    box.read(60)
    box.commit()
    for page in range(1, len(data_of(disk, STORE)) // PAGE):
        left = disk.reboot()
        data = data_of(left, STORE)
        piece = slice(page * PAGE, page * PAGE + 512)
        data[piece] = bytes(byte ^ how for byte in data[piece])
        started(left, f"page {page}").close()
        again = started(left.reboot(), f"page {page}, later")
        sums = again.journal.head.sums
        assert sums.reads_ok + sums.lost >= 61, f"page {page}: neither kept nor counted"


@pytest.mark.parametrize("damage", [(NEWEST_HEADER,), (ONE_BODY, NO_FACTS)])
@pytest.mark.parametrize(("keep", "names"), [(0.0, "none"), (0.5, "ext4"), (0.5, "posix"), (1.0, "all")])
def test_a_cut_anywhere_while_a_store_is_mended(damage: tuple[str, ...], keep: float, names: Names) -> None:
    """It is mended once: what is said of it and what it counts are the same, wherever the power went."""
    disk = lived().reboot()
    for sql in damage:
        change(disk, sql)
    disk.steps = disk.as_steps()
    before, wanted = len(disk.steps), _mended(disk.reboot(), 9)
    Box(disk, 9)
    for k in range(before, len(disk.steps) + 1):
        assert _mended(disk.after(k, Chance(random.Random(k), keep, names)), 10) == wanted, k


def _mended(disk: MemoryDisk, boot: int) -> tuple[object, ...]:
    box = Box(disk, boot)
    box.seal()
    blocks = blocks_of(box.journal._store)
    first = decode_header(decode(blocks[0].note).text)
    sums = box.journal.head.sums
    box.close()
    return first.n, first.first, sums.reads_ok, sums.lost, losses_of(blocks)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(SEED, SEED + 4))
def test_flips_anywhere(seed: int) -> None:
    """50 disks a seed: one bit to 4 KiB of store or tail flipped or zeroed. The box starts; a promise that is
    broken is named by a loss record or by the verifier."""
    rng = random.Random(seed)
    whole = lived()
    promised = Promises.until(whole.steps)
    for trial in range(50):
        disk = whole.reboot()
        data = data_of(disk, rng.choice((STORE, STORE, TAIL)))
        used = len(bytes(data).rstrip(b"\0"))
        at, size = rng.randrange(used), rng.choice((1, 1, 16, 512, 4096))
        piece = data[at : at + size]
        data[at : at + size] = (
            bytes(len(piece)) if rng.random() < 0.5 else bytes(byte ^ 0x10 for byte in piece)
        )
        box = started(disk, f"seed {seed}, trial {trial}")
        blocks = blocks_of(box.journal._store, skip=True)
        keys = box.journal.ratchet.stamp.keys
        report = verify(blocks, identity=keys.identities[0], handovers=keys.told)
        rows = rows_of([block for block in blocks if not report.findings])
        broken = [i for i, row in promised.rows.items() if i in rows and row != _spelled(rows[i])]
        assert not broken, f"seed {seed}, trial {trial}: {broken} have two contents"
        if not report.findings and not losses_of(blocks):
            assert promised.rows.keys() <= rows.keys(), f"seed {seed}, trial {trial}: lost without a word"
        box.close()


def _spelled(row: dict[str, object]) -> bytes:
    return encode_row(row)


@pytest.mark.parametrize("first", [True, False])
def test_a_tail_that_was_rewritten_without_the_key_is_not_sealed(first: bool) -> None:
    """Checksums and the running hash anybody can make; what the box would seal would be its word."""
    disk = MemoryDisk()
    box = Box(disk, 1)
    for slot in (7, 8):
        box.read(slot)
        box.commit()
    head = box.journal.head
    left = disk.reboot()
    forge(data_of(left, TAIL), head, b'"p":"7.50"' if first else b'"p":"8.50"')
    blocks = found_by(left)
    ((what, count, reason),) = losses_of(blocks)
    assert (what, reason) == ("records", "tail altered")
    values = [row["v"] for row in rows_of(blocks).values() if row["k"] == "reading"]
    assert {"p": "9.99"} not in values
    assert count in range(1, 9), "how many the frames claim"
    assert ({"p": "7.50"} in values) == (not first), "what came before is the box's own"


def forge(data: bytearray, head: Head, value: bytes) -> None:
    """Write another value of the same length into a frame of the tail, and make all sums right again."""
    for half in (0, HALF):
        running, at = bytes.fromhex(head.hash), half
        while (claimed := look(bytes(data[at : at + PAGE]))) is not None and claimed[0] == head.n + 1:
            frame = decode_frame(bytes(data[at : at + claimed[1] * PAGE]), claimed[0])
            assert frame is not None
            frame = replace(frame, rows=frame.rows.replace(value, b'"p":"9.99"'))
            running = follow(running, frame)
            packed = encode_frame(replace(frame, running=running))
            data[at : at + len(packed)] = packed
            at += len(packed)
