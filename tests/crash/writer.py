"""A process that writes a journal until it is killed, and says each promise on its standard output.

``python -m tests.crash.writer FOLDER BOOT [STEPS]``: lines ``rows <i> <hex>``, ``blocks <n> <hash>``,
``cursors <uplink> <n>``, ``end``. With BOOT "life": the short life of the power-cut tests, its promises in
FOLDER/marks.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from buffer.fs import Disk
from buffer.journal import Retention
from tests.support.life import Box, live


class TellingDisk(Disk):
    """The real disk; the oracle's notes go to standard output, or to a file, one line each, at once."""

    def __init__(self, fd: int = 1) -> None:
        self._fd = fd

    def mark(self, what: str, key: int | str, value: Any) -> None:
        text = value.hex() if isinstance(value, bytes) else value
        os.write(self._fd, f"{what} {key} {text}\n".encode())


def main(folder: str, boot: str, steps: str = "1000000") -> None:
    """Records, commits, seals, receipts, retention, in a fixed pattern."""
    box = Box(TellingDisk(), int(boot), Path(folder))
    for step in range(int(steps)):
        box.read(step, frames=step % 5)
        if step % 2:
            box.commit()
        if step % 9 == 8:
            box.seal()
        if step % 30 == 29:
            box.receipt("city")
        if step % 70 == 69:
            box.prune(Retention(keep_days=0, raw_days=0, max_bytes=1 << 40))
    box.close()
    os.write(1, b"end\n")


if __name__ == "__main__":
    if sys.argv[2] == "life":
        marks = os.open(Path(sys.argv[1]) / "marks", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        live(TellingDisk(marks), Path(sys.argv[1]))
        os._exit(0)  # the end of a life is no clean stop
    main(*sys.argv[1:])
