"""One frame of the tail: the bytes of one commit, padded to whole pages of 4 KiB. Pure.

::

    0   magic "sbxtail1"                  8   the last character is the version
    8   generation                        8   n of the block these records will become
    16  first record                      8
    24  records                           4
    28  bytes of rows                     4
    32  bytes of raw frames               4
    36  reserved, 0                       4
    40  running hash                     32   SHA-256(running hash before || bytes 8..40 || rows || raw)
    72  local signature                  64   ratchet key, over the text of ``claim``
    136 CRC-32                            4   over all but these four bytes, with the padding (ADR 0002)
    140 rows, raw frames, zeros up to the page

Numbers are little-endian. The running hash of a generation's first frame continues the hash of the chain's
head, so a frame fits exactly one place of one history. Decoding never raises on noise: what is no frame is
None.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from dataclasses import dataclass
from typing import Final

PAGE: Final = 4096
MAGIC: Final = b"sbxtail1"
_HEAD: Final = struct.Struct("<8sQQIIII32s64s")
_CRC: Final = struct.Struct("<I")
OVERHEAD: Final = _HEAD.size + _CRC.size
_HASHED: Final = slice(8, 40)


@dataclass(frozen=True, slots=True)
class Frame:
    """What one commit made durable. ``running`` covers it and all before it of its generation."""

    generation: int
    first: int
    records: int
    rows: bytes
    raw: bytes
    running: bytes
    signature: bytes = bytes(64)

    @property
    def last(self) -> int:
        """Number of its last record."""
        return self.first + self.records - 1

    @property
    def pages(self) -> int:
        """Its length in pages."""
        return pages(len(self.rows) + len(self.raw))


def pages(payload: int) -> int:
    """Pages that a frame with so many bytes of rows and raw frames takes."""
    return -(-(OVERHEAD + payload) // PAGE)


def follow(running: bytes, frame: Frame) -> bytes:
    """The running hash after ``frame``, from the one before it."""
    digest = hashlib.sha256(running)
    digest.update(_pack(frame)[_HASHED])
    digest.update(frame.rows)
    digest.update(frame.raw)
    return digest.digest()


def claim(box: str, epoch: str, frame: Frame) -> bytes:
    """The text that the ratchet key signs for a frame."""
    return (
        f"sitebox/tail/v1\nbox {box}  epoch {epoch}  n {frame.generation}\n"
        f"records {frame.first}..{frame.last}\nhash {frame.running.hex()}\n"
    ).encode()


def encode_frame(frame: Frame) -> bytes:
    """Whole pages, ready for one write."""
    head, payload = _pack(frame), frame.rows + frame.raw
    padding = bytes(frame.pages * PAGE - OVERHEAD - len(payload))
    return head + _CRC.pack(zlib.crc32(padding, zlib.crc32(payload, zlib.crc32(head)))) + payload + padding


def decode_frame(data: bytes | memoryview, generation: int) -> Frame | None:
    """The frame at the start of ``data`` if it is whole and of ``generation``, else None."""
    found = look(data)
    if found is None or found[0] != generation:
        return None
    size = found[1] * PAGE
    view = memoryview(data)[:size]
    if len(view) < size:
        return None
    (crc,) = _CRC.unpack_from(view, _HEAD.size)
    if zlib.crc32(view[OVERHEAD:], zlib.crc32(view[: _HEAD.size])) != crc:
        return None
    _, generation, first, records, rows, raw, _, running, signature = _HEAD.unpack_from(view)
    return Frame(
        generation,
        first,
        records,
        bytes(view[OVERHEAD : OVERHEAD + rows]),
        bytes(view[OVERHEAD + rows : OVERHEAD + rows + raw]),
        running,
        signature,
    )


def look(data: bytes | memoryview) -> tuple[int, int] | None:
    """Generation and pages that the bytes claim, unchecked; None without the magic."""
    if len(data) < OVERHEAD or bytes(data[:8]) != MAGIC:
        return None
    _, generation, _, _, rows, raw, *_ = _HEAD.unpack_from(data)
    return generation, pages(rows + raw)


def _pack(frame: Frame) -> bytes:
    return _HEAD.pack(
        MAGIC,
        frame.generation,
        frame.first,
        frame.records,
        len(frame.rows),
        len(frame.raw),
        0,
        frame.running,
        frame.signature,
    )
