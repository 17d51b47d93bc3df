"""The campaigns on real files with the real SQLite, for the tests and, longer, for ``./run soak``.

::

    every_call   one call of a short life goes wrong: killed before or after it, torn, failing, short, lying
    power_cuts   a random stretch of life, a power cut at a random moment, and life goes on from what is left
    kills        SIGKILL of a process of its own at random moments; the journal goes on from round to round

All give the broken promises in words, with all that is needed to see one again.
"""

from __future__ import annotations

import random
import select
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from buffer.fs import DISK
from tests.support import children
from tests.support.life import Promises, judge
from tests.support.powercut import Chance, Names, Standing, left_by, recorded
from tests.support.warm import Warm

EIO, ENOSPC, EROFS = 5, 28, 30
# Cuts after which a chain begins anew: the judge reads all of it each time.
CHAIN: Final = 12
SURVIVORS: Final[tuple[tuple[float, Names], ...]] = (
    (0.0, "none"),
    (1.0, "all"),
    (0.5, "ext4"),
    (0.5, "posix"),
    (0.1, "ext4"),
    (0.9, "posix"),
)


@dataclass(frozen=True, slots=True)
class Fault:
    """One way in which calls go wrong; ``count`` 0: from call k on for ever. See ``faults.c``."""

    name: str
    how: str
    count: int = 1
    error: int = 0
    writes: bool = False  # only writes are counted
    syncs: bool = False  # only syncs are


FAULTS: Final = {
    fault.name: fault
    for fault in (
        Fault("killed-before", "b"),
        Fault("killed-after", "a"),
        Fault("torn-and-killed", "t", writes=True),
        Fault("eio-once", "e", 1, EIO),
        Fault("eio-for-ever", "e", 0, EIO),
        Fault("full-once", "e", 1, ENOSPC),
        Fault("full-for-ever", "e", 0, ENOSPC),
        Fault("read-only", "e", 0, EROFS),
        Fault("done-but-failed", "l", 1, EIO),
        Fault("short", "s", 1, writes=True),
        Fault("sync-fails-once", "e", 1, EIO, syncs=True),
        Fault("sync-fails-for-ever", "e", 0, EIO, syncs=True),
        Fault("sync-lies", "i", 0, syncs=True),
    )
}
# How a life may end whose fault was no kill: it went on, or stopped with the code of the journal. The logbook
# and the first files give the system's own error to their owner.
_SAID: Final = ("finished", "SBX-JNL-", "SBX-KEY-", "system ")


def calls(warm: Warm, fault: Fault) -> int:
    """How many calls of a whole life the fault can meet."""
    how = "s" if fault.writes else "i" if fault.syncs else "c"
    seen = warm.ask({"do": "live", "how": how, "k": 1 << 40, "count": 1, "error": 0})
    assert seen["end"] == "finished", seen
    return int(seen["calls"])


def every_call(warm: Warm, fault: Fault, at: Iterable[int]) -> Iterator[str]:
    """The broken promises, one life for each k in ``at``."""
    for k in at:
        how = fault.how.upper() if fault.syncs and fault.how == "e" else fault.how
        seen = warm.ask({"do": "live", "how": how, "k": k, "count": fault.count, "error": fault.error})
        killed = fault.how in "bat"
        if killed and seen["end"] != "killed":
            yield f"{fault.name} {k}: was not killed: {seen}"
        elif not killed and not seen["end"].startswith(_SAID):
            yield f"{fault.name} {k}: {seen['end']}"
        elif seen["wrong"] is not None:
            yield f"{fault.name} {k}: {seen['wrong']}"


def power_cuts(warm: Warm, folder: Path, seed: int, cuts: int) -> Iterator[str]:
    """Broken promises over ``cuts`` power cuts; ``folder`` is the one of ``warm``."""
    for number in range(cuts):
        if number % CHAIN == 0:
            chain = _Chain(warm, folder)
        yield from chain.cut(f"{seed} {number}", number % CHAIN + 1)


def kills(folder: Path, seed: int, rounds: int) -> Iterator[tuple[int, str | None]]:
    """For each round: the promises heard in it, and the first that is broken after it."""
    rng = random.Random(seed)
    promised = Promises()
    for boot in range(1, rounds + 1):
        child = children.start("-m", "tests.crash.writer", str(folder / "live"), str(boot))
        assert child.stdout is not None
        first, _, _ = select.select([child.stdout], [], [], 30)
        assert first, "the writer never promised anything"
        select.select([], [], [], rng.uniform(0.0, 0.4))
        child.kill()
        output, errors = child.communicate()
        assert child.returncode == -9, errors
        seen = children.take(promised, output)
        copy = folder / "copy"
        shutil.copytree(folder / "live", copy)
        wrong = judge(DISK, promised, boot + 1, root=copy)
        shutil.rmtree(copy)
        yield seen, None if wrong is None else f"seed {seed}, round {boot}: {wrong}"


class _Chain:
    """One box, from birth through cuts."""

    def __init__(self, warm: Warm, folder: Path) -> None:
        self._warm, self._box, self._log, self._marks = warm, folder / "box", folder / "log", folder / "marks"
        self._promised = Promises()
        shutil.rmtree(self._box, ignore_errors=True)
        self._folders()

    def _folders(self) -> None:
        for name in ("keys", "journal", "logbook"):
            (self._box / name).mkdir(parents=True, mode=0o700)

    def cut(self, seed: str, boot: int) -> Iterator[str]:
        """A stretch of life, its cut, and the judgement of what is left; the box goes on from there."""
        rng = random.Random(seed)
        before = Standing.under(self._box)
        asked = {"do": "wander", "seed": seed, "boot": boot, "log": str(self._log)}
        end = self._warm.ask(asked)["end"]
        if end != "finished":
            yield f"seed {seed}: the life before the cut ended with {end}"
            return
        steps = recorded(self._log.read_bytes(), str(self._box / "marks"), before)
        k = rng.randint(len(before.steps), len(steps))
        keep, names = rng.choice(SURVIVORS)
        self._promised.add(Promises.until(steps[:k]))
        left = left_by(steps[:k], Chance(rng, keep, names))
        self._restore(left)
        self._marks.write_text(self._promised.text())
        wrong = self._warm.ask({"do": "judge", "boot": boot + 100, "marks": str(self._marks)})["wrong"]
        if wrong is not None:
            yield f"seed {seed}, cut before step {k} of {len(steps)}, kept {keep}, names {names}: {wrong}"
        self._restore(left)

    def _restore(self, files: dict[str, bytes]) -> None:
        shutil.rmtree(self._box)
        self._folders()
        for path, data in files.items():
            Path(path).write_bytes(data)
            Path(path).chmod(0o600)
