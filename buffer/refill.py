"""What a platform has and this store lost is put back, byte for byte, as far as our own hashes allow.

::

    evidence file of the platform --> fitting: same header hash as ours, body and frames of that header
      --> the recorder: Caretaker.put_back, and a record that says which blocks were given back

A header's hash is kept beside it, so even a rotten header is known again. What retention let go of stays
gone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from buffer.block import decode_header, hash_text
from buffer.errors import FormatError, StoreDamaged
from buffer.header import Header
from buffer.note import decode
from buffer.reader import JournalReader
from buffer.verify import BlockData


def fitting(reader: JournalReader, given: Iterable[BlockData]) -> Iterator[BlockData]:
    """Those of ``given`` that are ours and give something back."""
    last = reader.head().n
    for block in given:
        header = sound(block)
        if header is None or header.n > last:
            continue
        (info,) = reader.infos(header.n, header.n) or (None,)
        if info is None or info.hash != hash_text(decode(block.note).text):
            continue
        try:
            ours = reader.block(header.n)
        except (FormatError, StoreDamaged):
            ours = None
        if ours is None or ours.note != block.note or (ours.body is None and block.body is not None):
            yield block


def sound(block: BlockData) -> Header | None:
    """The header of a block whose parts belong together, None for any other. Says nothing of signatures: the
    hash that we kept is worth more."""
    try:
        header = decode_header(decode(block.note).text)
    except FormatError:
        return None
    if block.body is not None and hash_text(block.body) != header.body_hash:
        return None
    if block.raw is not None and hash_text(block.raw) != header.raw_hash:
        return None
    return header
