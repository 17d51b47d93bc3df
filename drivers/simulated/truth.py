"""The truth log: one JSON object a line for every reply served, in the plainest words.

Tests compare a journal with it. Limited: it stops at ``max_bytes`` with a last line that says so, and keeps
the last 1000 lines in memory.
"""

from __future__ import annotations

import json
import threading
from collections import Counter, deque
from pathlib import Path
from typing import IO, Any

_KEPT = 1000


class Truth:
    """Written by all bus threads; each line is flushed, so that it can be read before the reply arrives."""

    def __init__(self, path: Path | None, *, max_bytes: int = 512 << 20) -> None:
        self._file: IO[str] | None = None if path is None else path.open("a", encoding="ascii")
        self._left = max_bytes
        self._lock = threading.Lock()
        self._last: deque[dict[str, Any]] = deque(maxlen=_KEPT)
        self._counts: Counter[str] = Counter()

    def note(self, entry: dict[str, Any]) -> None:
        """Write one reply; ``entry["meter"]`` is counted."""
        line = json.dumps(entry, sort_keys=True, separators=(",", ":")) + "\n"
        with self._lock:
            self._last.append(entry)
            self._counts[entry["meter"]] += 1
            if self._file is None:
                return
            self._left -= len(line)
            if self._left > 0:
                self._file.write(line)
                self._file.flush()
            else:
                self._file.write('{"full":true}\n')
                self._close()

    def last(self, count: int, meter: str | None) -> list[dict[str, Any]]:
        """The newest replies, oldest first; of one meter, or of all."""
        with self._lock:
            chosen = [entry for entry in self._last if meter is None or entry["meter"] == meter]
        return chosen[-count:] if count > 0 else []

    def counts(self) -> dict[str, int]:
        """Replies so far, by meter."""
        with self._lock:
            return dict(self._counts)

    def close(self) -> None:
        """No more lines go to the file."""
        with self._lock:
            self._close()

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
