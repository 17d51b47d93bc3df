"""The keys of a box: who it is (identity) and what it can forget (ratchet). Small files in a folder of 0700.

::

    keys/ratchet     sitebox/key/v1 \\n name SB-1/r0 \\n seed <64 hex> \\n        written first
    keys/identity    sitebox/key/v1 \\n name SB-1    \\n seed <64 hex> \\n        written last: the box is
    born

    a turn:  keys/next is durable --> a block names it and is durable --> ratchet is overwritten with zeros
             --> next is renamed to ratchet. Both seeds may be there, never none; after a cut the newest
             header says which of the two counts.

    identity-next, handover-0001 ...   a new identity, and the notes of every one: buffer.succession

    no ratchet that can be read, and no next: the identity is sound, so another ratchet is made, and the
    journal begins another epoch that says so

Never makes an identity where one was before: with a damaged one, or with anything that shows that there was
one, it refuses. Never shows a seed. A cloned card that never started makes its own keys. What flash memory
keeps of an overwritten seed is beyond any software.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from buffer.errors import KeyFault
from buffer.fs import DISK, FileSystem
from buffer.grammar import BOX, is_word
from buffer.handover import lineage, opened
from buffer.keyfile import (
    IDENTITY,
    IDENTITY_SIGNS,
    NEXT,
    RATCHET,
    RATCHET_SIGNS,
    check_mode,
    create,
    load,
    read,
    refuse_rebirth,
    replace_with,
    succession,
    wipe,
)
from buffer.note import Ed25519Signer, Signer, VerifierKey


@dataclass(frozen=True, slots=True)
class Keys:
    """``born``: the keys were made just now; ``remade``: the ratchet alone was, for the old one is lost.
    ``coming``: the next ratchet key, during a turn. ``heir``: the next identity, during a hand-over;
    ``notes``: of every hand-over that was decided, oldest first."""

    identity: Signer
    ratchet: Signer
    born: bool
    coming: Signer | None
    folder: Path
    fs: FileSystem
    heir: Signer | None = None
    notes: tuple[bytes, ...] = ()
    remade: bool = False

    @classmethod
    def open(cls, folder: Path, box: str, fs: FileSystem = DISK) -> Keys:
        """The keys of ``box``, made on the first start.

        Raises KeyFault: SBX-KEY-001 others may read them, 002 damaged, 003 the identity is gone, 004 another
        box's.
        """
        if not is_word(BOX, box):
            raise ValueError(f"no box id: {box!r}")
        fs.make_folder(folder, 0o700)
        check_mode(fs, folder)
        names = fs.names(folder)
        born = IDENTITY not in names
        if born:
            refuse_rebirth(folder, names)
            create(fs, folder / RATCHET, f"{box}/r0")
            create(fs, folder / IDENTITY, box)
        notes, heir = succession(fs, folder)
        coming, remade = (None, False) if born else _ratchet(fs, folder, box)
        identity, ratchet = load(fs, folder / IDENTITY), load(fs, folder / RATCHET)
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
            heir,
            notes,
            remade,
        )

    @property
    def told(self) -> tuple[bytes, ...]:
        """The notes of the hand-overs that a block names."""
        pending = self.heir is not None and self.heir.verifier != self.identity.verifier
        return self.notes[:-1] if pending else self.notes

    @property
    def identities(self) -> tuple[VerifierKey, ...]:
        """Every identity that this box has had, and the one that takes over; oldest first."""
        return lineage(self.identity.verifier, opened(self.notes))

    def hold(self, identity: VerifierKey, ratchet: VerifierKey) -> bool:
        """Whether the keys that sign the next block are here, be it those that are coming."""
        return self.settled(identity, ratchet) is not None

    def settled(self, identity: VerifierKey, ratchet: VerifierKey) -> Keys | None:
        """At a start: with the identity and the ratchet that must sign the next block; None if one of them is
        not here."""
        found = self
        if found.ratchet.verifier != ratchet:
            if found.coming is None or found.coming.verifier != ratchet:
                return None
            found = found.adopted()
        if found.identity.verifier != identity:
            if found.heir is None or found.heir.verifier != identity:
                return None
            found = replace(found, identity=found.heir)
        return found

    def prepared(self) -> Keys:
        """A turn begins: the next ratchet key is durable, and not used yet. OSError: nothing has changed."""
        before = self.cleaned()
        counter = int(before.ratchet.verifier.name.rpartition("/r")[2]) + 1
        name = f"{self.identity.verifier.name}/r{counter}"
        seed = create(self.fs, self.folder / NEXT, name)
        return replace(before, coming=Ed25519Signer(name, seed, kinds=RATCHET_SIGNS))

    def adopted(self) -> Keys:
        """A header that names the coming key is durable: it signs from now on. The old seed is there yet."""
        return self if self.coming is None else replace(self, ratchet=self.coming)

    def cleaned(self) -> Keys:
        """The seed of a key that signs no more is destroyed. OSError: it may still be there; try again."""
        if self.coming is None or self.coming.verifier != self.ratchet.verifier:
            return self
        if NEXT in self.fs.names(self.folder):
            wipe(self.fs, self.folder / RATCHET)
            replace_with(self.fs, self.folder / RATCHET, NEXT)
        else:  # renamed, and only its name was not known to be durable
            self.fs.sync_folder(self.folder)
        return replace(self, coming=None)


def shown(folder: Path, box: str, fs: FileSystem = DISK) -> VerifierKey:
    """The identity, for whoever only looks: what is there stays as it is. Made with the rest when the box has
    no keys yet. Raises KeyFault as `Keys.open`."""
    if IDENTITY not in fs.names(folder):
        return Keys.open(folder, box, fs).identity.verifier
    check_mode(fs, folder)
    name, seed = load(fs, folder / IDENTITY)
    if name != box:
        raise KeyFault("SBX-KEY-004", path=folder, box=box, found=name)
    return Ed25519Signer(name, seed).verifier


def _ratchet(fs: FileSystem, folder: Path, box: str) -> tuple[tuple[str, bytes] | None, bool]:
    """The ratchet key that is coming, if a turn did not end, and whether the present one had to be made
    anew. A cut after the old seed was overwritten puts the next one in its place."""
    coming = _coming(fs, folder)
    there = RATCHET in fs.names(folder)
    if there:
        check_mode(fs, folder / RATCHET)
    if there and read(fs, folder / RATCHET) is not None:
        return coming, False
    if coming is not None:
        replace_with(fs, folder / RATCHET, NEXT)
        return None, False
    load(fs, folder / IDENTITY)
    if there:
        wipe(fs, folder / RATCHET)  # most of the seed may be in it
    create(fs, folder / RATCHET, f"{box}/r0")
    return None, True


def _coming(fs: FileSystem, folder: Path) -> tuple[str, bytes] | None:
    """The ratchet key of a turn that did not end, if its file is whole."""
    if NEXT not in fs.names(folder):
        return None
    check_mode(fs, folder / NEXT)
    return read(fs, folder / NEXT)
