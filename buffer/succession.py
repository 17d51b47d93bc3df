"""How a box takes a new identity: in which order, so that a cut leaves the old or the new one, never none.

::

    prepare   identity-next is durable     handover-0001, signed by both, is durable: now it is decided
              a header names the new identity, the record beside it holds the note         COMMIT
    finish    it signs; the old seed is overwritten with zeros, identity-next becomes identity

Until the note is durable nothing has happened: a seed without a note counts for nothing. From then on the
hand-over goes forward, at whatever start. The old seed is destroyed last, as an old ratchet's is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from buffer import note
from buffer.errors import KeyFault
from buffer.fs import write_whole
from buffer.handover import MOST, Handover, encode_handover
from buffer.head import Head
from buffer.instant import Instant
from buffer.keyfile import HANDOVER, HEIR, IDENTITY, IDENTITY_SIGNS, create, replace_with, wipe
from buffer.keys import Keys
from buffer.note import Ed25519Signer


def prepared(keys: Keys, head: Head, now: Instant) -> Keys:
    """A new identity and its note are durable. OSError: it is not decided, or only the next start knows.
    KeyFault: SBX-KEY-007 one is under way, 008 too many."""
    if keys.heir is not None:
        raise KeyFault("SBX-KEY-007", path=keys.folder)
    if len(keys.notes) >= MOST:
        raise KeyFault("SBX-KEY-008", path=keys.folder, most=MOST)
    fs, old = keys.fs, keys.identity
    path = keys.folder / HANDOVER.format(len(keys.notes) + 1)
    if path.name in fs.names(keys.folder):  # of one that was never decided: its seed is about to be replaced
        fs.remove(path)
        fs.sync_folder(keys.folder)
    box = old.verifier.name
    new = Ed25519Signer(box, create(fs, keys.folder / HEIR, box), kinds=IDENTITY_SIGNS)
    said = Handover(box, old.verifier, new.verifier, head.epoch, head.n, head.hash, now.utc_ms, now.letter)
    signed = note.encode(encode_handover(said), (old, new))
    write_whole(fs, path, signed, 0o640)
    return replace(keys, heir=new, notes=(*keys.notes, signed))


def record(keys: Keys) -> tuple[str, Mapping[str, Any]]:
    """What the block says that names the heir."""
    assert keys.heir is not None
    return "key", {"op": "identity", "vkey": str(keys.heir.verifier), "note": keys.notes[-1].decode()}


def publish(keys: Keys, folder: Path) -> None:
    """The notes that blocks name, beside the journal, where whoever may read that finds them. OSError."""
    there = set(keys.fs.names(folder))
    for number, signed in enumerate(keys.told, 1):
        name = HANDOVER.format(number)
        if name not in there:
            write_whole(keys.fs, folder / name, signed, 0o640)


def adopted(keys: Keys) -> Keys:
    """A header that names the heir is durable: it signs from now on. The old seed is there yet."""
    return keys if keys.heir is None else replace(keys, identity=keys.heir)


def cleaned(keys: Keys) -> Keys:
    """The seed of an identity that signs no more is destroyed. OSError: it may still be there; try again."""
    if keys.heir is None or keys.heir.verifier != keys.identity.verifier:
        return keys
    if HEIR in keys.fs.names(keys.folder):
        wipe(keys.fs, keys.folder / IDENTITY)
        replace_with(keys.fs, keys.folder / IDENTITY, HEIR)
    else:  # renamed, and only its name was not known to be durable
        keys.fs.sync_folder(keys.folder)
    return replace(keys, heir=None)
