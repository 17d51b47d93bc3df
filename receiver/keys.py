"""The receiver's own key, made at its first start, and the verifier keys of the boxes it knows.

The seed lies in the state folder with mode 0600 and never leaves it; its verifier key goes into the
``platform_key`` of each box. A box is known by ``<box id>.vkey``, the line that ``sitebox key`` prints.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from buffer.errors import NoteError
from buffer.note import Ed25519Signer, VerifierKey
from buffer.receipt import KIND
from receiver.errors import ReceiverError

_SEED_BYTES: Final = 32
_MOST: Final = 1024  # bytes of a .vkey file
_CACHE: Final = 4096


def open_key(path: Path, authority: str) -> Ed25519Signer:
    """The signer of receipts; made now if there is none. ReceiverError SBX-RCV-004."""
    try:
        seed = _read(path) if path.exists() else _make(path)
    except OSError as error:
        raise ReceiverError("SBX-RCV-004", 78, path=path, reason=error.strerror) from error
    if len(seed) != _SEED_BYTES:
        raise ReceiverError("SBX-RCV-004", 78, path=path, reason=f"{len(seed)} bytes")
    return Ed25519Signer(authority, seed, (KIND,))


def _read(path: Path) -> bytes:
    mode = path.stat().st_mode & 0o777
    if mode & 0o077:
        raise ReceiverError("SBX-RCV-004", 78, path=path, reason=f"mode {mode:o}, not 600")
    return path.read_bytes()


def _make(path: Path) -> bytes:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    seed = os.urandom(_SEED_BYTES)
    new = path.with_suffix(".new")
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(seed)
        file.flush()
        os.fsync(file.fileno())
    os.link(new, path)  # fails where another start was faster, never replaces a key
    new.unlink()
    folder = os.open(path.parent, os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return seed


@dataclass(frozen=True, slots=True)
class _Entry:
    stamp: tuple[int, int, int]
    key: VerifierKey | None


class Registry:
    """The boxes we know; a new or changed file counts from the next message on."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._entries: dict[str, _Entry] = {}

    def key(self, box: str) -> VerifierKey | None:
        """The identity key of a box, None for one that is not registered. ``box`` has the form of an id."""
        path = self._folder / f"{box}.vkey"
        try:
            at = path.stat()
        except OSError:
            self._entries.pop(box, None)
            return None
        stamp = (at.st_mtime_ns, at.st_size, at.st_ino)
        entry = self._entries.get(box)
        if entry is None or entry.stamp != stamp:
            if len(self._entries) >= _CACHE:
                self._entries.clear()
            entry = self._entries[box] = _Entry(stamp, _parse(path, box))
        return entry.key


def _parse(path: Path, box: str) -> VerifierKey | None:
    """A file that holds no key of this box registers nothing."""
    try:
        with path.open("rb") as file:
            text = file.read(_MOST).decode("ascii").strip()
        key = VerifierKey.parse(text)
    except (OSError, UnicodeDecodeError, NoteError):
        return None
    return key if key.name == box else None
