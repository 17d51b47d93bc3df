"""How much the journal takes, and how long evidence can wait for a platform before the oldest gets thinner.

::

    limit = the smaller of max_mib and what the card can give, less the headers of all blocks, which stay
    days  = (limit - unconfirmed blocks x their mean size) / (mean size x blocks a day)

Means are those of the newest day of blocks at most, so neither the life before nor the size of the journal
matters. Bus frames are not counted: they go before any body is thinned.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from typing import Final

from agent.paths import Paths
from agent.status import StorageFacts
from buffer.head import BlockInfo
from buffer.reader import JournalReader
from config.site import SiteConfig

_DAY_MS: Final = 86_400_000
_LEAST_MS: Final = 3_600_000  # less history than this projects nothing
_MOST_MS: Final = 40 * _DAY_MS  # a clock that was set makes no rate
_LOOK: Final = 1_500  # newest blocks: a day of one a minute
_OVERHEAD: Final = 1.1  # pages of SQLite over the bytes in them


def storage(paths: Paths, reader: JournalReader, config: SiteConfig) -> StorageFacts:
    """Bytes used and free; days left, None while there is too little history to project."""
    used, free = reader.used_bytes(), shutil.disk_usage(paths.state).free
    last = reader.head().n
    infos = reader.infos(max(1, last - _LOOK + 1), last)
    limit = min(config.journal.max_mib << 20, used + free)
    cursors = reader.cursors()
    confirmed = [cursors[one.id].n if one.id in cursors else -1 for one in config.uplinks if one.blocks]
    waiting = last - min(confirmed, default=last)
    return StorageFacts(used, free, days_left(infos, limit, last, waiting))


def days_left(infos: Sequence[BlockInfo], limit_bytes: int, blocks: int, waiting: int) -> int | None:
    """``infos``: the newest of so many ``blocks``; ``waiting``: how many of them some platform has not
    confirmed."""
    whole = [one for one in infos if one.has_body]
    if len(whole) < 2:
        return None
    span_ms = whole[-1].utc_ms - whole[0].utc_ms
    if not _LEAST_MS <= span_ms <= _MOST_MS:
        return None
    header = _OVERHEAD * sum(one.note_bytes for one in whole) / len(whole)
    mean = header + _OVERHEAD * sum(one.body_bytes for one in whole) / len(whole)
    blocks_a_day = (len(whole) - 1) * _DAY_MS / span_ms
    left = limit_bytes - (blocks - waiting) * header - waiting * mean
    return max(0, int(left / mean / blocks_a_day))
