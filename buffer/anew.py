"""A history that cannot go on: an authority has signed for a block that this journal lacks, or for another in
its place.

::

    receipt, signed: n is ahead of our head         the card was restored, or lost what it had promised
                     n is here with another hash    a clone wrote as well: two histories
      --> journal/superseded (the receipt itself)
      --> next start: a new epoch; the old files stay beside it, and the receipt with them

    keys/begun is there, and no store      somebody emptied the journal: a new epoch at once, and it says so

No number is signed a second time, and nothing is overwritten: the old history stays as ``journal.db.bad-*``,
and the receipt that ended it as ``superseded-*``. An authority that claims this over and over stops its own
uplink: after `MOST` times nothing more is begun.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from buffer.errors import FormatError
from buffer.fs import FileSystem, write_whole
from buffer.instant import Instant
from buffer.keyfile import BEGUN
from buffer.keys import Keys
from buffer.note import MAX_NOTE, decode
from buffer.receipt import Receipt, decode_receipt

NAME: Final = "superseded"
MOST: Final = 16  # of one box's life
AHEAD, OTHER = "restored-or-lost", "two histories"
EMPTIED: Final[Mapping[str, Any]] = MappingProxyType(
    {"what": "records", "count": 0, "reason": "store missing"}
)


def begun(keys: Keys) -> bool:
    """Whether these keys have signed a journal: then one that is not there was taken away."""
    return BEGUN in keys.fs.names(keys.folder)


def begin(keys: Keys) -> str:
    """The journal is born: remembered beside the keys. Gives why that cannot be written, or "": it stops
    nothing and is tried again at the next start."""
    if begun(keys):
        return ""
    try:
        write_whole(keys.fs, keys.folder / BEGUN, b"sitebox/begun/v1\n", 0o600)
    except OSError as error:
        return str(error)
    return ""


class Ending:
    """How a running journal is told of its end; it goes on until it is opened again."""

    def __init__(self, fs: FileSystem, folder: Path) -> None:
        self._fs = fs
        self._folder = folder

    def mark(self, note: bytes) -> bool:
        """Keep the signed receipt that ends this history, durably; False: it has happened too often. OSError:
        it is not kept; the authority says it again."""
        if len([name for name in self._fs.names(self._folder) if name.startswith(NAME)]) >= MOST:
            return False
        write_whole(self._fs, self._folder / NAME, note, 0o640)
        return True


def marked(fs: FileSystem, folder: Path) -> Receipt | None:
    """The receipt that ended a history, until it is settled."""
    if NAME not in fs.names(folder):
        return None
    try:
        return decode_receipt(decode(fs.read(folder / NAME, MAX_NOTE)).text)
    except FormatError:
        return None


def settle(fs: FileSystem, folder: Path, now: Instant) -> None:
    """The new history is born: the receipt becomes part of what is kept of the old one."""
    fs.rename(folder / NAME, folder / f"{NAME}-{now.utc_ms}")
    fs.sync_folder(folder)


def loss(receipt: Receipt, head_n: int, count: int) -> Mapping[str, Any]:
    """What the new history says of the old one."""
    return {
        "what": "records",
        "count": count,
        "reason": AHEAD if receipt.stored_n > head_n else OTHER,
        "by": receipt.by,
        "epoch": receipt.epoch,
        "n": receipt.stored_n,
        "hash": receipt.stored_hash,
    }
