"""What may go, and everything that must stay."""

from __future__ import annotations

from dataclasses import replace

import pytest

from buffer.instant import ClockLetter, Instant
from buffer.journal import Pruned, Retention
from buffer.receipt import Receipt
from buffer.verify import Wrong, verify
from tests.support.life import Box, blocks_of
from tests.support.powercut import MemoryDisk

DAY_MS = 86_400_000
FOREVER = Retention(keep_days=10_000, raw_days=10_000, max_bytes=1 << 40)
NOTHING = Retention(keep_days=0, raw_days=0, max_bytes=1 << 40)


def grown(disk: MemoryDisk, blocks: int, text: str = "") -> Box:
    """A box with so many blocks behind the genesis, one record each, sealed a day apart."""
    box = Box(disk, 1)
    for slot in range(blocks):
        box.read(slot)
        box.append("step", {"text": text})
        box.now(DAY_MS)
        box.seal()
    return box


def later(box: Box, days: int = 0, letter: ClockLetter = "S") -> Instant:
    """An instant so many days on."""
    now = box.now()
    return replace(now, utc_ms=now.utc_ms + days * DAY_MS, letter=letter)


def kept(box: Box) -> tuple[list[int], list[int]]:
    """Numbers of the blocks that still have their body, and their frames."""
    blocks = blocks_of(box.journal._store)
    return (
        [n for n, block in enumerate(blocks) if block.body is not None],
        [n for n, block in enumerate(blocks) if block.raw is not None],
    )


def test_by_age_and_only_what_every_uplink_has() -> None:
    box = grown(MemoryDisk(), 6)
    box.receipt("city")  # 0..6, chained in block 7
    box.read(9)
    box.seal()
    assert box.journal.prune(later(box, 1), NOTHING, ("city", "county")) == Pruned(0, 7)
    assert kept(box) == ([0, 1, 2, 3, 4, 5, 6, 7, 8], [])
    assert box.journal.prune(later(box, 1), NOTHING, ("city",)) == Pruned(6, 0)
    assert kept(box) == ([0, 7, 8], [])
    assert box.journal.prune(later(box, 1), NOTHING, ("city",)) == Pruned(0, 0)


def test_young_blocks_stay() -> None:
    box = grown(MemoryDisk(), 6)
    box.receipt("city")
    keep = Retention(keep_days=3, raw_days=1, max_bytes=1 << 40)
    assert box.journal.prune(later(box), keep, ("city",)) == Pruned(3, 5)
    assert kept(box) == ([0, 4, 5, 6, 7], [6])


def test_a_receipt_that_is_not_sealed_yet_lets_nothing_go() -> None:
    """The cursor counts when it is stored, not when it was heard."""
    box = grown(MemoryDisk(), 3)
    head = box.journal.head
    receipt = Receipt("city", "SB-TEST-1", head.epoch, head.n, head.hash, (), (), (), 1)
    assert box.journal.advance("city", receipt, b"note", box.now(1))
    assert box.journal.prune(later(box, 9), NOTHING, ("city",)).bodies == 0


def test_without_uplinks_nothing_is_waited_for() -> None:
    box = grown(MemoryDisk(), 3)
    assert box.journal.prune(later(box, 1), NOTHING, ()).bodies == 3


@pytest.mark.parametrize("letter", ["R", "M", "I"])
def test_nothing_goes_by_age_under_an_unsure_clock(letter: ClockLetter) -> None:
    box = grown(MemoryDisk(), 3)
    box.receipt("city")
    assert box.journal.prune(later(box, 36_500, letter), NOTHING, ("city",)) == Pruned(0, 0)


def test_a_block_sealed_in_1970_takes_no_younger_ones_with_it() -> None:
    box = grown(MemoryDisk(), 3)
    for slot in range(3):
        box.read(slot)
        box.commit()
        box.journal.seal(replace(box.now(1), utc_ms=slot))
    box.receipt("city")
    keep = Retention(keep_days=2, raw_days=10_000, max_bytes=1 << 40)
    assert box.journal.prune(later(box), keep, ("city",)) == Pruned(1, 1), "frames go with their body"
    assert kept(box)[0][:3] == [0, 2, 3]


