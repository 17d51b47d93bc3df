"""The keys of a box: who it is (identity) and what it can forget (ratchet). Small files in a folder of 0700.

::

    keys/ratchet     sitebox/key/v1 \\n name SB-1/r0 \\n seed <64 hex> \\n        written first
    keys/identity    sitebox/key/v1 \\n name SB-1    \\n seed <64 hex> \\n        written last: the box is
    born

    a turn:  keys/next is durable --> a block names it and is durable --> ratchet is overwritten with zeros
             --> next is renamed to ratchet. Both seeds may be there, never none; after a cut the newest
             header says which of the two counts.

Never makes a key where one was before: with an identity but no ratchet, or with a damaged file, it refuses.
Never shows a seed. A cloned card that never started makes its own keys. What flash memory keeps of an
overwritten seed is beyond any software.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from buffer.errors import KeyFault
from buffer.fs import DISK, FileSystem, read_whole, write_whole
from buffer.grammar import BOX, is_word
from buffer.note import Ed25519Signer, Signer, VerifierKey

IDENTITY: Final = "identity"
RATCHET: Final = "ratchet"
NEXT: Final = "next"
# A key signs only the kinds it is registered for. Commands: those that somebody at the box gives by hand.
IDENTITY_SIGNS: Final = ("sitebox/block/v1", "sitebox/command/v1")
RATCHET_SIGNS: Final = ("sitebox/block/v1", "sitebox/tail/v1")
_FORM: Final = re.compile(rb"sitebox/key/v1\nname ([!-*,-~]{1,64})\nseed ([0-9a-f]{64})\n")
_MOST: Final = 1024


@dataclass(frozen=True, slots=True)
class Keys:
    """``born``: the keys were made just now. ``coming``: the next ratchet key, during a turn."""

    identity: Signer
    ratchet: Signer
    born: bool
    coming: Signer | None
    folder: Path
    fs: FileSystem

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
        coming = None if born else _coming(fs, folder)
        if coming is not None and _read(fs, folder / RATCHET) is None:
            _rename(fs, folder)  # a cut after the old seed was overwritten
            coming = None
        identity, ratchet = _load(fs, folder / IDENTITY), _load(fs, folder / RATCHET)
        found = (identity, ratchet) if coming is None else (identity, ratchet, coming)
        for name, _ in found:
            if name.partition("/")[0] != box or (name == box) != (name == identity[0]):
                raise KeyFault("SBX-KEY-004", path=folder, box=box, found=name)
        return cls(
            Ed25519Signer(*identity, kinds=IDENTITY_SIGNS),
            Ed25519Signer(*ratchet, kinds=RATCHET_SIGNS),
            born,
            None if coming is None else Ed25519Signer(*coming, kinds=RATCHET_SIGNS),
            folder,
            fs,
        )

    def hold(self, named: VerifierKey) -> bool:
        """Whether this ratchet key, or the one that is coming, is the named one."""
        return self.settled(named) is not None

    def settled(self, named: VerifierKey) -> Keys | None:
        """At a start: the keys with the ratchet that the newest header names; None if it is neither of the
        two."""
        if self.ratchet.verifier == named:
            return self
        if self.coming is None or self.coming.verifier != named:
            return None
        return self.adopted()

    def prepared(self) -> Keys:
        """A turn begins: the next ratchet key is durable, and not used yet. OSError: nothing has changed."""
        before = self.cleaned()
        counter = int(before.ratchet.verifier.name.rpartition("/r")[2]) + 1
        name = f"{self.identity.verifier.name}/r{counter}"
        seed = _create(self.fs, self.folder / NEXT, name)
        return replace(before, coming=Ed25519Signer(name, seed, kinds=RATCHET_SIGNS))

    def adopted(self) -> Keys:
        """A header that names the coming key is durable: it signs from now on. The old seed is there yet."""
        return self if self.coming is None else replace(self, ratchet=self.coming)

    def cleaned(self) -> Keys:
        """The seed of a key that signs no more is destroyed. OSError: it may still be there; try again."""
        if self.coming is None or self.coming.verifier != self.ratchet.verifier:
            return self
        if NEXT in self.fs.names(self.folder):
            _wipe(self.fs, self.folder / RATCHET)
            _rename(self.fs, self.folder)
        else:  # renamed, and only its name was not known to be durable
            self.fs.sync_folder(self.folder)
        return replace(self, coming=None)


def _create(fs: FileSystem, path: Path, name: str) -> bytes:
    seed = os.urandom(32)
    write_whole(fs, path, f"sitebox/key/v1\nname {name}\nseed {seed.hex()}\n".encode(), 0o600)
    return seed


def _wipe(fs: FileSystem, path: Path) -> None:
    file = fs.open(path)
    try:
        file.write_at(bytes(file.size()), 0)
        file.sync()
    finally:
        file.close()


def _rename(fs: FileSystem, folder: Path) -> None:
    fs.rename(folder / NEXT, folder / RATCHET)
    fs.sync_folder(folder)


def _coming(fs: FileSystem, folder: Path) -> tuple[str, bytes] | None:
    """The key of a turn that did not end, if its file is whole."""
    if NEXT not in fs.names(folder):
        return None
    _check_mode(fs, folder / NEXT)
    return _read(fs, folder / NEXT)


def _read(fs: FileSystem, path: Path) -> tuple[str, bytes] | None:
    """Name and seed; None for a file that is not of this form."""
    found = _FORM.fullmatch(read_whole(fs, path, _MOST))
    return None if found is None else (found[1].decode(), bytes.fromhex(found[2].decode()))


def _load(fs: FileSystem, path: Path) -> tuple[str, bytes]:
    _check_mode(fs, path)
    found = _read(fs, path)
    if found is None:
        raise KeyFault("SBX-KEY-002", path=path)
    return found


def _check_mode(fs: FileSystem, path: Path) -> None:
    mode = fs.mode(path)
    if mode & 0o077:
        raise KeyFault("SBX-KEY-001", path=path, mode=f"{mode:04o}")
