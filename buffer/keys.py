"""The keys of a box: who it is (identity) and what it can forget (ratchet). Two small files in a folder of
0700.

::

    keys/ratchet     sitebox/key/v1 \\n name SB-1/r0 \\n seed <64 hex> \\n        written first
    keys/identity    sitebox/key/v1 \\n name SB-1    \\n seed <64 hex> \\n        written last: the box is
    born

Never makes a key where one was before: with an identity but no ratchet, or with a damaged file, it refuses.
Never shows a seed. A cloned card that never started makes its own keys.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from buffer.errors import KeyFault
from buffer.fs import DISK, FileSystem, read_whole, write_whole
from buffer.grammar import BOX, is_word
from buffer.note import Ed25519Signer, Signer

IDENTITY: Final = "identity"
RATCHET: Final = "ratchet"
IDENTITY_SIGNS: Final = ("sitebox/block/v1",)  # a key signs only the kinds it is registered for
RATCHET_SIGNS: Final = ("sitebox/block/v1", "sitebox/tail/v1")
_FORM: Final = re.compile(rb"sitebox/key/v1\nname ([!-*,-~]{1,64})\nseed ([0-9a-f]{64})\n")
_MOST: Final = 1024


@dataclass(frozen=True, slots=True)
class Keys:
    """``born``: the keys were made just now."""

    identity: Signer
    ratchet: Signer
    born: bool

    @classmethod
    def open(cls, folder: Path, box: str, fs: FileSystem = DISK) -> Keys:
        """The keys of ``box``, made on the first start.

        Raises KeyFault: SBX-KEY-001 others may read them, 002 damaged, 003 the ratchet is gone, 004 another
        box's.
        """
        if not is_word(BOX, box):
            raise ValueError(f"no box id: {box!r}")
        fs.make_folder(folder, 0o700)
        _check_mode(fs, folder)
        names = fs.names(folder)
        born = IDENTITY not in names
        if born:
            _create(fs, folder / RATCHET, f"{box}/r0")
            _create(fs, folder / IDENTITY, box)
        elif RATCHET not in names:
            raise KeyFault("SBX-KEY-003", path=folder / RATCHET)
        identity, ratchet = _load(fs, folder / IDENTITY), _load(fs, folder / RATCHET)
        if identity[0] != box or ratchet[0].partition("/")[0] != box:
            raise KeyFault("SBX-KEY-004", path=folder, box=box, found=identity[0])
        return cls(
            Ed25519Signer(*identity, kinds=IDENTITY_SIGNS), Ed25519Signer(*ratchet, kinds=RATCHET_SIGNS), born
        )


def _create(fs: FileSystem, path: Path, name: str) -> None:
    write_whole(fs, path, f"sitebox/key/v1\nname {name}\nseed {os.urandom(32).hex()}\n".encode(), 0o600)


def _load(fs: FileSystem, path: Path) -> tuple[str, bytes]:
    _check_mode(fs, path)
    found = _FORM.fullmatch(read_whole(fs, path, _MOST))
    if found is None:
        raise KeyFault("SBX-KEY-002", path=path)
    return found[1].decode(), bytes.fromhex(found[2].decode())


def _check_mode(fs: FileSystem, path: Path) -> None:
    mode = fs.mode(path)
    if mode & 0o077:
        raise KeyFault("SBX-KEY-001", path=path, mode=f"{mode:04o}")
