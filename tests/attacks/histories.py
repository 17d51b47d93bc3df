"""Honest histories with crashes: random lives of a box on a disk that a kill, a power cut, a failing write or
a full card ends, and a start on what is left. Whatever happened, both verifiers must say "authentic".

::

    a life: polls, failures, losses, alarms, configurations, hours, receipts, retention, commits, seals
    its end: a clean stop, a kill, a power cut before any step, a write that fails
    the next life: counted as the product counts starts, on what is left

The only wrong that may be found is ``body missing``: retention lets go of what a platform has stored. A
history follows from its seed alone, but for the keys and the epoch.
"""

from __future__ import annotations

import contextlib
import errno
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from buffer import note
from buffer.errors import KeyFault, StorageError, StoreFull
from buffer.journal import Retention
from buffer.note import Ed25519Signer, VerifierKey
from buffer.reader import last_boot
from buffer.receipt import Receipt, encode_receipt
from buffer.verify import BlockData, Wrong, verify
from tests.attacks.honest import AUTHORITIES, Plant
from tests.support.alone import Told, alone, evidence_file
from tests.support.journals import CITY, COUNTY
from tests.support.life import BOX, CFG, HOUR_MS, ROOT, UTC0, blocks_of
from tests.support.powercut import Chance, MemoryDisk, Names

LIVES = 4
WHOLE = 20  # one history in so many has each of its signatures checked by openssl, the others as --quick does
EXCUSED = {Wrong.BODY_MISSING}
SURVIVORS: tuple[tuple[float, Names], ...] = (
    *((0.0, "none"), (1.0, "all"), (0.5, "ext4"), (0.5, "posix"), (0.1, "ext4"), (0.9, "posix")),
)
KEEP = Retention(keep_days=0, raw_days=0, max_bytes=1 << 40)


@dataclass(frozen=True, slots=True)
class History:
    """What an officer is given at the end, and how it came about."""

    blocks: list[BlockData]
    receipts: list[bytes]
    identity: VerifierKey
    ends: str
    handovers: tuple[bytes, ...] = ()


