"""The book after a restart: the logbook's page and what the journal says behind it, or the journal alone.

::

    page as of block n of this epoch   -->  page, then the records of blocks n+1.. and of the tail
    no page                            -->  the records of all blocks that the index names, and the tail
    page of another history            -->  the journal alone; what was in force on the page and is not there
                                            is carried over: recorded once more, with its old note
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from agent.history import records_of_kinds
from agent.orders.book import KINDS, Book, Held, Record, fold
from agent.paths import Paths
from agent.rot import SoundReader
from buffer.fs import DISK
from buffer.logbook import AtomicStorage
from buffer.reader import JournalReader
from config.orders import Order

Page = Mapping[str, Any]
TABLE: Final = "orders"


def page(book: Book, epoch: str, n: int) -> Page:
    """The document for the logbook, as of block ``n``."""
    records = [dict(record) for record in book.records()]
    return {"epoch": epoch, "n": n, "numbers": dict(book.numbers), "records": records}


def reopened(reader: JournalReader, kept: Page | None, utc_ms: int) -> tuple[Book, tuple[Held, ...]]:
    """The book, and what must be carried over. A page that cannot be understood counts as none."""
    before = _from_page(kept)
    head = reader.head()
    if kept is not None and before is not None and (kept["epoch"], kept["n"] <= head.n) == (head.epoch, True):
        return fold(_records(reader, kept["n"]), before), ()
    book = fold(_records(reader, -1))
    if before is None:
        return book, ()
    lost = [
        held
        for kind in KINDS
        for name, held in before.held[kind].items()
        if name not in book.held[kind] and not held.is_over(utc_ms)
    ]
    numbers = {**before.numbers, **book.numbers}
    return replace(book, numbers=MappingProxyType(numbers)), tuple(lost)


def carried(held: Held) -> tuple[str, dict[str, Any]]:
    """Kind and fields of the record that says once more what is in force."""
    put, what = held.records[0], held.what or held.given
    kind = "order" if isinstance(what, Order) else "declaration"
    own = ("boot", "i", "k", "mono", "q", "t", "carried_i")
    fields = {name: value for name, value in put.items() if name not in own}
    return kind, {**fields, kind: what.fields(), "carried_i": put["i"]}


def hash_of(folder: Path) -> Callable[[int], str | None]:
    """Looks up the hash of a sealed block's header; None where there is no such block."""

    def find(n: int) -> str | None:
        with closing(JournalReader(folder)) as reader:
            infos = reader.infos(n, n)
        return infos[0].hash if infos else None

    return find


def look(paths: Paths) -> Book:
    """The book as anybody may read it, with or without a daemon."""
    with closing(SoundReader(paths.journal)) as reader:
        return reopened(reader, _stored(paths), 0)[0]


def _stored(paths: Paths) -> Page | None:
    """The page, if it is there and may be read: without it the journal takes longer, and says the same."""
    try:
        tables = AtomicStorage(paths.logbook / f"{TABLE}.json", fs=DISK).read() or {}
    except (OSError, ValueError):
        return None
    pages = (one for one in tables.get(TABLE, {}).values() if isinstance(one, Mapping))
    return next((one for one in pages if one.get("name") == "book"), None)


def _from_page(kept: Page | None) -> Book | None:
    if kept is None:
        return None
    try:
        book = fold(kept["records"])
        numbers = {**book.numbers, **{name: int(number) for name, number in kept["numbers"].items()}}
        if not (isinstance(kept["epoch"], str) and isinstance(kept["n"], int)):
            return None
    except (KeyError, TypeError, ValueError, ArithmeticError, AttributeError):
        return None
    return replace(book, numbers=MappingProxyType(numbers))


def _records(reader: JournalReader, after_n: int) -> list[Record]:
    """Oldest first. The tail is read before the blocks too: what is sealed meanwhile is in one of them."""
    tail = {record["i"]: record for record in reader.tail_records() if record["k"] in KINDS}
    blocks = {record["i"]: record for record, _ in records_of_kinds(reader, KINDS, after_n)}
    found = {**tail, **blocks}
    return [found[i] for i in sorted(found) if "note" in found[i]]  # what a declaration covered has none
