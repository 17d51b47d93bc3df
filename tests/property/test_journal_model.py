"""The journal against a list: whatever is done to it in whatever order, through cuts, kills, failures and
restarts, what was promised is there, once, in order and unchanged."""

from __future__ import annotations

import random

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from buffer.errors import ReceiptRefused, StorageError
from buffer.journal import Retention
from buffer.receipt import Receipt
from tests.support.life import BOX, Box, Promises, judge
from tests.support.powercut import Chance, MemoryDisk, Names


class JournalMachine(RuleBasedStateMachine):
    """The model is ``Promises``: rows that a commit promised, hashes of blocks that were sealed."""

    def __init__(self) -> None:
        super().__init__()
        self.disk = MemoryDisk()
        self.boot = 1
        self.slot = 0
        self.promised = Promises()

    @initialize()
    def born(self) -> None:
        self.box = Box(self.disk, self.boot)

    @rule(count=st.integers(1, 12), frames=st.integers(0, 4))
    def append(self, count: int, frames: int) -> None:
        for _ in range(count):
            self.slot += 1
            self.box.read(self.slot, frames)

    @rule(length=st.integers(0, 7000))
    def append_long(self, length: int) -> None:
        rng = random.Random(length)
        self.box.append("meter-event", {"text": "".join(rng.choices("0123456789abcdef", k=length))})

    @rule()
    def commit(self) -> None:
        self.box.commit()
        assert self.box.journal.pending_since_ms is None

    @rule()
    def seal(self) -> None:
        self.box.seal()

    @rule(behind=st.integers(0, 3))
    def receipt(self, behind: int) -> None:
        head, at = self.box.journal.head, self.box.journal.cursors().get("city")
        n = max(0, head.n - behind)
        info = self.box.journal._store.info(n)
        assert info is not None
        receipt = Receipt("city", BOX, head.epoch, n, info.hash, (), (), (), 1_795_000_000_000 + self.boot)
        try:
            moved = self.box.journal.advance("city", receipt, b"note", self.box.now(1))
        except ReceiptRefused:
            assert at is not None
            assert n < at.n
        else:
            assert moved == (at is None or n > at.n)

    @rule(days=st.integers(0, 3))
    def prune(self, days: int) -> None:
        self.box.prune(Retention(keep_days=days, raw_days=days, max_bytes=1 << 40))
        cursor = self.box.journal._store.cursors().get("city")
        floor = self.box.journal._store.floor("body")
        assert floor <= (cursor.n if cursor else -1) + 1 or floor == 1

    @rule()
    def stop_and_start(self) -> None:
        self.box.close()
        self._again(self.disk.reboot())

    @rule()
    def kill(self) -> None:
        self._again(self.disk.reboot())

    @rule(
        keep=st.sampled_from((0.0, 0.5, 1.0)),
        names=st.sampled_from(("none", "ext4", "posix")),
        seed=st.integers(),
    )
    def power_cut(self, keep: float, names: Names, seed: int) -> None:
        chance = Chance(random.Random(seed), keep, names)
        self._again(self.disk.after(len(self.disk.steps), chance))

    @rule(steps=st.integers(0, 3), what=st.sampled_from(("commit", "seal")))
    def failure(self, steps: int, what: str) -> None:
        self.slot += 1
        self.box.read(self.slot)
        self.disk.failures = {len(self.disk.steps) + steps: OSError(5, "I/O error")}
        try:
            getattr(self.box, what)()
        except StorageError:
            self.disk.failures = {}
            try:
                self.box.read(0)
            except StorageError:
                pass
            else:
                raise AssertionError("a journal that failed takes records")
            self._again(self.disk.reboot())
        self.disk.failures = {}

    @invariant()
    def numbers_rise(self) -> None:
        if hasattr(self, "box"):
            assert self.box.journal.head.last_i < self.box.journal._next

    @precondition(lambda self: self.boot % 5 == 4)
    @rule()
    def look(self) -> None:
        self._learn()
        assert judge(self.disk.reboot(), self.promised, self.boot + 1) is None

    def teardown(self) -> None:
        if hasattr(self, "box"):
            self._learn()
            assert judge(self.disk.reboot(), self.promised, self.boot + 1) is None

    def _again(self, disk: MemoryDisk) -> None:
        self._learn()
        self.disk = disk
        self.boot += 1
        self.box = Box(disk, self.boot)

    def _learn(self) -> None:
        new = Promises.until(self.disk.steps)
        self.promised.rows.update(new.rows)
        self.promised.blocks.update(new.blocks)


JournalMachine.TestCase.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
TestJournal = JournalMachine.TestCase
