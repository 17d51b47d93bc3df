"""A megabyte kept free for the day the card is full: without room to write, nothing could be let go of
either.

A file of zeros beside the store. Given up when letting go of old bodies finds no room, made again afterwards.
Its loss harms nothing; it never holds data.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

from buffer.errors import StoreFull, WriteFailed
from buffer.fs import FileSystem

NAME: Final = "reserve"
BYTES: Final = 1024 * 1024
T = TypeVar("T")


def keep(fs: FileSystem, folder: Path) -> bool:
    """Make it unless it is there; False when there is no room for it now. Raises WriteFailed for anything
    else."""
    path = folder / NAME
    if NAME in fs.names(folder):
        return True
    try:
        file = fs.create(path, 0o640)
        try:
            file.write_at(bytes(BYTES), 0)
            file.sync()
        finally:
            file.close()
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise WriteFailed("SBX-JNL-002", path=path, reason=error) from error
        give_up(fs, folder)
        return False
    return True


def give_up(fs: FileSystem, folder: Path) -> bool:
    """Free its room; False when it was not there."""
    if NAME not in fs.names(folder):
        return False
    fs.remove(folder / NAME)
    return True


def with_room(fs: FileSystem, folder: Path, work: Callable[[], T]) -> T:
    """What ``work`` gives; on a full card once more, without the reserve. Raises StoreFull where even that
    does not help."""
    try:
        return work()
    except StoreFull:
        if not give_up(fs, folder):
            raise
    return work()
