"""What a platform has and this store lost is put back, byte for byte, as far as our own hashes allow.

::

    evidence file of the platform --> fitting: same header hash as ours, body and frames of that header
      --> the recorder: Caretaker.put_back, and a record that says which blocks were given back

A header's hash is kept beside it, so even a rotten header is known again; but the hash is of its text alone:
a header takes the place of ours only if ours is not signed as it must be, and it is. What retention let go of
stays gone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from buffer.block import decode_header, hash_text
from buffer.errors import FormatError, NoteError
from buffer.header import Header
from buffer.note import VerifierKey, decode
from buffer.reader import JournalReader
from buffer.verify import BlockData


def fitting(
    reader: JournalReader, given: Iterable[BlockData], identities: Sequence[VerifierKey]
) -> Iterator[BlockData]:
    """Those of ``given`` that are ours and give something back, each with the header that is to stand."""
    last = reader.head().n
    for block in given:
        header = sound(block)
        if header is None or header.n > last:
            continue
        (info,) = reader.infos(header.n, header.n) or (None,)
        if info is None or info.hash != hash_text(decode(block.note).text):
            continue
        (ours,) = reader.blocks(header.n, header.n)
        signers = identities, _ratchet(reader, header)
        note = next((one for one in (ours.note, block.note) if _signed(one, block.note, *signers)), None)
        lacks = ours.note != note or (not ours.body and header.body_bytes and block.body is not None)
        if note is not None and lacks:
            yield replace(block, note=note)


def _ratchet(reader: JournalReader, header: Header) -> VerifierKey | None:
    """The ratchet key that must have signed a header; None where the header before cannot say it."""
    if header.n == 0:
        return header.next_key
    (before,) = reader.blocks(header.n - 1, header.n - 1)
    try:
        return decode_header(decode(before.note).text).next_key
    except FormatError:
        return None


def _signed(raw: bytes, like: bytes, identities: Sequence[VerifierKey], ratchet: VerifierKey | None) -> bool:
    """Whether a note with the text of ``like`` has both the signatures that it needs."""
    try:
        note = decode(raw)
        if note.text != decode(like).text or not note.signed_by(identities):
            return False
        return ratchet is None or bool(note.signed_by((ratchet,)))
    except NoteError:
        return False


def sound(block: BlockData) -> Header | None:
    """The header of a block whose parts belong together, None for any other. Says nothing of signatures."""
    try:
        header = decode_header(decode(block.note).text)
    except FormatError:
        return None
    if block.body is not None and hash_text(block.body) != header.body_hash:
        return None
    if block.raw is not None and hash_text(block.raw) != header.raw_hash:
        return None
    return header
