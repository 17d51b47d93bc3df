"""Judges for end-to-end runs: what platforms hold, against what the box holds, against what meters said."""

from __future__ import annotations

import bisect
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from agent.demo import plant
from agent.demo.stage import Stage
from buffer.note import VerifierKey
from buffer.reader import JournalReader
from buffer.verify import BlockData, verify
from drivers.queue import SLOW_SPAN_MS
from receiver.query import Query

Record = Mapping[str, Any]
TRUTH_WINDOW_MS = 8_000  # a poll with its retry behind the fence takes no longer


def real_periods(stage: Stage) -> None:
    """Poll each 10 s as a real plant does, and not each 2 s for the eye: the line has free moments."""
    site = stage.folder / "etc" / "sitebox.toml"
    text = site.read_text().replace("\nevery_s = 2\n", "\nevery_s = 10\n")
    site.write_text(text.replace("after_s = 7\n", "after_s = 31\n"))


def local_blocks(stage: Stage) -> list[BlockData]:
    """All blocks of the box."""
    reader = JournalReader(stage.folder / "state" / "journal")
    blocks = list(reader.blocks())
    reader.close()
    return blocks


def records(stage: Stage) -> Iterator[Record]:
    """All sealed and all durable records of the box, oldest first."""
    reader = JournalReader(stage.folder / "state" / "journal")
    yield from reader.records()
    yield from reader.tail_records()
    reader.close()


def assert_platform_holds(stage: Stage, name: str, blocks: list[BlockData]) -> None:
    """Every block of the box, byte for byte, once; nothing else; and it verifies by itself."""
    query = Query(stage.folder / name / "state" / "receiver.db")
    held = list(query.blocks(plant.BOX, query.epoch(plant.BOX), 0, 2**40))
    (status,) = query.status()
    query.close()
    assert status["epochs"] == 1, status
    assert len(held) == len(blocks), f"{name}: {len(held)} of {len(blocks)} blocks"
    for n, block in enumerate(blocks):
        assert (held[n].note, held[n].body) == (block.note, block.body), f"{name}: block {n} is another"
    identity = VerifierKey.parse(stage.scenery.identity)
    report = verify(held, identity=identity)
    for verdict in (report.signatures, report.chain, report.completeness):
        assert verdict.status == "pass", (name, verdict)


class Truth:
    """What the simulated meters served, by meter and quantity, in the order of time."""

    def __init__(self, path: Path) -> None:
        self._served: dict[tuple[str, str], list[tuple[int, str]]] = defaultdict(list)
        self._replies: dict[str, list[int]] = defaultdict(list)
        with path.open() as lines:
            for line in lines:
                reply = json.loads(line)
                self._replies[reply["meter"]].append(reply["mono_ms"])
                for quantity, text in reply.get("primary", {}).items():
                    self._served[reply["meter"], quantity].append((reply["mono_ms"], text))

    def first_reply(self, meter: str, after_ms: int, until_ms: int) -> int | None:
        """When a meter first replied within (after, until], mono ms."""
        replies = self._replies[meter]
        index = bisect.bisect_right(replies, after_ms)
        return replies[index] if index < len(replies) and replies[index] <= until_ms else None

    def within(self, meter: str, quantity: str, mono_ms: int, span_ms: int) -> list[Decimal]:
        """The last value served until a moment (mono ms), unless it is too old to be that poll's, and those
        served in the ``span_ms`` before it: what a slow poll read before a fast one passed."""
        served = self._served[meter, quantity]
        index = bisect.bisect_right(served, (mono_ms, "\U0010ffff")) - 1
        if index < 0 or mono_ms - served[index][0] > TRUTH_WINDOW_MS:
            return []
        first = bisect.bisect_left(served, (mono_ms - span_ms, ""))
        return [Decimal(text) for _, text in served[min(first, index) : index + 1]]


def assert_readings_true(stage: Stage) -> int:
    """Every recorded value is the one its meter served last before, or while that slow poll went on; gives
    how many were compared."""
    truth = Truth(stage.folder / "truth.jsonl")
    compared = 0
    for record in records(stage):
        if record["k"] != "reading":
            continue
        for quantity, text in record["v"].items():
            span_ms = SLOW_SPAN_MS if record.get("s", "").startswith("s") else 0
            served = truth.within(record["m"], quantity, record["mono"], span_ms)
            assert served, f"record {record['i']}: {record['m']} never served {quantity}"
            assert Decimal(text) in served, f"record {record['i']}: {quantity} {text}, served {served}"
            compared += 1
    return compared


def longest_loss_ms(stage: Stage, kills: list[int]) -> int:
    """How far before a SIGKILL the oldest reply lies that no record accounts for; of all kills and meters.

    Counted from the boot record of the start that was killed: what a meter sends after a kill belongs to no
    start."""
    truth = Truth(stage.folder / "truth.jsonl")
    ends: dict[str, list[int]] = defaultdict(list)
    boots: list[int] = []
    for record in records(stage):
        if record["k"] == "boot":
            boots.append(record["mono"])
        elif record["k"] == "reading":  # a failed poll accounts for its replies too
            ends[record["m"]].append(record["mono"])
    lost = 0
    for kill in kills:
        start = max(boot for boot in boots if boot <= kill)
        for meter, recorded in ends.items():
            newest = max([start, *(mono for mono in recorded if mono <= kill)])
            first = truth.first_reply(meter, newest, kill)
            lost = max(lost, 0 if first is None else kill - first)
    return lost