def test_by_size_oldest_first_and_never_what_is_not_confirmed() -> None:
    box = grown(MemoryDisk(), 20, text="0123456789abcdef" * 400)
    at = box.journal._store.used_bytes()
    box.receipt("city")
    confirmed = box.journal.cursors()["city"].n
    for slot in range(5):
        box.read(slot)
        box.seal()
    assert box.journal.prune(later(box, letter="I"), Retention(10_000, 10_000, at * 2), ("city",)) == Pruned(
        0, 0
    )
    small = Retention(10_000, 10_000, 1)
    assert box.journal.prune(later(box, letter="I"), small, ("city",)).bodies == confirmed
    assert kept(box)[0] == [0, *range(confirmed + 1, box.journal.head.n + 1)]


def test_frames_that_an_alarm_stands_on_stay_for_ever() -> None:
    """Its condition began in block 3 and it was raised in block 5; 8 holds only the end of another one."""
    box = Box(MemoryDisk(), 1)
    records = []
    for slot in range(9):
        records.append(box.read(slot))
        if slot == 4:
            box.append("alarm", {"id": "a", "state": "raised", "since_i": records[2]})
        if slot == 7:
            box.append("alarm", {"id": "b", "state": "cleared", "since_i": records[0]})
        box.now(DAY_MS)
        box.seal()
    box.receipt("city")
    assert box.journal.prune(later(box, 1), NOTHING, ()) == Pruned(9 + 1, 5)
    assert kept(box) == ([0], [3, 4, 5, 8])
    box.close()
    box = Box(box.disk, 2)
    assert box.journal.prune(later(box, 99), NOTHING, ()).raws == 0
    assert kept(box)[1] == [3, 4, 5, 8], "also when the alarm's own body is gone"


def test_bodies_of_orders_and_declarations_stay_for_ever() -> None:
    """What is in force is found again from them; the daily summary is found as fast, and may go."""
    box = Box(MemoryDisk(), 1)
    for slot, kind in enumerate(("reading", "order", "summary", "declaration", "step", "reading")):
        box.read(slot)
        box.append(kind, {"note": f"x{slot}"} if kind != "reading" else {"m": "a", "v": {}, "src": "load"})
        box.now(DAY_MS)
        box.seal()
    assert box.journal._store.alarm_blocks(-1) == (2, 3, 4)
    box.receipt("city")
    assert box.journal.prune(later(box, 1), NOTHING, ("city",)).bodies == 4
    assert kept(box) == ([0, 2, 4, 7], [2, 4])
    report = verify(blocks_of(box.journal._store), identity=box.keys.identity.verifier)
    assert {report.signatures.status, report.chain.status} == {"pass"}
    assert report.exit_code() in (0, 1), report.findings


def test_frames_of_an_alarm_whose_frames_went_before_it_was_raised() -> None:
    """What is gone is gone; the search ends at the first block that still has its frames."""
    box = grown(MemoryDisk(), 3)
    box.journal.prune(later(box, 1), Retention(10_000, 0, 1 << 40), ())
    box.append("alarm", {"id": "a", "state": "raised", "since_i": 2})
    box.read(9)
    box.seal()
    box.journal.prune(later(box, 9), NOTHING, ())
    assert kept(box)[1] == [4]


def test_what_is_left_verifies_as_pruned_not_as_lost() -> None:
    box = grown(MemoryDisk(), 6)
    box.receipt("city")
    box.prune(NOTHING)
    report = verify(blocks_of(box.journal._store), identity=box.keys.identity.verifier)
    assert report.signatures.status == report.chain.status == "pass"
    assert report.exit_code() == 1
    assert {finding.kind for finding in report.findings} == {Wrong.BODY_MISSING}


def test_on_a_full_card_the_reserve_makes_the_room() -> None:
    disk = MemoryDisk()
    box = grown(disk, 6)
    box.receipt("city")
    disk.full_until_removed = "/box/journal/reserve"
    box.prune(NOTHING)
    assert kept(box)[0] == [0, 7]
    assert "/box/journal/reserve" in disk.names_


def test_the_reserve_is_made_at_start() -> None:
    disk = MemoryDisk()
    Box(disk, 1)
    assert disk.data[disk.names_["/box/journal/reserve"]] == bytes(1 << 20)
