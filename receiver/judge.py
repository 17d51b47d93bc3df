"""Is this block authentic, whole, and the next one? Pure judgement; stores nothing.

::

    open_block    message -> note + body -> identity signature -> header of this box -> digest of the body
    follow        ratchet signature, prev of the block before
    flaws         record numbers, sums, counters: told, not refused

What is authentic is evidence even when its content is odd, so only a broken signature, digest or chain
refuses.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from buffer.block import Header, count, decode_header, hash_text
from buffer.errors import FormatError, NoteError, RowError, UnknownVersion
from buffer.note import Note, VerifierKey, decode
from buffer.rows import decode_body
from buffer.verify.sequence import falls
from buffer.wire import unpack_block
from receiver.errors import RefusedError


@dataclass(frozen=True, slots=True)
class Sound:
    """A block of a box, signed by its identity and whole. ``packed`` is the zlib stream as it came."""

    header: Header
    hash: str
    raw: bytes
    note: Note
    packed: bytes | None
    records: tuple[Mapping[str, Any], ...]
    odd_rows: str  # why the records cannot be read, or ""
    signer: VerifierKey  # which of the box's identities

    @property
    def due(self) -> VerifierKey:
        """The identity that must sign the block behind this one."""
        return self.header.identity or self.signer

    @property
    def alarms(self) -> Iterator[Mapping[str, Any]]:
        """Its alarm records that have the fields of one."""
        for record in self.records:
            if record.get("k") == "alarm" and all(
                isinstance(record.get(name), kind) for name, kind in _ALARM.items()
            ):
                yield record


_ALARM = {"id": str, "rule": str, "state": str, "level": str, "code": str, "i": int, "t": int}


def open_block(message: bytes, box: str, identities: Sequence[VerifierKey]) -> Sound:
    """A block message of ``box``. RefusedError: SBX-RCV-020 newer edition, -011 not in its form, -012 of
    another box, -013 not signed by an identity of the box, -016 body and header do not belong together."""
    try:
        raw, body = unpack_block(message)
        note = decode(raw)
        signer = _by_identity(note, identities)
        header = decode_header(note.text)
    except UnknownVersion as error:
        raise RefusedError("SBX-RCV-020", box=box, reason=error) from error
    except FormatError as error:
        raise RefusedError("SBX-RCV-011", box=box, reason=error) from error
    if header.box != box:
        raise RefusedError("SBX-RCV-012", box=box, found=header.box)
    if signer is None or (header.n == 0 and header.identity != signer):
        raise RefusedError("SBX-RCV-013", box=box, n=header.n)
    if body is not None and (len(body) != header.body_bytes or hash_text(body) != header.body_hash):
        raise RefusedError("SBX-RCV-016", box=box, n=header.n)
    records, odd = _records(body or b"")
    packed = None if body is None else message[len(raw) :]
    return Sound(header, hash_text(note.text), raw, note, packed, records, odd, signer)


def follow(
    sound: Sound, before: Header | None, before_hash: str, due: VerifierKey | None = None
) -> str | None:
    """Why the block cannot stand behind ``before`` (None: it is a genesis and stands first); None: it can.
    ``due``: the identity that must have signed it."""
    header = sound.header
    if due is not None and sound.signer != due:
        return f"signed by {sound.signer}, not by {due}"
    key = header.next_key if before is None else before.next_key
    if before is not None and header.prev != before_hash:
        return f"prev is not the hash of {before.n}"
    try:
        if len(sound.note.signatures) != 2 or not sound.note.signed_by((key,)):
            return f"not signed by {key.name}"
    except NoteError as error:
        return str(error)
    return None


def flaws(sound: Sound, before: Header | None) -> tuple[str, ...]:
    """What is odd in a block that stands in its place."""
    header = sound.header
    found = list(falls(before, header)) if before is not None else []
    if before is not None and header.first != before.last + 1:
        found.append(f"records {header.first} behind {before.last}")
    if sound.odd_rows:
        found.append(sound.odd_rows)
    elif sound.packed is not None:
        found += _miscount(sound, before)
    return tuple(found)


def _miscount(sound: Sound, before: Header | None) -> Iterator[str]:
    header = sound.header
    numbers = [record.get("i") for record in sound.records]
    if numbers != list(range(header.first, header.last + 1)):
        yield "record numbers do not run on"
    if before is not None:
        try:
            if count(sound.records, before.sums) != header.sums:
                yield "sums are not those of the records"
        except RowError as error:
            yield str(error)


def _by_identity(note: Note, identities: Sequence[VerifierKey]) -> VerifierKey | None:
    try:
        return next(iter(note.signed_by(identities)), None)
    except NoteError:
        return None


def _records(body: bytes) -> tuple[tuple[Mapping[str, Any], ...], str]:
    try:
        return tuple(decode_body(body)), ""
    except RowError as error:
        return (), str(error)
