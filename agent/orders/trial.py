"""What the clerk would say of a file, without a daemon and without any change: for ``--dry-run``."""

from __future__ import annotations

from contextlib import closing
from zoneinfo import ZoneInfo

from agent.orders.book import Book, Done
from agent.orders.judge import Chain, Court, ground_of, issuers_of, judge
from agent.orders.opening import hash_of, look
from agent.paths import Paths
from buffer.command import is_command
from buffer.reader import JournalReader
from buffer.shelf import NAME
from config.orderfile import Ground, take_file
from config.site import SiteConfig


def trial(paths: Paths, config: SiteConfig, called: str, data: bytes, utc_ms: int) -> tuple[int, int]:
    """How many orders and declarations it holds that would count. Raises ConfigInvalid; JournalUnreadable for
    a command, which can be judged only against a journal."""
    born = (paths.journal / NAME).exists()
    book = look(paths) if born else Book()
    ground = Ground(config.points, ZoneInfo(config.site.timezone), utc_ms)
    if not is_command(data):
        orders, declarations = take_file(called, data, ground_of(book, ground))
        return len(orders), len(declarations)
    with closing(JournalReader(paths.journal)) as reader:
        head = reader.head()
    chain = Chain(config.site.id, head.epoch, head.n, hash_of(paths.journal))
    verdict = judge(data, called, book, Court(issuers_of(config), chain, ground))
    if isinstance(verdict, Done):
        return 0, 0
    return int(verdict.kind == "order"), int(verdict.kind == "declaration")
