"""A disk in memory that remembers the order of everything done to it, and rebuilds what a power cut would
leave.

::

    disk = MemoryDisk()              the product runs on it; every call becomes a numbered step
    disk.mark("promised", ...)       the oracle's notes, at their place among the steps
    disk.after(k, Chance(rng, ...))  a new disk as it would be found if the power went before step k

Durable are a file's bytes at its last ``sync`` and a folder's names at its last ``sync_folder``; of the
rest each 512-byte sector and each name survives by chance. An SQLite COMMIT is one durable step of the
whole database (its own durability is tried with the real library elsewhere), but a database's name is a
name like any other.
"""

from __future__ import annotations

import errno
import random
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

SECTOR = 512
Names = Literal["none", "ext4", "posix", "all"]


@dataclass(frozen=True, slots=True)
class Step:
    """One thing done. ``what``: create, write, sync, rename, remove, folder, sync_folder, commit, mark."""

    what: str
    args: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Chance:
    """How unsynced things fare: ``keep`` is the probability of each sector; names survive as a prefix in
    their order (``ext4``) or each for itself (``posix``)."""

    rng: random.Random
    keep: float
    names: Names


class _File:
    def __init__(self, disk: MemoryDisk, number: int, path: Path) -> None:
        self._disk, self._number, self._path = disk, number, str(path)

    def size(self) -> int:
        return len(self._disk.data[self._number])

    def read_at(self, size: int, offset: int) -> bytes:
        return bytes(self._disk.data[self._number][offset : offset + size])

    def write_at(self, data: bytes, offset: int) -> None:
        self._disk.step("write", self._number, offset, bytes(data))

    def sync(self) -> None:
        self._disk.step("sync", self._number, self._path)

    def close(self) -> None:
        self._disk.locked.discard(self._number)


class MemoryDisk:
    """Implements buffer.fs.FileSystem. ``lies``: says of which steps nothing becomes durable."""

    def __init__(self, *, lies: Callable[[Step], bool] = lambda step: False) -> None:
        self.steps: list[Step] = []
        self.names_: dict[str, int] = {}
        self.modes: dict[str, int] = {}
        self.data: dict[int, bytearray] = {}
        self.locked: set[int] = set()
        self.failures: dict[int, OSError] = {}  # by step: instead of it ...
        self.late_failures: dict[int, OSError] = {}  # ... or after it was done all the same
        self.full = False  # no file may grow, no COMMIT finds room ...
        self.full_until_removed = ""  # ... as long as this file is there
        self._lies = lies
        self._count = 0

    # -- the file system

    def make_folder(self, path: Path, mode: int) -> None:
        if str(path) not in self.modes:
            self.step("folder", str(path), mode)

    def open(self, path: Path) -> _File:
        return _File(self, self._number(path), path)

    def read(self, path: Path, most: int) -> bytes:
        return bytes(self.data[self._number(path)][:most])

    def create(self, path: Path, mode: int) -> _File:
        self._count += 1
        number = self._count
        self.step("create", str(path), number, mode)
        return _File(self, number, path)

    def mode(self, path: Path) -> int:
        return self.modes[str(path)]

    def rename(self, old: Path, new: Path) -> None:
        self.step("rename", str(old), str(new), self._number(old))

    def remove(self, path: Path) -> None:
        self.step("remove", str(path), self._number(path))
        if str(path) == self.full_until_removed:
            self.full_until_removed = ""

    def names(self, folder: Path) -> tuple[str, ...]:
        return tuple(sorted(Path(name).name for name in self.names_ if Path(name).parent == folder))

    def sync_folder(self, folder: Path) -> None:
        self.step("sync_folder", str(folder))

    def free_bytes(self, folder: Path) -> int:
        return 0 if self.full or self.full_until_removed in self.names_ else 1 << 30

    def lock(self, path: Path) -> _File | None:
        if str(path) not in self.names_:
            self.create(path, 0o640)
        number = self._number(path)
        if number in self.locked:
            return None
        self.locked.add(number)
        return _File(self, number, path)

    def connect(self, path: Path) -> sqlite3.Connection:
        if str(path) not in self.names_:
            self.create(path, 0o640)
        number = self._number(path)
        db = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False, factory=_Database)
        if self.data[number]:
            db.deserialize(bytes(self.data[number]))
        db.disk, db.number = self, number
        return db

    # -- the log

    def mark(self, *args: Any) -> None:
        """A note of the oracle."""
        self.steps.append(Step("mark", args))

    def step(self, what: str, *args: Any) -> None:
        """Do a thing and note it, or fail as told by ``failures``."""
        at = len(self.steps)
        if at in self.failures:
            raise self.failures.pop(at)
        step = Step(what, args)
        full = self.full or self.full_until_removed in self.names_
        if full and self._grows(step):
            raise OSError(errno.ENOSPC, "No space left on device")
        _apply(step, self.names_, self.modes, self.data)
        self.steps.append(Step("lie", ()) if self._lies(step) else step)
        if at in self.late_failures:
            raise self.late_failures.pop(at)

    def after(self, k: int, chance: Chance) -> MemoryDisk:
        """What is found when the power went before step ``k``."""
        return _found(self.steps[:k], chance)

    def reboot(self) -> MemoryDisk:
        """What is found after a mere kill: all that was done."""
        return _found(self.steps, Chance(random.Random(0), 1.0, "all"))

    def _grows(self, step: Step) -> bool:
        if step.what == "write":
            return bool(step.args[1] + len(step.args[2]) > len(self.data[step.args[0]]))
        return step.what in ("create", "commit")

    def as_steps(self) -> list[Step]:
        """The steps that make this disk from nothing, all durable."""
        steps = [Step("folder", (path, mode)) for path, mode in self.modes.items() if path not in self.names_]
        for path, number in self.names_.items():
            steps.append(Step("create", (path, number, self.modes[path])))
            steps.append(Step("write", (number, 0, bytes(self.data[number]))))
            steps.append(Step("sync", (number, path)))
        folders = sorted({str(Path(path).parent) for path in self.names_})
        return steps + [Step("sync_folder", (folder,)) for folder in folders]

    def _number(self, path: Path) -> int:
        try:
            return self.names_[str(path)]
        except KeyError:
            raise FileNotFoundError(str(path)) from None


