"""How much the journal takes, and how long the card lasts at that rate."""

from __future__ import annotations

import shutil

from agent.paths import Paths
from agent.status import StorageFacts
from buffer.reader import JournalReader

_DAY_MS = 86_400_000
_LEAST_MS = 3_600_000  # less history than this projects nothing


def storage(paths: Paths, reader: JournalReader) -> StorageFacts:
    """Bytes used and free; days left from the time between the first and the last block."""
    used = reader.size().bytes
    free = shutil.disk_usage(paths.state).free
    first, last = reader.info(0), reader.info(reader.head().n)
    span_ms = last.utc_ms - first.utc_ms if first is not None and last is not None else 0
    if span_ms < _LEAST_MS or used == 0:
        return StorageFacts(used, free, None)
    return StorageFacts(used, free, int(free * span_ms / used / _DAY_MS))
