"""Bus frames behind the readings, as text: one line a frame, ``<record i> <mono ms> <way> <hex>``.

::

    5184000 86400010 > 68120000000000681104333333336116
    5184000 86400118 < 68120000000000689106...

``way``: ">" sent, "<" taken as a reply, "?" seen and not taken. Sorted by record, within
one in the order seen. The header of the block holds length and SHA-256 of the whole text. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal, cast

from buffer.block import MAX_RAW
from buffer.errors import RawError
from buffer.grammar import NUMBER, is_number

Way = Literal[">", "<", "?"]
MAX_FRAME: Final = 4096  # bytes of one frame

_LINE = re.compile(rf"({NUMBER}) ({NUMBER}) ([><?]) ((?:[0-9a-f]{{2}}){{1,{MAX_FRAME}}})", re.ASCII)


@dataclass(frozen=True, slots=True)
class RawFrame:
    """Bytes seen on a bus on behalf of one record."""

    i: int
    mono_ms: int
    way: Way
    data: bytes


def encode_raw(frames: Iterable[RawFrame]) -> bytes:
    """The text of ``frames``; RawError for what it cannot say."""
    rows = []
    last = 0
    for frame in frames:
        if not (is_number(frame.i) and is_number(frame.mono_ms) and 0 < len(frame.data) <= MAX_FRAME):
            raise RawError("raw: number or length out of range")
        if frame.way not in ("<", ">", "?") or frame.i < last:
            raise RawError("raw: unknown way, or not sorted by record")
        last = frame.i
        rows.append(f"{frame.i} {frame.mono_ms} {frame.way} {frame.data.hex()}\n")
    text = "".join(rows).encode("ascii")
    if len(text) > MAX_RAW:
        raise RawError("raw: too long")
    return text


def decode_raw(text: bytes) -> Iterator[RawFrame]:
    """The frames of a text; RawError for anything that ``encode_raw`` would not have written."""
    if len(text) > MAX_RAW or not text.isascii() or (text and not text.endswith(b"\n")):
        raise RawError("raw: too long, not ASCII, or its last line is not ended")
    last = 0
    for row in text.decode("ascii").split("\n")[:-1]:
        found = _LINE.fullmatch(row)
        if (
            found is None
            or int(found[1]) < last
            or not (is_number(int(found[1])) and is_number(int(found[2])))
        ):
            raise RawError("raw: a line has not its form, or is not sorted by record")
        last = int(found[1])
        yield RawFrame(last, int(found[2]), cast(Way, found[3]), bytes.fromhex(found[4]))
