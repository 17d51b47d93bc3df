"""A box and a platform, from the first block on: an emptied store, two boxes that use one identity at once.

Both ends are the product's own: journals on disks in memory, wire messages, receipts, the box's judgement.
"""

from __future__ import annotations

import random
from pathlib import Path

from agent.uplinks.incoming import Known, UnfitError, note_hash, take
from buffer.errors import ReceiptRefused
from buffer.verify import verify
from buffer.wire import Birth, encode_message, pack_block
from tests.support.life import BOX, ROOT, Box, blocks_of
from tests.support.powercut import Chance, MemoryDisk
from tests.unit.receiver.platform import Platform


class Site:
    """A box on a disk, and its line to a platform."""

    def __init__(self, disk: MemoryDisk, boot: int, platform: Platform) -> None:
        self.disk, self.boot, self.platform = disk, boot, platform
        self.box = Box(disk, boot)
        platform.known.boxes = {BOX: self.box.keys.identity.verifier}

    def live(self, blocks: int, first: int = 0) -> None:
        for slot in range(first, first + blocks):
            self.box.read(slot)
            self.box.seal()

    def birth(self) -> None:
        head, now = self.box.journal.head, self.box.now()
        said = Birth(
            box=BOX,
            epoch=head.epoch,
            n=head.n,
            hash=head.hash,
            identity=str(self.box.keys.identity.verifier),
            soft="1",
            cfg="-",
            boot=now.boot,
            boot_id=now.boot_id,
            utc_ms=now.utc_ms,
            letter=now.letter,
            clean=True,
        )
        self.platform.hear("birth", encode_message(said), BOX)

    def send(self) -> str | None:
        """All of this epoch, and the platform's receipt; why it does not fit, if it does not."""
        blocks = blocks_of(self.box.journal._store)
        for block in blocks:
            self.platform.hear("block", pack_block(block.note, block.body), BOX)
        ((_, note),) = self.platform.core.receipts(0, self.platform.now)
        head = self.box.journal.head
        hashes = {n: note_hash(block.note) for n, block in enumerate(blocks)}
        known = Known(BOX, head.epoch, head.n, -1, -1, hashes.get)
        try:
            receipt = take(note, self.platform.signer.verifier, known)
        except UnfitError as unfit:
            if unfit.receipt is not None:
                try:
                    self.box.journal.advance("city", unfit.receipt, note, self.box.now())
                except ReceiptRefused:
                    assert self.box.journal.ending.mark(note)
            return unfit.code
        self.box.journal.advance("city", receipt, note, self.box.now())
        return None

    def again(self) -> Site:
        """The next start."""
        self.box.close()
        return Site(self.disk, self.boot + 1, self.platform)


def losses(box: Box) -> list[str]:
    return [str(record["reason"]) for record in box.journal_records() if record["k"] == "loss"]


def test_an_emptied_store_begins_anew_and_both_ends_say_so() -> None:
    platform = Platform()
    site = Site(MemoryDisk(), 1, platform)
    site.live(4)
    site.birth()
    assert site.send() is None
    old, held = site.box.journal.head, platform.kept()
    site.box.close()
    for name in [name for name in site.disk.names_ if name.startswith(f"{ROOT}/journal")]:
        site.disk.remove(Path(name))
    platform.codes.clear()
    new = Site(site.disk, 2, platform)
    assert losses(new.box) == ["store missing"]
    assert new.box.journal.head.epoch != old.epoch
    new.live(3)
    new.birth()
    assert new.send() is None
    assert platform.codes == ["SBX-RCV-027"]
    both = platform.store._db.execute("SELECT epoch, count(*) FROM blocks GROUP BY epoch").fetchall()
    assert dict(both) == {old.epoch: len(held), new.box.journal.head.epoch: new.box.journal.head.n + 1}
    report = verify(blocks_of(new.box.journal._store), identity=new.box.keys.identity.verifier)
    assert report.exit_code() == 0, report.findings


def test_a_first_start_is_no_emptied_store() -> None:
    """Nor is a cut in the birth: only a journal that was born is missed."""
    disk = MemoryDisk()
    site = Site(disk, 1, Platform())
    site.live(1)
    assert losses(site.box) == []
    birth = next(k for k, step in enumerate(disk.steps) if step.what == "commit")
    for k in (birth, birth + 1, birth + 2):
        assert losses(Box(disk.after(k, Chance(random.Random(k), 1.0, "all")), 2)) == []


def test_two_boxes_with_one_identity_are_named_and_nothing_is_overwritten() -> None:
    """A copied card runs beside the original, against one platform: fork, another epoch, then two at once."""
    platform = Platform()
    original = Site(MemoryDisk(), 1, platform)
    original.live(3)
    original.birth()
    assert original.send() is None
    clone = Site(original.disk.reboot(), 2, platform)
    clone.live(2, first=50)
    original.live(2, first=3)
    assert original.send() is None
    held = [(n, platform.store.hash_of(BOX, original.box.journal.head.epoch, n)) for n in range(6)]
    platform.codes.clear()

    clone.birth()
    assert clone.send() == "SBX-UPL-033", "the platform has another block of that number"
    assert set(platform.codes) == {"SBX-RCV-014"}, "two contents for one number"
    assert platform.quarantined
    epoch = original.box.journal.head.epoch
    assert [(n, platform.store.hash_of(BOX, epoch, n)) for n in range(6)] == held, "nothing is overwritten"

    clone = clone.again()
    assert losses(clone.box)[0] == "two histories"
    platform.codes.clear()
    clone.birth()
    assert clone.send() is None
    assert platform.codes == ["SBX-RCV-027"]
    platform.codes.clear()
    original.live(1, first=9)
    original.birth()
    assert original.send() is None, "the original goes on in its own history"
    assert platform.codes == ["SBX-RCV-028"], "an epoch that had ended speaks again"
    clone.live(1, first=60)
    clone.birth()
    assert clone.send() is None
    assert platform.codes == ["SBX-RCV-028", "SBX-RCV-028"]
