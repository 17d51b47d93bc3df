"""The file system in few calls, so that a test can stand in for the disk and lose what was not synced.

::

    read                         the bytes of a small file
    open, create --> File: read_at, write_at, sync (fdatasync), size, close
    rename, remove, sync_folder, make_folder, names, mode, free_bytes, lock, connect (SQLite)

Never retries and never hides an error: OSError goes up as it came. Bytes are durable after ``File.sync``;
a name (new, renamed, removed) only after ``sync_folder`` of its folder.
"""

from __future__ import annotations

import errno
import fcntl
import os
import sqlite3
import stat
import struct
from pathlib import Path
from typing import Final, Protocol

_FLOCK: Final = "hhqqi4x"  # struct flock of 64-bit Linux (fcntl(2)): type, whence, start, len, pid


class File(Protocol):
    """An open file."""

    def size(self) -> int:
        """Bytes."""

    def read_at(self, size: int, offset: int) -> bytes:
        """Up to ``size`` bytes; fewer only at the end."""

    def write_at(self, data: bytes, offset: int) -> None:
        """All of ``data`` or OSError; durable only after ``sync``."""

    def sync(self) -> None:
        """Let the written bytes reach the disk (fdatasync)."""

    def close(self) -> None:
        """Let go of it, and of its lock."""


class FileSystem(Protocol):
    """What the journal wants of a disk. Errors are OSError, and sqlite3.Error from a connection."""

    def make_folder(self, path: Path, mode: int) -> None:
        """Make it, and the folders above it, unless it is there; its name is durable on return."""

    def open(self, path: Path) -> File:
        """An existing file, for reading and writing."""

    def read(self, path: Path, most: int) -> bytes:
        """The bytes of an existing file, up to ``most``; works where nothing can be written."""

    def create(self, path: Path, mode: int) -> File:
        """A new, empty file; an older one of that name is gone first."""

    def mode(self, path: Path) -> int:
        """The permission bits of a file or folder."""

    def rename(self, old: Path, new: Path) -> None:
        """Atomically; an older ``new`` is gone."""

    def remove(self, path: Path) -> None:
        """Remove a file."""

    def names(self, folder: Path) -> tuple[str, ...]:
        """The names in a folder, sorted; none when there is no folder."""

    def sync_folder(self, folder: Path) -> None:
        """Make the names in a folder durable."""

    def free_bytes(self, folder: Path) -> int:
        """Room left on its file system, for a process without privileges."""

    def lock(self, path: Path) -> File | None:
        """The one writer's lock, held until closed; None when somebody holds it."""

    def connect(self, path: Path) -> sqlite3.Connection:
        """A connection that writes, in autocommit mode."""


class DiskFile:
    """A file descriptor."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def size(self) -> int:
        return os.fstat(self._fd).st_size

    def read_at(self, size: int, offset: int) -> bytes:
        return os.pread(self._fd, size, offset)

    def write_at(self, data: bytes, offset: int) -> None:
        rest = memoryview(data)
        while rest:
            written = os.pwrite(self._fd, rest, offset)
            if written == 0:
                raise OSError(errno.EIO, "nothing was written")
            rest, offset = rest[written:], offset + written

    def sync(self) -> None:
        os.fdatasync(self._fd)

    def close(self) -> None:
        os.close(self._fd)


class Disk:
    """The real file system."""

    def make_folder(self, path: Path, mode: int) -> None:
        if path.is_dir():
            return
        self.make_folder(path.parent, 0o755)
        path.mkdir(mode)
        self.sync_folder(path.parent)

    def open(self, path: Path) -> File:
        return DiskFile(os.open(path, os.O_RDWR | os.O_CLOEXEC))

    def read(self, path: Path, most: int) -> bytes:
        with path.open("rb") as file:
            return file.read(most)

    def create(self, path: Path, mode: int) -> File:
        path.unlink(missing_ok=True)
        return DiskFile(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode))

    def mode(self, path: Path) -> int:
        return stat.S_IMODE(os.stat(path).st_mode)

    def rename(self, old: Path, new: Path) -> None:
        os.rename(old, new)

    def remove(self, path: Path) -> None:
        os.unlink(path)

    def names(self, folder: Path) -> tuple[str, ...]:
        try:
            return tuple(sorted(os.listdir(folder)))
        except FileNotFoundError:
            return ()

    def sync_folder(self, folder: Path) -> None:
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def free_bytes(self, folder: Path) -> int:
        found = os.statvfs(folder)
        return found.f_bavail * found.f_frsize

    def lock(self, path: Path) -> File | None:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            fcntl.fcntl(fd, fcntl.F_OFD_SETLK, struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0))
        except BlockingIOError:
            os.close(fd)
            return None
        except OSError:
            os.close(fd)
            raise
        return DiskFile(fd)

    def connect(self, path: Path) -> sqlite3.Connection:
        return sqlite3.connect(path, isolation_level=None, check_same_thread=False)


DISK: Final = Disk()


def is_locked(path: Path) -> bool:
    """Whether a writer holds the lock; asks without taking it, so a reader never makes a start fail.

    The lock is of the open file description (F_OFD_SETLK): other descriptors of one process may come and go.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        ask = struct.pack(_FLOCK, fcntl.F_RDLCK, os.SEEK_SET, 0, 0, 0)
        answer = fcntl.fcntl(fd, fcntl.F_OFD_GETLK, ask)
    finally:
        os.close(fd)
    return bool(struct.unpack(_FLOCK, answer)[0] != fcntl.F_UNLCK)


def write_whole(fs: FileSystem, path: Path, data: bytes, mode: int) -> None:
    """Put ``data`` under ``path``: after a power cut the name holds all of the old or all of the new
    bytes."""
    new = path.with_name(path.name + ".new")
    file = fs.create(new, mode)
    try:
        file.write_at(data, 0)
        file.sync()
    finally:
        file.close()
    fs.rename(new, path)
    fs.sync_folder(path.parent)