class Restless(Plant):
    """A box that does something at random, again and again."""

    rng: random.Random
    owed: int = 0  # readings that a full card did not take, not yet in a loss record

    def energy(self) -> str:
        return f"{(self.now().utc_ms - UTC0) // 100}.0"

    def some(self) -> None:
        """One of the things that happen; a full card refuses some of them."""
        rng = self.rng
        weights = {
            self._polls: 10,
            self.commit: 4,
            self.seal: 6,
            self._alarm: 2,
            self._receipt: 3,
            self._configure: 1,
            self._hour: 1,
            self._step: 1,
            self._prune: 1,
            self.stored_profile: 1,
            self._fill: 1,
            self._hand_over: 1,
        }
        what: Callable[[], None] = rng.choices(list(weights), list(weights.values()))[0]
        try:
            what()
        except StoreFull:
            self._waiting.clear()

    def _polls(self) -> None:
        for _ in range(self.rng.randint(1, 4)):
            skip = self.rng.choice((0, 0, 0, 0, 0, 1, 3))
            if skip + self.owed:
                count = 2 * skip + self.owed
                self.append("loss", {"what": "readings", "count": count, "reason": "queue full"})
                self.owed = 0
            try:
                self.poll(failed=self.rng.random() < 0.2, skip=skip)
            except StoreFull:
                self.owed += 2

    def _alarm(self) -> None:
        self.append("alarm", {"id": "a", "state": self.rng.choice(("raised", "cleared")), "since_i": 1})

    def _receipt(self) -> None:
        """Of the head, or of an earlier block that the platform has: signed, and handed to the journal."""
        self.seal()
        by: Ed25519Signer = self.rng.choice((CITY, COUNTY))
        head, name = self.journal.head, by.verifier.name
        n = max(0, head.n - self.rng.choice((0, 0, 1, 3)))
        info = self.journal._store.info(n)
        known = self.journal.cursors().get(name)
        if info is None or (known is not None and n <= known.n):
            return
        made = Receipt(name, BOX, head.epoch, n, info.hash, (), (), (), self.now(50).utc_ms)
        raw = note.encode(encode_receipt(made), (by,))
        assert isinstance(self.disk, MemoryDisk)
        self.disk.mark("heard", name, raw)
        self.journal.advance(name, made, raw, self.now(5))

    def _configure(self) -> None:
        self.journal.set_cfg(self.rng.choice((CFG, "dead0000" * 8, "beef0000" * 8)), self.now(10))

    def _hour(self) -> None:
        """An hour of polls that all failed, so that no slot is without an end."""
        self.now(HOUR_MS // 4)
        self.poll()

    def _step(self) -> None:
        self.append("step", {"delta_ms": self.rng.randint(-5000, 5000)})

    def _prune(self) -> None:
        self.prune(KEEP)

    def _hand_over(self) -> None:
        """A new identity is decided on; some seal will hand over to it."""
        if not self.journal.ratchet.decided:
            with contextlib.suppress(KeyFault):
                self.journal.ratchet.decide(self.journal.head, self.now(5))

    def _fill(self) -> None:
        """The card is full for a while, or has room again."""
        assert isinstance(self.disk, MemoryDisk)
        self.disk.full = not self.disk.full


def history(seed: str, folder: Path) -> History:
    """Some lives of one box, and the start that an officer asks for at the end."""
    rng = random.Random(seed)
    disk, ends = MemoryDisk(), []
    heard: dict[str, bytes] = {}
    for _ in range(rng.randint(1, LIVES)):
        begun = len(disk.steps)
        end = _life(disk, rng, _next_boot(disk, folder))
        disk, k = _after(disk, rng, begun, end)
        heard.update(k)
        ends.append(end)
    box = Restless(disk, _next_boot(disk, folder))
    box.ring = {}
    box.polls(2)
    blocks = blocks_of(box.journal._store)
    box.close()
    keys = box.journal.ratchet.stamp.keys
    known = rng.choice(
        [key for key in keys.identities if not box.journal.ratchet.decided or key != keys.identities[-1]]
    )
    return History(blocks, [heard[name] for name in sorted(heard)], known, " ".join(ends), keys.told)


def _life(disk: MemoryDisk, rng: random.Random, boot: int) -> str:
    """A stretch of life; how it ended."""
    if rng.random() < 0.3:
        failing = rng.choice((disk.failures, disk.late_failures))
        failing[len(disk.steps) + rng.randint(1, 150)] = OSError(errno.EIO, "Input/output error")
    try:
        box = Restless(disk, boot, cfg=rng.choice((CFG, CFG, "dead0000" * 8)))
        box.rng, box.ring = rng, {}
        for _ in range(rng.randint(1, 25)):
            box.some()
        disk.full = False
        if rng.random() < 0.25:
            box.close()
            return "stop"
    except (StorageError, OSError):
        return "failure"
    finally:
        disk.full = False
        disk.failures.clear()
        disk.late_failures.clear()
    return rng.choice(("kill", "cut", "cut", "cut"))


def _after(
    disk: MemoryDisk, rng: random.Random, begun: int, end: str
) -> tuple[MemoryDisk, Mapping[str, bytes]]:
    """What is found afterwards, and the receipts that platforms had given until then."""
    k = len(disk.steps)
    chance = Chance(rng, 1.0, "all")
    if end in ("cut", "failure"):
        k = rng.randint(begun, k) if end == "cut" else k
        chance = Chance(rng, *rng.choice(SURVIVORS))
    heard = {s.args[1]: s.args[2] for s in disk.steps[:k] if s.what == "mark" and s.args[0] == "heard"}
    return disk.after(k, chance), heard


def _next_boot(disk: MemoryDisk, folder: Path) -> int:
    """As the daemon counts starts: from the files that are there."""
    for name in ("journal.db", "tail"):
        path = folder / name
        path.unlink(missing_ok=True)
        number = disk.names_.get(str(ROOT / "journal" / name))
        if number is not None:
            path.write_bytes(disk.data[number])
    return last_boot(folder) + 1


def judged(one: History, folder: Path, *, quick: bool) -> tuple[str | None, Told]:
    """What is wrong with an honest history, None for nothing, and what the second verifier said."""
    path = evidence_file(folder / "e.zip", one.blocks, one.identity, one.receipts, one.handovers)
    keys = {key.name: key for key in AUTHORITIES}
    pairs = [(raw, keys[raw.split(b"\n")[1].decode()[3:]]) for raw in one.receipts]
    report = verify(one.blocks, identity=one.identity, receipts=pairs, handovers=one.handovers)
    told = alone(path, one.identity, AUTHORITIES, quick=quick)
    kinds = {finding.kind for finding in report.findings}
    wrong = None
    if report.exit_code() not in (0, 1) or not kinds <= EXCUSED:
        wrong = f"first verifier: {report.findings}"
    elif (told.exit, set(told.kinds)) != (report.exit_code(), kinds):
        wrong = f"second verifier: {told}"
    elif report.signatures.status != "pass" or told.verdicts["authentic"] != "pass":
        wrong = f"not authentic: {report.signatures} {told}"
    return wrong, told


def false_alarms(seed: int, count: int, folder: Path) -> Iterator[tuple[History, str | None]]:
    """Each history, and what was wrongly said of it."""
    for number in range(count):
        one = history(f"{seed} {number}", folder)
        wrong, _ = judged(one, folder, quick=number % WHOLE != 0)
        yield one, None if wrong is None else f"seed {seed} {number}, {one.ends}: {wrong}"
