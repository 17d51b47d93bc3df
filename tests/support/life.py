"""A short life of a journal on a given disk, with an oracle that notes every promise, and the judge of what
is found afterwards. The oracle stands outside the product: it believes only what calls returned."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tinydb import Query

from buffer.block import decode_header, hash_text
from buffer.errors import JournalError, KeyFault
from buffer.fs import FileSystem
from buffer.instant import Instant
from buffer.journal import Journal, Retention
from buffer.keys import Keys
from buffer.logbook import Logbook
from buffer.note import decode
from buffer.receipt import Receipt
from buffer.rows import decode_body, encode_row
from buffer.shelf import Shelf
from buffer.verify import BlockData, verify

ROOT = Path("/box")
BOX = "SB-TEST-1"
CFG = "c0ffee00" * 8
UTC0 = 1_795_000_000_000
HOUR_MS = 3_600_000


@dataclass(slots=True)
class Promises:
    """What the product said: rows that a returned ``commit`` made durable, hashes of blocks that were
    shown, cursors that were moved, pages of the logbook that were written (as of which block)."""

    rows: dict[int, bytes] = field(default_factory=dict)
    blocks: dict[int, str] = field(default_factory=dict)
    cursors: dict[str, int] = field(default_factory=dict)
    pages: dict[str, int] = field(default_factory=dict)

    @classmethod
    def until(cls, steps: list[Any]) -> Promises:
        """Those among the marks of some steps."""
        found = cls()
        for step in steps:
            if step.what == "mark":
                kind, key, value = step.args
                getattr(found, kind)[key] = value
        return found

    def add(self, more: Promises) -> None:
        """Later promises stand for earlier ones of the same thing."""
        for name in ("rows", "blocks", "cursors", "pages"):
            getattr(self, name).update(getattr(more, name))

    def text(self) -> str:
        """As ``tests.crash.writer`` prints them."""
        lines = [f"rows {i} {row.hex()}" for i, row in self.rows.items()]
        for name in ("blocks", "cursors", "pages"):
            lines += [f"{name} {key} {value}" for key, value in getattr(self, name).items()]
        return "".join(f"{line}\n" for line in lines)


class Box:
    """One start of a box: keys, journal, a clock that only moves when told."""

    def __init__(self, disk: FileSystem, boot: int, root: Path = ROOT, cfg: str = CFG) -> None:
        self.disk = disk
        self._mark = getattr(disk, "mark", lambda *_: None)
        self._ms = 0
        self.slot = 0
        self._boot = boot
        self._waiting: dict[int, bytes] = {}
        self.said: set[str] = {""}  # what it said of its keys
        self.logbook = Logbook(root / "logbook", fs=disk)
        self.keys = Keys.open(root / "keys", BOX, disk)
        self.journal = Journal.open(
            root / "journal", box=BOX, keys=self.keys, soft="1.2.3 abcdef0", cfg=cfg, now=self.now(), fs=disk
        )

    def now(self, step_ms: int = 0) -> Instant:
        """The clock, moved on first."""
        self._ms += step_ms
        return Instant(
            UTC0 + self._boot * 86_400_000 + self._ms, 5_000 + self._ms, "S", self._boot, f"boot-{self._boot}"
        )

    def append(
        self, kind: str, fields: Mapping[str, Any], raw: tuple[tuple[int, str, bytes], ...] = ()
    ) -> int:
        """A record; promised by the next ``commit``."""
        now = self.now(10)
        i = self.journal.append(kind, fields, now, raw)
        own = {"boot": now.boot, "i": i, "k": kind, "mono": now.mono_ms, "q": now.letter, "t": now.utc_ms}
        self._waiting[i] = encode_row({**fields, **own})
        return i

    def read(self, slot: int, frames: int = 1) -> int:
        """A reading with ``frames`` bus frames of 200 bytes behind it."""
        raw = tuple((self._ms + at, ">" if at % 2 == 0 else "<", bytes(200)) for at in range(frames))
        fields = {
            "m": "kiln",
            "s": f"f{slot}",
            "src": "live",
            "v": {"p": f"{slot}.50"},
            "x": {"u_c": "missing"},
        }
        return self.append("reading", fields, raw)

    def commit(self) -> None:
        """All that waits, promised when it returns."""
        self.journal.commit(self.now(1))
        for i, row in self._waiting.items():
            self._mark("rows", i, row)
        self._waiting.clear()

    def seal(self) -> None:
        """A block, promised when it returns."""
        self.commit()
        head = self.journal.seal(self.now(1))
        self.said.add(self.journal.ratchet.fault)
        self._mark("blocks", head.n, head.hash)

    def receipt(self, uplink: str) -> None:
        """The authority behind ``uplink`` has stored everything."""
        head = self.journal.head
        receipt = Receipt("city", BOX, head.epoch, head.n, head.hash, (), (), (), UTC0 + self._ms)
        assert self.journal.advance(uplink, receipt, b"note", self.now(1))
        self.seal()
        self._mark("cursors", uplink, head.n)

    def rotate(self) -> None:
        """Another identity, handed over to with a block. A key file that cannot be written stops nothing."""
        try:
            self.journal.ratchet.decide(self.journal.head, self.now(1))
        except KeyFault as fault:
            self.said.add(fault.code)
        self.seal()

    def latch(self) -> None:
        """A page of the logbook as of the head, promised when it returns."""
        n = self.journal.head.n
        self.logbook.table("alarms").upsert({"name": "up", "n": n, "alarms": []}, Query().name == "up")
        self._mark("pages", "alarms", n)

    def prune(self, keep: Retention) -> None:
        """Let go of what was stored elsewhere."""
        self.journal.prune(self.now(1), keep, ("city",))

    def journal_records(self) -> list[Mapping[str, Any]]:
        """All sealed records that have a body."""
        bodies = [block.body for block in blocks_of(self.journal._store)]
        return [record for body in bodies if body is not None for record in decode_body(body)]

    def close(self) -> None:
        """Clean stop."""
        self.commit()
        self.journal.close(self.now(1))


def live(disk: FileSystem, root: Path = ROOT, make: type[Box] = Box) -> set[str]:
    """A short life: birth, commits of one and of many pages, seals, a turn of the hour (and so of the
    ratchet), a receipt, pages of the logbook, a clean stop, a second start with another configuration,
    a hand-over to another identity, retention, and no clean end. Gives what it said of keys that could not
    turn."""
    box = first = make(disk, 1, root)
    for slot in range(3):
        box.read(slot)
        box.commit()
    box.seal()
    for slot in range(3, 15):
        box.read(slot, frames=3)
    box.commit()
    box.append("alarm", {"id": "a", "state": "raised"})
    box.seal()
    box.latch()
    box.now(HOUR_MS)
    box.read(15)
    box.seal()
    box.receipt("city")
    box.latch()
    box.close()
    box = make(disk, 2, root, cfg="dead0000" * 8)
    box.read(0)
    box.commit()
    box.read(1)
    box.seal()
    box.rotate()
    box.prune(Retention(keep_days=0, raw_days=0, max_bytes=1 << 40))
    for slot in range(2, 5):
        box.read(slot)
        box.commit()
    return (first.said | box.said) - {""}


def wander(disk: FileSystem, root: Path, boot: int, rng: random.Random) -> None:
    """A random stretch of life, some of them with a clean end."""
    box = Box(disk, boot, root)
    for _ in range(rng.randint(2, 12)):
        for _ in range(rng.randint(1, 4)):
            box.read(box.slot, frames=rng.randint(0, 4))
            box.slot += 1
        done = rng.random()
        if done < 0.5:
            box.commit()
        elif done < 0.75:
            box.seal()
        elif done < 0.85:
            box.seal()
            box.receipt(rng.choice(("city", "county")))
            box.latch()
        elif done < 0.90:
            box.now(HOUR_MS)
        elif done < 0.94:
            box.rotate()
        else:
            box.prune(Retention(keep_days=0, raw_days=0, max_bytes=1 << 40))
    if rng.random() < 0.3:
        box.close()


def judge(disk: FileSystem, promised: Promises, boot: int = 9, root: Path = ROOT) -> str | None:
    """Start on what is left, go on a little, stop; the first broken promise in words, None when all were
    kept."""
    box = Box(disk, boot, root)
    box.read(0)
    box.seal()
    stored = {name: cursor.n for name, cursor in box.journal.cursors().items()}
    shelf = box.journal._store
    wrong = _judge(shelf, promised) or _judge_cursors(stored, promised) or _judge_pages(box.logbook, promised)
    wrong = wrong or _judge_receipts(shelf, stored) or _judge_losses(box)
    keys = box.journal.ratchet.stamp.keys
    if wrong is None:  # by the identity of the acceptance sheet, however often it has handed over
        report = verify(blocks_of(shelf), identity=keys.identities[0], handovers=keys.told)
        # this start is boot ``boot``, whatever came before it
        known = ("body missing", "boot skipped")
        if report.exit_code() not in (0, 1) or any(f.kind not in known for f in report.findings):
            wrong = f"verifier: {report.findings}"
    box.close()
    return wrong


def _judge_cursors(stored: Mapping[str, int], promised: Promises) -> str | None:
    for name, n in promised.cursors.items():
        if stored.get(name, -1) < n:
            return f"cursor of {name} went back to {stored.get(name)} from {n}"
    return None


def _judge_receipts(shelf: Shelf, stored: Mapping[str, int]) -> str | None:
    """A cursor stands on a receipt that is in the chain."""
    bodies = [block.body for block in blocks_of(shelf)]
    if None in bodies[1:]:
        return None  # the record may have been let go of
    records = [record for body in bodies if body for record in decode_body(body)]
    chained = {(r["uplink"], r["n"]) for r in records if r["k"] == "receipt"}
    for name, n in stored.items():
        if (name, n) not in chained:
            return f"cursor of {name} stands at {n} without a receipt in the chain"
    return None


def _judge_losses(box: Box) -> str | None:
    """A cut puts nothing older in the place of a file."""
    losses = [record["reason"] for record in box.journal_records() if record["k"] == "loss"]
    return "an honest tail was called an older copy" if "tail behind the store" in losses else None


def _judge_pages(logbook: Logbook, promised: Promises) -> str | None:
    for name, n in promised.pages.items():
        page = logbook.table(name).get(Query().name == "up")
        if not isinstance(page, dict) or page["n"] < n:
            return f"page {name} of the logbook was promised as of block {n}, found {page!r}"
    return f"the logbook was broken: {logbook.broken()}" if logbook.broken() else None


def _judge(shelf: Shelf, promised: Promises) -> str | None:
    found: dict[int, bytes] = {}
    gone: set[int] = set()
    for block in blocks_of(shelf):
        n = _number(block)
        digest = hash_text(decode(block.note).text)
        if promised.blocks.get(n, digest) != digest:
            return f"block {n} has two contents"
        if block.body is None:
            info = shelf.info(n)
            assert info is not None
            gone |= set(range(info.first, info.last + 1))
            continue
        for record in decode_body(block.body):
            if record["i"] in found:
                return f"record {record['i']} stands twice"
            found[record["i"]] = encode_row(record)
    for n in promised.blocks:
        if shelf.info(n) is None:
            return f"block {n} is lost"
    for i, row in promised.rows.items():
        if i not in gone and found.get(i) != row:
            return f"record {i} was promised {row!r}, found {found.get(i)!r}"
    if sorted(found.keys() | gone) != list(range(1, max(found) + 1)):
        return "record numbers have a hole"
    return None


def blocks_of(shelf: Shelf, skip: bool = False) -> list[BlockData]:
    """All blocks; ``skip``: without those that cannot be read at all."""
    blocks = []
    for n in range(shelf.last() + 1):
        try:
            block = shelf.block(n)
        except JournalError:
            if not skip:
                raise
            continue
        if block is not None:
            blocks.append(block)
    return blocks


def _number(block: BlockData) -> int:
    return decode_header(decode(block.note).text).n
