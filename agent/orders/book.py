"""The book: every order and declaration the box was given, with what became of it. Immutable, pure.

::

    record order put 2026-031        held, as given
    record order put 2026-032        replaces 2026-031: that one ends where this one begins
    record order cancel 2026-032     lifted; what was replaced does not come back

Made from records alone, each of them a change that was accepted; the same fold serves a command just
executed, the logbook's page and the journal after a restart. Judges nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final, Literal, TypeVar

from config.orderchecks import FOREVER_MS, cut, heard
from config.orders import Declaration, Order

Record = Mapping[str, Any]
Fate = Literal["", "cancelled", "replaced", "ended"]
T = TypeVar("T", Order, Declaration)
MOST: Final = 256  # orders, and declarations, that are kept in mind; the oldest that are over go first
RECENT_MS: Final = 8 * 86_400_000  # the rules hear of what ended no longer ago (they may replay a week)
KINDS: Final = ("order", "declaration")
_OTHERS: Final = ("boot", "mono", "q")  # of a record, and no matter here


@dataclass(frozen=True, slots=True)
class Held:
    """One order or declaration. ``given``: as it came; ``what``: what holds of it now, None for nothing.
    ``records``: every record about it, oldest first."""

    given: Order | Declaration
    what: Order | Declaration | None
    by: str
    records: tuple[Record, ...]
    fate: Fate = ""

    @property
    def end_ms(self) -> int:
        """When it ends, or ended."""
        what = self.what or self.given
        return FOREVER_MS if what.to_ms is None else what.to_ms

    def is_over(self, utc_ms: int) -> bool:
        """Whether nothing of it holds any more."""
        return self.what is None or self.end_ms <= utc_ms


@dataclass(frozen=True, slots=True)
class Done:
    """An executed command: the digest of its note, and what came of it."""

    digest: str
    kind: str
    id: str
    i: int


Shelf = Mapping[str, Held]
_NONE: Shelf = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Book:
    """``numbers``: the last executed number of each issuer; ``done``: what came of (issuer, number);
    ``last_i``: the newest record it knows."""

    held: Mapping[str, Shelf] = field(default_factory=lambda: MappingProxyType(dict.fromkeys(KINDS, _NONE)))
    numbers: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    done: Mapping[tuple[str, int], Done] = field(default_factory=lambda: MappingProxyType({}))
    last_i: int = 0

    def orders(self, utc_ms: int) -> tuple[Order, ...]:
        """For the rules, by beginning: not cancelled, and ended less than ``RECENT_MS`` ago. 0: the
        clock cannot be trusted, whenever they end."""
        return tuple(_recent(self.held["order"].values(), Order, utc_ms))

    def declarations(self, utc_ms: int) -> tuple[Declaration, ...]:
        """Likewise."""
        return tuple(_recent(self.held["declaration"].values(), Declaration, utc_ms))

    def known(self, utc_ms: int) -> tuple[tuple[Order, ...], tuple[Declaration, ...]]:
        """Both."""
        return self.orders(utc_ms), self.declarations(utc_ms)

    def in_force(self, utc_ms: int) -> tuple[Order, ...]:
        """The orders that hold at a moment, or would within their daily window."""
        return tuple(o for o in self.orders(utc_ms) if o.from_ms <= utc_ms < (o.to_ms or FOREVER_MS))

    def live(self, kind: str, utc_ms: int) -> int:
        """How many of a kind are not over."""
        return sum(not held.is_over(utc_ms) for held in self.held[kind].values())

    def records(self) -> tuple[Record, ...]:
        """All it is made from, in the order in which they came."""
        found = {r["i"]: r for shelf in self.held.values() for held in shelf.values() for r in held.records}
        return tuple(found[i] for i in sorted(found))

    def as_of(self, i: int) -> Book:
        """What it was when record ``i`` was the newest, as far as the rules ask: what was let go since is not
        in it."""
        return fold(record for record in self.records() if record["i"] <= i)

    def take(self, record: Record) -> Book:
        """With one more accepted change; the same book for one that it knows. A cancel of what is not known
        any more counts its number alone."""
        if record["i"] <= self.last_i:
            return self
        record = MappingProxyType({name: held for name, held in record.items() if name not in _OTHERS})
        kind, by, number = record["k"], record["by"], record["number"]
        shelf = _changed(kind, self.held[kind], record)
        trimmed, gone = _trimmed(shelf, record["t"])
        done = {key: one for key, one in self.done.items() if (one.kind, one.id) not in _named(kind, gone)}
        if record["id"] in trimmed:
            done[by, number] = Done(digest(record["note"]), kind, record["id"], record["i"])
        numbers = {**self.numbers, by: max(number, self.numbers.get(by, -1))}
        held = {**self.held, kind: trimmed}
        return Book(MappingProxyType(held), MappingProxyType(numbers), MappingProxyType(done), record["i"])


def digest(note: str) -> str:
    """What two notes are told apart by."""
    return hashlib.sha256(note.encode()).hexdigest()


def fold(records: Iterable[Record], book: Book | None = None) -> Book:
    """The book behind these records, oldest first."""
    book = book or Book()
    for record in records:
        book = book.take(record)
    return book


def _changed(kind: str, shelf: Shelf, record: Record) -> dict[str, Held]:
    found, identity = dict(shelf), record["id"]
    if record["op"] == "put" and kind == "order":
        order = Order.take(record[kind])
        replaced = found.get(order.replaces or "")
        before = None if replaced is None or not isinstance(replaced.what, Order) else replaced.what
        order = heard(order, before, record["t"])
        found[identity] = Held(order, order, record["by"], (record,))
        if replaced is not None and before is not None:
            rest = cut(before, order.from_ms)
            found[before.id] = replace(replaced, what=rest, fate="replaced")
    elif record["op"] == "put":
        declaration = Declaration.take(record[kind])
        found[identity] = Held(declaration, declaration, record["by"], (record,))
    elif identity in found:
        held = found[identity]
        fate: Fate = "cancelled" if kind == "order" else "ended"
        left = None if kind == "order" else _ended(held.what, record["t"])
        found[identity] = replace(held, what=left, fate=fate, records=(*held.records, record))
    return found


def _ended(what: Order | Declaration | None, at_ms: int) -> Declaration | None:
    """A declaration whose end was declared: it held until then."""
    if not isinstance(what, Declaration) or at_ms <= what.from_ms:
        return None
    return replace(what, to_ms=min(what.to_ms, at_ms))


def _trimmed(shelf: dict[str, Held], utc_ms: int) -> tuple[Shelf, frozenset[str]]:
    over = [identity for identity, held in shelf.items() if held.is_over(utc_ms)]
    gone = frozenset(over[: max(0, len(shelf) - MOST)])
    kept = {identity: held for identity, held in shelf.items() if identity not in gone}
    return MappingProxyType(kept), gone


def _recent(shelf: Iterable[Held], kind: type[T], utc_ms: int) -> Iterator[T]:
    found = (held.what for held in shelf if held.what is not None and held.end_ms > utc_ms - RECENT_MS)
    yield from sorted((one for one in found if isinstance(one, kind)), key=lambda one: (one.from_ms, one.id))


def _named(kind: str, ids: Iterable[str]) -> frozenset[tuple[str, str]]:
    """(kind, id) of what was let go."""
    return frozenset((kind, one) for one in ids)
