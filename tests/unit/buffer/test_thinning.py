"""Weeks without a platform on a small card: readings go on, the oldest get coarser, and the proof says so."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from buffer.fs import DISK
from buffer.journal import Pruned, Retention
from buffer.rows import Record, decode_body
from buffer.verify import Wrong, verify
from buffer.wire import pack_block
from tests.support.life import BOX, Box, blocks_of
from tests.support.powercut import MemoryDisk
from tests.unit.receiver.platform import Platform

pytestmark = pytest.mark.slow

TIGHT = Retention(keep_days=400, raw_days=7, max_bytes=1)
SEED = 20_261


class Plant(Box):
    """Two meters twice a minute, energy each 15 minutes, a block in 20 minutes; one in a hundred fails."""

    rng = random.Random(SEED)
    slot = taken = 0

    def hour(self) -> int:
        """One hour of readings; how many."""
        before = self.taken
        for _ in range(120):
            for at, meter in enumerate(("kiln", "scrubber")):
                self._reading(meter, f"f{self.slot}", {"p": f"{self.rng.randrange(10**6)}"})
                if self.slot % 30 == 0:
                    self._reading(meter, f"s{self.slot // 30}", {"ep_imp": f"{self.slot}.{at}"})
            self.slot += 1
            self.now(30_000 - self._ms % 30_000)
            if self.slot % 40 == 0:
                self.journal.seal(self.now())
        return self.taken - before

    def _reading(self, meter: str, slot: str, values: Mapping[str, str]) -> None:
        good = self.rng.random() > 0.01
        fields: dict[str, Any] = {"m": meter, "s": slot, "src": "live", "v": values if good else {}, "x": {}}
        if not good:
            fields["e"] = "no_reply"
        self.journal.append("reading", fields, self.now(5))
        self.taken += 1


CARD = Retention(keep_days=400, raw_days=7, max_bytes=1_536 * 1024)
DAYS = 14


def bodies(box: Box) -> dict[int, list[Record]]:
    """The records of each block that still has its body."""
    found: dict[int, list[Record]] = {}
    for n, block in enumerate(blocks_of(box.journal._store)):
        if block.body is not None:
            found[n] = list(decode_body(block.body))
    return found


def said(box: Box) -> Iterator[Record]:
    """Every record there is, those inside thinned ones as they were."""
    for records in bodies(box).values():
        for record in records:
            yield record["row"] if record["k"] == "thinned" else record


def named_as_thinned(box: Box) -> set[int]:
    """The blocks that loss records name."""
    ranges = [
        pair for one in said(box) if one["k"] == "loss" and one["what"] == "bodies" for pair in one["blocks"]
    ]
    return {n for a, b in ranges for n in range(a, b + 1)}


def test_two_weeks_without_a_platform_on_a_small_card(tmp_path: Path) -> None:
    """Every reading is taken, the card's limit holds, every step comes round, each missing body is explained,
    the sums recount, and the platform then takes all that is left."""
    box = Plant(DISK, 1, tmp_path)
    most = taken = 0
    for _ in range(DAYS * 24):
        taken += box.hour()
        box.journal.prune(box.now(), CARD, ("city",))
        most = max(most, box.journal._store.used_bytes())
    print(f"seed {SEED}: {taken} readings, {most >> 10} KiB at most, {box.journal.head}")
    assert most < CARD.max_bytes * 1.1
    sums = box.journal.head.sums
    assert sums.reads_ok + sums.reads_failed == taken, "no reading was turned away"
    steps = {one.get("per_s") for records in bodies(box).values() for one in records if one["k"] == "thinned"}
    assert {900, 86_400} <= steps
    blocks = blocks_of(box.journal._store)
    missing = {n for n, block in enumerate(blocks) if block.body is None}
    assert missing == named_as_thinned(box)
    report = verify(blocks, identity=box.keys.identity.verifier)
    assert (report.exit_code(), {finding.kind for finding in report.findings}) == (1, {Wrong.BODY_MISSING})
    platform = Platform(headers_only=True)
    platform.known.boxes[BOX] = box.keys.identity.verifier
    for block in blocks:
        platform.hear("hist", pack_block(block.note, block.body), BOX)
    receipt = platform.receipt()
    assert receipt is not None
    assert (receipt.stored_n, platform.quarantined, platform.codes) == (box.journal.head.n, [], [])


def grown(disk: MemoryDisk, alarm: bool = False) -> tuple[Box, dict[int, Record]]:
    """170 blocks of a minute with ten polls each; what was read, by number. In block 20 an event, in block
    22 a declaration, in block 30 an alarm that began in block 28."""
    box, rng = Box(disk, 1), random.Random(SEED)
    read: dict[int, Record] = {}
    begins = 0
    for n in range(1, 171):
        for at in range(10):
            values = {
                "p": f"{rng.randrange(10**9)}",
                "u_a": f"{rng.randrange(10**9)}",
                "i_a": f"{rng.randrange(10**9)}",
            }
            good = at != 9
            fields = {
                "m": "kiln",
                "s": f"f{n * 10 + at}",
                "src": "live",
                "v": values if good else {},
                "x": {},
            }
            i = box.append("reading", fields if good else fields | {"e": "garbled"})
            read[i] = fields
            begins = i if n == 28 and at == 0 else begins
            box.now(5_990)
        if n == 20:
            box.append("meter-event", {"text": "cover opened"})
        if n == 22:
            box.append("declaration", {"op": "put", "id": "d1", "note": "x"})
        if n == 30 and alarm:
            box.append("alarm", {"id": "a", "state": "raised", "since_i": begins})
        box.seal()
    return box, read


def test_one_reading_a_minute_stays_as_it_was_with_what_it_stands_for() -> None:
    box, read = grown(MemoryDisk())
    before = blocks_of(box.journal._store)
    head = box.journal.head
    assert box.journal.prune(box.now(1), TIGHT, ("city",)).thinned >= 99
    rows = [one for n, records in bodies(box).items() if n > head.n for one in records]
    thinned, losses = (
        [one for one in rows if one["k"] == "thinned"],
        [one for one in rows if one["k"] == "loss"],
    )
    series = [one for one in thinned if one["row"]["k"] == "reading"]
    assert {one["per_s"] for one in series} == {60}
    for one in series:
        assert one["row"]["v"] == read[one["row"]["i"]]["v"] != {}, "a reading as it was, and a good one"
        assert one["from"] <= one["row"]["i"] <= one["to"]
    gone = [n for n in range(1, head.n + 1) if n not in bodies(box)]
    went = [record for n in gone for record in decode_body(before[n].body or b"")]
    polls = [one for one in went if one["k"] == "reading"]
    assert sum(one["ok"] for one in series) == sum(bool(one["v"]) for one in polls)
    assert sum(one["failed"] for one in series) == sum(not one["v"] for one in polls)
    assert [one["row"]["text"] for one in thinned if one["row"]["k"] == "meter-event"] == ["cover opened"]
    assert [n for n, kept in bodies(box).items() if n and any(one["k"] == "declaration" for one in kept)] == [
        22
    ]
    assert sum(one["count"] for one in losses) == len(went) - len(thinned)
    assert sum(one["records"] for one in losses) == len(went)
    for loss in losses:
        texts = [before[n].body or b"" for a, b in loss["blocks"] for n in range(a, b + 1)]
        assert hashlib.sha256(b"".join(texts)).hexdigest() == loss["digest"]
    assert box.journal.head.sums.lost == head.sums.lost + len(went) - len(thinned)


def test_blocks_that_an_alarm_stands_on_are_thinned_last() -> None:
    box, _ = grown(MemoryDisk(), alarm=True)
    box.journal.prune(box.now(1), TIGHT, ("city",))
    assert {n for n in range(1, 101) if n in bodies(box)} == {22, 28, 29, 30}
    for _ in range(40):
        box.journal.prune(box.now(1), TIGHT, ("city",))
    assert [one["id"] for one in said(box) if one["k"] == "alarm"] == ["a"]
    assert 22 in bodies(box), "what is in force stands in it: it is never thinned"
    assert {28, 29, 30} <= {n for n, block in enumerate(blocks_of(box.journal._store)) if block.raw is None}


def test_nothing_is_thinned_while_there_is_room_or_when_a_platform_has_it() -> None:
    box, _ = grown(MemoryDisk())
    roomy = Retention(keep_days=400, raw_days=7, max_bytes=1 << 40)
    assert box.journal.prune(box.now(1), roomy, ("city",)).thinned == 0
    box.receipt("city")
    pruned = box.journal.prune(box.now(1), TIGHT, ("city",))
    assert (pruned.thinned, pruned.bodies) == (0, 169), "all but the one with the declaration"


def test_a_card_that_is_full_while_thinning_changes_nothing() -> None:
    """Old bodies go and the coarser series comes in one COMMIT or not at all."""
    disk = MemoryDisk()
    box, _ = grown(disk)
    before, head = bodies(box), box.journal.head
    disk.full = True
    assert box.journal.prune(box.now(1), TIGHT, ("city",)) == Pruned(0, 0)
    assert (bodies(box), box.journal.head) == (before, head)
    i = box.read(9_999)
    box.commit()
    disk.full = False
    assert box.journal.prune(box.now(1), TIGHT, ("city",)).thinned >= 99
    box.seal()
    assert i in {one["i"] for one in said(box)}, "the reading taken meanwhile"
    assert box.journal.head.last_i > i
