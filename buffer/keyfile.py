"""The files in a box's folder of keys: seeds with their names, and the hand-over notes beside them.

::

    sitebox/key/v1 \\n name SB-1/r0 \\n seed <64 hex> \\n

Written whole or not at all; readable by the owner alone. Never shows a seed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection
from pathlib import Path
from typing import Final

from buffer.errors import HandoverError, KeyFault, UnknownVersion
from buffer.fs import FileSystem, write_whole
from buffer.handover import MOST, open_handover
from buffer.note import MAX_NOTE, Ed25519Signer

IDENTITY: Final = "identity"
HEIR: Final = "identity-next"
RATCHET: Final = "ratchet"
NEXT: Final = "next"
HANDOVER: Final = "handover-{:04}"
BEGUN: Final = "begun"  # these keys have signed a journal
# The kinds that a key is registered for. Commands: those that somebody at the box gives by hand.
IDENTITY_SIGNS: Final = ("sitebox/block/v1", "sitebox/handover/v1", "sitebox/command/v1")
RATCHET_SIGNS: Final = ("sitebox/block/v1", "sitebox/tail/v1")
_FORM: Final = re.compile(rb"sitebox/key/v1\nname ([!-*,-~]{1,64})\nseed ([0-9a-f]{64})\n")
_MOST: Final = 1024


def create(fs: FileSystem, path: Path, name: str) -> bytes:
    """A new seed, durable under ``path``. OSError: nothing has changed."""
    seed = os.urandom(32)
    write_whole(fs, path, f"sitebox/key/v1\nname {name}\nseed {seed.hex()}\n".encode(), 0o600)
    return seed


def wipe(fs: FileSystem, path: Path) -> None:
    """Zeros over a seed, durably. What flash memory keeps is beyond this."""
    file = fs.open(path)
    try:
        file.write_at(bytes(file.size()), 0)
        file.sync()
    finally:
        file.close()


def replace_with(fs: FileSystem, path: Path, successor: str) -> None:
    """The file named ``successor`` takes the place of ``path``, durably."""
    fs.rename(path.with_name(successor), path)
    fs.sync_folder(path.parent)


def read(fs: FileSystem, path: Path) -> tuple[str, bytes] | None:
    """Name and seed; None for a file that is not of this form."""
    found = _FORM.fullmatch(fs.read(path, _MOST))
    return None if found is None else (found[1].decode(), bytes.fromhex(found[2].decode()))


def load(fs: FileSystem, path: Path) -> tuple[str, bytes]:
    """Name and seed. KeyFault: SBX-KEY-001 others may read it, 002 damaged."""
    check_mode(fs, path)
    found = read(fs, path)
    if found is None:
        raise KeyFault("SBX-KEY-002", path=path)
    return found


def refuse_rebirth(folder: Path, names: Collection[str]) -> None:
    """Without an identity: KeyFault SBX-KEY-003 where anything shows that there was one."""
    if any(name in (BEGUN, NEXT, HEIR) or name.startswith(HANDOVER[:9]) for name in names):
        raise KeyFault("SBX-KEY-003", path=folder / IDENTITY)


def check_mode(fs: FileSystem, path: Path) -> None:
    """KeyFault SBX-KEY-001 where anybody but the owner has rights."""
    mode = fs.mode(path)
    if mode & 0o077:
        raise KeyFault("SBX-KEY-001", path=path, mode=f"{mode:04o}")


def succession(fs: FileSystem, folder: Path) -> tuple[tuple[bytes, ...], Ed25519Signer | None]:
    """At an opening: the notes of every hand-over that was decided, oldest first, and the identity that takes
    over, where the last one has not ended. After a cut behind the end of the old seed it takes its place.

    A seed without its note, or a note without its seed, is of a hand-over that was never decided. KeyFault
    SBX-KEY-002 for a note that does not hold.
    """
    names = set(fs.names(folder))
    files = [HANDOVER.format(number) for number in range(1, MOST + 1)]
    signed = tuple(fs.read(folder / name, MAX_NOTE) for name in files if name in names)
    try:
        said = [open_handover(one) for one in signed]
    except (HandoverError, UnknownVersion) as error:
        raise KeyFault("SBX-KEY-002", path=folder) from error
    if not said:
        return (), None
    found = read(fs, folder / HEIR) if HEIR in names else None
    heir = None if found is None else Ed25519Signer(*found, kinds=IDENTITY_SIGNS)
    if heir is not None and heir.verifier == said[-1].new:
        check_mode(fs, folder / HEIR)
        if read(fs, folder / IDENTITY) is not None:
            return signed, heir
        replace_with(fs, folder / IDENTITY, HEIR)
    now = read(fs, folder / IDENTITY)
    decided = now is not None and Ed25519Signer(*now).verifier == said[-1].new
    return (signed if decided else signed[:-1]), None