class _Database(sqlite3.Connection):
    """SQLite in memory; each COMMIT puts the whole database on the disk as one step."""

    disk: MemoryDisk
    number: int

    def __del__(self) -> None:
        self.close()  # a killed process closes nothing; Python would warn

    def execute(self, sql: str, *args: Any) -> sqlite3.Cursor:
        if sql.startswith("PRAGMA journal_mode"):
            return super().execute("SELECT 'wal'")
        if sql.startswith("PRAGMA wal_checkpoint"):
            return super().execute("SELECT 0, 0, 0")
        if sql != "COMMIT":
            return super().execute(sql, *args)
        try:
            done = super().execute(sql)
            self.disk.step("commit", self.number, self.serialize())
        except OSError as error:
            failed = sqlite3.OperationalError(f"disk I/O error: {error}")
            full = error.errno == errno.ENOSPC
            failed.sqlite_errorname = "SQLITE_FULL" if full else "SQLITE_IOERR_FSYNC"
            if self.disk.data[self.number]:  # what it holds in memory was rolled back
                self.deserialize(bytes(self.disk.data[self.number]))
            raise failed from error
        return done


def _apply(step: Step, names: dict[str, int], modes: dict[str, int], data: dict[int, bytearray]) -> None:
    match step.what, step.args:
        case "folder", (path, mode):
            modes[path] = mode
        case "create", (path, number, mode):
            names[path], modes[path], data[number] = number, mode, bytearray()
        case "write", (number, offset, new):
            _put(data[number], offset, new)
        case "commit", (number, new):
            data[number][:] = new
        case "rename", (old, new, number):
            names.pop(old, None)
            names[new], modes[new] = number, modes.get(old, 0o600)
        case "remove", (path, _):
            names.pop(path, None)


def _put(data: bytearray, offset: int, new: bytes) -> None:
    if len(data) < offset:
        data.extend(bytes(offset - len(data)))
    data[offset : offset + len(new)] = new


def _found(steps: Sequence[Step], chance: Chance) -> MemoryDisk:
    disk = MemoryDisk()
    content: dict[int, bytearray] = {}  # as the living saw it
    durable: dict[int, bytearray] = {}
    loose: dict[int, list[Step]] = {}
    names: list[Step] = []
    for step in steps:
        match step.what, step.args:
            case "create", (path, number, _):
                disk._count = max(disk._count, number)
                content[number], durable[number], loose[number] = bytearray(), bytearray(), []
                names.append(step)
            case (("write" | "truncate"), (number, *_)):
                _change(content[number], step)
                loose[number].append(step)
            case "sync", (number, _):
                durable[number], loose[number] = bytearray(content[number]), []
            case "commit", (number, new):
                content[number], durable[number], loose[number] = bytearray(new), bytearray(new), []
            case (("rename" | "remove"), _):
                names.append(step)
            case "folder", (path, mode):
                disk.modes[path] = mode
            case "sync_folder", (folder,):
                names = _settle(disk, names, folder)
    _survive(disk, names, chance)
    for number, steps_ in loose.items():
        for step in steps_:
            _tear(durable[number], step, chance)
    disk.data = {number: durable[number] for number in set(disk.names_.values())}
    disk.steps = disk.as_steps()
    return disk


