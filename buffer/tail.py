"""The tail: where records are durable before they are sealed. A file of two halves, zero-written once.

::

    half 0   |frame|frame|frame| 0 0 0 0 ...      generation n, being written
    half 1   |frame|frame| 0 0 0 0 ...            generation before, already sealed; overwritten by n's
    successor

A commit is one write of whole pages and one fdatasync; it never touches a sector of an earlier frame of its
generation, so a torn write can only hurt what nobody was promised. The file keeps its length for ever: no
commit waits for the file system to allocate. Never decides what a record means; never repairs: it says what
is there.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from buffer.frame import PAGE, Frame, decode_frame, encode_frame, follow, look
from buffer.fs import File, FileSystem

NAME: Final = "tail"
HALF: Final = 1024 * 1024  # bytes of one half; 8 times the largest body, for the bus frames beside it
MODE: Final = 0o640


@dataclass(frozen=True, slots=True)
class Found:
    """What the tail holds of one generation: the sound frames in order; the last record number promised
    behind a frame that rotted (0: none; never after a mere power cut); whether a torn frame follows the
    sound ones."""

    frames: tuple[Frame, ...]
    promised: int
    torn: bool

    @property
    def weight(self) -> tuple[int, int, bool]:
        """More of these is more of what was promised."""
        return self.frames[-1].last if self.frames else 0, self.promised, self.torn


def create_tail(fs: FileSystem, folder: Path) -> None:
    """Write the empty tail, durably, under its name."""
    path = folder / NAME
    new = folder / (NAME + ".new")
    file = fs.create(new, MODE)
    try:
        for offset in range(0, 2 * HALF, HALF):
            file.write_at(bytes(HALF), offset)
        file.sync()
    finally:
        file.close()
    fs.rename(new, path)
    fs.sync_folder(folder)


class Tail:
    """The open tail. ``begin`` a generation, then ``write`` its frames."""

    def __init__(self, file: File) -> None:
        self._file = file
        self._half = 1 if self._generation(1) >= self._generation(0) else 0
        self._offset = HALF

    @property
    def room(self) -> int:
        """Bytes left for frames of this generation."""
        return HALF - self._offset

    def is_whole(self) -> bool:
        """Whether the file has its length; if not, something cut it."""
        return self._file.size() == 2 * HALF

    def newest(self) -> int:
        """The highest generation that a half starts with, -1 for none."""
        return self._generation(self._half)

    def halves(self) -> tuple[bytes, bytes]:
        """All of it, for a salvage."""
        return self._file.read_at(HALF, 0), self._file.read_at(HALF, HALF)

    def read(self, generation: int, running: bytes) -> Found:
        """All of one generation, which continues ``running``. Where both halves hold it (it was carried
        over while the store was full) the longer one counts; ``begin`` then leaves that half alone."""
        found = [scan(self._file.read_at(HALF, half * HALF), generation, running) for half in (0, 1)]
        best = max((0, 1), key=lambda half: found[half].weight)
        if found[best].frames and generation >= self.newest():
            self._half = best
        return found[best]

    def begin(self) -> None:
        """Let the next generation start in the other half, whose records were sealed longer ago; behind one
        without frames in the same half."""
        if self._offset:
            self._half ^= 1
        self._offset = 0

    def write(self, frame: Frame) -> None:
        """Make a frame durable: one write, one sync. OSError: nothing may be believed of it."""
        data = encode_frame(frame)
        self._file.write_at(data, self._half * HALF + self._offset)
        self._file.sync()
        self._offset += len(data)

    def empty(self) -> None:
        """Nothing of an earlier life is left in it, durably."""
        for offset in range(0, 2 * HALF, HALF):
            self._file.write_at(bytes(HALF), offset)
        self._file.sync()
        self._half, self._offset = 1, HALF

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def _generation(self, half: int) -> int:
        claimed = look(self._file.read_at(PAGE, half * HALF))
        if claimed is None:
            return -1
        generation, pages = claimed
        whole = self._file.read_at(min(pages * PAGE, HALF), half * HALF)
        return generation if decode_frame(whole, generation) is not None else -1


def scan(half: bytes, generation: int, running: bytes) -> Found:
    """The frames of ``generation`` in one half, up to the first that does not follow."""
    view = memoryview(half)
    frames: list[Frame] = []
    offset = 0
    while True:
        frame = decode_frame(view[offset:], generation)
        if frame is None or frame.running != follow(running, frame):
            break
        frames.append(frame)
        running = frame.running
        offset += frame.pages * PAGE
    claimed = look(view[offset:])
    torn = claimed is not None and claimed[0] == generation
    return Found(tuple(frames), _promised(view[offset:], generation), torn)


def _promised(view: memoryview, generation: int) -> int:
    """The last record number in whole frames behind a bad one: rot, or a disk that lied about its sync."""
    promised = 0
    for offset in range(PAGE, len(view), PAGE):
        frame = decode_frame(view[offset:], generation)
        if frame is not None:
            promised = frame.last
    return promised
