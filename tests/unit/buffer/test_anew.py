"""A platform that holds more than we do, or another block: a new epoch, nothing overwritten."""

from __future__ import annotations

import random

import pytest

from buffer.anew import MOST, NAME
from buffer.block import decode_header
from buffer.errors import ReceiptRefused
from buffer.note import decode
from buffer.receipt import Receipt, encode_receipt
from buffer.rows import decode_body
from buffer.verify import verify
from tests.support.life import BOX, ROOT, UTC0, Box, blocks_of
from tests.support.powercut import Chance, MemoryDisk, Names

JOURNAL = ROOT / "journal"


def receipt_of(box: Box) -> tuple[Receipt, bytes]:
    """The authority's word that it has stored all of ``box``; the note is signed elsewhere."""
    head = box.journal.head
    receipt = Receipt("city", BOX, head.epoch, head.n, head.hash, (), (), (), UTC0)
    return receipt, encode_receipt(receipt) + "\n— city AAAAAAA=\n".encode()


def lived(blocks: int = 4) -> tuple[MemoryDisk, Box]:
    disk = MemoryDisk()
    box = Box(disk, 1)
    for slot in range(blocks):
        box.read(slot)
        box.seal()
    return disk, box


def test_a_restored_card_begins_another_epoch() -> None:
    disk, box = lived()
    card = disk.reboot()  # an image of the card ...
    for slot in range(4, 9):
        box.read(slot)
        box.seal()
    receipt, note = receipt_of(box)
    back = Box(card, 2)  # ... put back
    back.read(0)
    back.seal()
    epoch, old = back.journal.head.epoch, back.journal.head
    with pytest.raises(ReceiptRefused, match="SBX-JNL-012"):
        back.journal.advance("city", receipt, note, back.now())
    assert back.journal.ending.mark(note)
    assert back.journal.head.epoch == epoch, "until the next start it goes on"
    back.close()
    anew = Box(card, 3)
    anew.read(0)
    anew.seal()
    assert anew.journal.head.epoch != epoch
    sums = anew.journal.head.sums
    assert sums.reads_ok == old.sums.reads_ok + 1, "sums go on"
    (loss,) = [record for record in anew.journal_records() if record["k"] == "loss"]
    assert (loss["reason"], loss["by"], loss["n"], loss["hash"]) == (
        "restored-or-lost",
        "city",
        receipt.stored_n,
        receipt.stored_hash,
    )
    assert loss["epoch"] == epoch
    names = card.names(JOURNAL)
    assert [name for name in names if name.startswith("journal.db.bad-")]
    assert [name for name in names if name.startswith(f"{NAME}-")]
    assert NAME not in names
    report = verify(blocks_of(anew.journal._store), identity=anew.keys.identity.verifier)
    assert report.exit_code() in (0, 1), report.findings
    anew.close()
    again = Box(card, 4)
    again.read(0)
    again.seal()
    assert again.journal.head.epoch == anew.journal.head.epoch, "once"


def test_another_block_in_its_place_is_two_histories() -> None:
    disk, _ = lived()
    card = disk.reboot()
    one, other = Box(disk.reboot(), 2), Box(card, 2)
    one.read(1)
    one.seal()
    for slot in range(3):
        other.read(slot)
        other.seal()
    receipt, note = receipt_of(one)
    with pytest.raises(ReceiptRefused, match="SBX-JNL-013"):
        other.journal.advance("city", receipt, note, other.now())
    assert other.journal.ending.mark(note)
    other.close()
    anew = Box(card, 3)
    anew.seal()
    (loss,) = [record for record in anew.journal_records() if record["k"] == "loss"]
    assert loss["reason"] == "two histories"


def test_records_in_the_tail_of_the_old_history_are_counted() -> None:
    disk, box = lived()
    _, note = receipt_of(box)
    box.read(4)
    box.read(5)
    box.commit()
    box.journal.ending.mark(note)
    anew = Box(disk.reboot(), 2)  # no clean stop between
    (loss,) = [record for record in anew.journal_records() if record["k"] == "loss"]
    assert loss["count"] == 2
    first = min(record["i"] for record in anew.journal_records())
    assert first == 1 + 4 + 4 + 2, "four records of the birth, four readings, two lost: none is used again"


@pytest.mark.parametrize(("keep", "names"), [(0.0, "none"), (0.5, "ext4"), (0.5, "posix"), (1.0, "all")])
def test_a_cut_anywhere_begins_one_epoch_and_forgets_nothing(keep: float, names: Names) -> None:
    """Before the new epoch has its name the old one is there, whole; and it begins with all that it knew."""
    disk, box = lived(2)
    card = disk.reboot()
    for slot in range(2, 7):
        box.read(slot)
        box.seal()
    receipt, note = receipt_of(box)
    back = Box(card, 2)
    back.read(0)
    back.seal()
    back.journal.ending.mark(note)
    back.read(1)
    back.commit()
    old = back.journal.head
    card = card.reboot()
    marked = len(card.steps)
    Box(card, 3).close()
    for k in range(marked, len(card.steps) + 1):
        left = card.after(k, Chance(random.Random(k), keep, names))
        found = Box(left, 4)
        found.seal()
        header = decode_header(decode(blocks_of(found.journal._store)[0].note).text)
        assert header.epoch != old.epoch, k
        assert (header.first, header.sums.reads_ok) == (old.last_i + 2, old.sums.reads_ok), k
        (loss,) = [record for record in found.journal_records() if record["k"] == "loss"]
        said = [loss[name] for name in ("what", "count", "reason", "by", "epoch", "n", "hash")]
        words = ["records", 1, "restored-or-lost", "city", old.epoch, receipt.stored_n, receipt.stored_hash]
        assert said == words, k
        assert NAME not in left.names(JOURNAL), k
        assert any(name.startswith("tail.bad-") for name in left.names(JOURNAL)), k
        epoch = found.journal.head.epoch
        found.close()
        assert Box(left, 5).journal.head.epoch == epoch, k


def test_an_authority_that_does_it_over_and_over_is_not_heard() -> None:
    disk, box = lived()
    _, note = receipt_of(box)
    for n in range(MOST):
        disk.create(JOURNAL / f"{NAME}-{n}", 0o640).close()
    assert not box.journal.ending.mark(note)
    assert NAME not in disk.names(JOURNAL)


def test_a_receipt_that_cannot_be_read_ends_nothing() -> None:
    disk, box = lived()
    epoch = box.journal.head.epoch
    box.journal.ending.mark(b"torn")
    box.close()
    assert Box(disk, 2).journal.head.epoch == epoch


def test_the_genesis_of_the_new_epoch_carries_the_last_boot() -> None:
    disk, box = lived()
    _, note = receipt_of(box)
    box.journal.ending.mark(note)
    box.close()
    anew = Box(disk, 2)
    genesis = blocks_of(anew.journal._store)[0]
    assert genesis.body is not None
    boot = next(record for record in decode_body(genesis.body) if record["k"] == "boot")
    assert (boot["prev"], boot["boot"]) == ("boot-1", 2)
    assert decode_header(decode(genesis.note).text).sums.boots == 2