def _settle(disk: MemoryDisk, names: list[Step], folder: str) -> list[Step]:
    rest = []
    for step in names:
        if str(Path(step.args[0]).parent) == folder:
            _apply(step, disk.names_, disk.modes, {})
        else:
            rest.append(step)
    return rest


def _survive(disk: MemoryDisk, names: list[Step], chance: Chance) -> None:
    kept: list[Step] = []
    if chance.names == "all":
        kept = names
    elif chance.names == "ext4":
        kept = names[: chance.rng.randint(0, len(names))]
    elif chance.names == "posix":
        kept = [step for step in names if chance.rng.random() < 0.5]
    for step in kept:
        _apply(step, disk.names_, disk.modes, {})


def _change(data: bytearray, step: Step) -> None:
    if step.what == "write":
        _put(data, step.args[1], step.args[2])
    elif step.args[1] < len(data):
        del data[step.args[1] :]
    else:
        data.extend(bytes(step.args[1] - len(data)))


def _tear(data: bytearray, step: Step, chance: Chance) -> None:
    if step.what == "truncate":
        if chance.keep == 1.0 or chance.rng.random() < chance.keep:
            _change(data, step)
        return
    _, offset, new = step.args
    for start in range(0, len(new), SECTOR):
        if chance.keep == 1.0 or chance.rng.random() < chance.keep:
            _put(data, offset + start, new[start : start + SECTOR])


@dataclass(frozen=True, slots=True)
class Standing:
    """The files that stand there before a recorded process begins: the steps that make them, their inodes."""

    steps: tuple[Step, ...] = ()
    numbers: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def under(cls, root: Path) -> Standing:
        """All files below a folder, durable as they are, without SQLite's shared memory."""
        steps: list[Step] = []
        numbers: dict[str, int] = {}
        files = [path for path in sorted(root.rglob("*")) if path.is_file() and path.suffix != ".db-shm"]
        for number, path in enumerate(files, 1):
            numbers[str(path.stat().st_ino)] = number
            steps.append(Step("create", (str(path), number, 0o600)))
            steps.append(Step("write", (number, 0, path.read_bytes())))
            steps.append(Step("sync", (number, str(path))))
        folders = sorted({str(path.parent) for path in files})
        return cls((*steps, *(Step("sync_folder", (folder,)) for folder in folders)), numbers)


def recorded(log: bytes, marks: str, before: Standing = Standing()) -> list[Step]:
    """The steps that ``tests/crash/recorder.c`` noted of a real process, behind those that made what stood
    there. Files of SQLite's shared memory are left out: they mean nothing after a cut. What was appended to
    the file ``marks`` are the oracle's notes."""
    steps, numbers = list(before.steps), dict(before.numbers)
    at = 0
    while at < len(log):
        end = log.index(b"\n", at)
        what, inode, offset, length, rest = log[at:end].decode().split(" ", 4)
        data = log[end + 1 : end + 1 + int(length)]
        at = end + 1 + int(length)
        path, _, second = rest.partition("\t")
        if path == marks:
            steps += [Step("mark", _mark(line)) for line in data.decode().splitlines()]
        elif not path.endswith("-shm"):
            if what == "create":
                numbers[inode] = len(numbers) + len(steps) + 1
            steps.append(_step(what, numbers.get(inode, 0), (path, second), int(offset), data))
    return steps


def _mark(line: str) -> tuple[Any, ...]:
    kind, key, value = line.split(" ")
    if kind == "rows":
        return kind, int(key), bytes.fromhex(value)
    return (kind, int(key), value) if kind == "blocks" else (kind, key, int(value))


def _step(what: str, number: int, paths: tuple[str, str], offset: int, data: bytes) -> Step:
    path, second = paths
    match what:
        case "create":
            return Step("create", (path, number, 0o600))
        case "write":
            return Step("write", (number, offset, data))
        case "truncate":
            return Step("truncate", (number, offset))
        case "sync":
            return Step("sync", (number, path))
        case "syncdir":
            return Step("sync_folder", (path,))
        case "rename":
            return Step("rename", (path, second, number))
    assert what == "unlink"
    return Step("remove", (path, number))


def left_by(steps: Sequence[Step], chance: Chance) -> dict[str, bytes]:
    """The files that are found when the power went after ``steps``."""
    disk = _found(steps, chance)
    return {path: bytes(disk.data[number]) for path, number in disk.names_.items()}
