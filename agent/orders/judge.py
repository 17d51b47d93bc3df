"""Whether a command counts: signed by whom, for this box, fresh, new, and of sense. Pure.

::

    note --> signature --> done before? same answer --> this box, this epoch --> right to the verb
         --> head known and recent --> number higher --> object judged --> fields of the record

Nothing is believed because of the way it came; what somebody gives at the box itself is a command as well,
signed by the box. Every refusal is a problem with its code, at the line of the note that it is about.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from agent.orders.book import MOST, Book, Done, Held, digest
from buffer.command import Command, open_command
from buffer.errors import CommandError, FormatError, NoteError, RowError, UnknownVersion
from buffer.note import VerifierKey, decode
from buffer.rows import MAX_ROW, encode_row
from config.errors import ConfigInvalid
from config.orderfile import OBJECT_LINE, Ground, named, take_object
from config.orders import VERBS, Declaration, Order
from config.site import SiteConfig
from config.source import Place, Problems

FRESH_BLOCKS: Final = 50_000  # how far behind our head the quoted one may be: five weeks of a block a minute
SPARE: Final = 512  # bytes of a record for what the journal adds
_LINES: Final = {"by": 2, "box": 3, "head": 4, "number": 5, "verb": 7, "object": OBJECT_LINE}


@dataclass(frozen=True, slots=True)
class Issuer:
    """A key that may give commands, and which ones. ``source``: how its orders are marked."""

    key: VerifierKey
    verbs: frozenset[str]
    source: str


@dataclass(frozen=True, slots=True)
class Chain:
    """What a command must quote. ``hash_of``: the hash of a sealed block, None where there is none."""

    box: str
    epoch: str
    head_n: int
    hash_of: Callable[[int], str | None]


@dataclass(frozen=True, slots=True)
class Accepted:
    """A change to be recorded: the kind of the record and its fields."""

    kind: str
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Court:
    """Who may command, this box, and the ground on which orders are judged, all but the book."""

    issuers: Mapping[str, Issuer]
    chain: Chain
    ground: Ground


def issuers_of(config: SiteConfig) -> dict[str, Issuer]:
    """The ``[[issuer]]`` tables, by the name of the key."""
    return {
        one.id: Issuer(VerifierKey.parse(one.key), frozenset(one.verbs), one.id) for one in config.issuers
    }


def judge(raw: bytes, called: str, book: Book, court: Court) -> Accepted | Done:
    """What the command in a note comes to, or what came of it before. Raises ConfigInvalid."""
    command = _opened(raw, called, court)
    before = book.done.get((command.by, command.number))
    note = raw.decode()
    if before is not None and before.digest == digest(note):
        return before
    _check_address(command, called, book, court)
    source = court.issuers[command.by].source
    accepted = _CHANGES[command.verb](command, called, book, court.ground, source)
    who = {"who": court.ground.who} if court.ground.who else {}
    whole = {**accepted.fields, **who, "by": command.by, "number": command.number, "note": note}
    return Accepted(accepted.kind, _fitting(accepted.kind, whole, called))


def ground_of(book: Book, ground: Ground) -> Ground:
    """The ground with what the book holds."""
    orders = book.held["order"]
    return replace(
        ground,
        orders=tuple(one.what for one in orders.values() if isinstance(one.what, Order)),
        replaced=frozenset(name for name, one in orders.items() if one.fate == "replaced"),
        used=frozenset((*orders, *book.held["declaration"])),
    )


def refuse(code: str, called: str, key: str, **args: object) -> ConfigInvalid:
    """One problem at a line of a note."""
    problems = Problems()
    problems.add(code, Place(called, _LINES.get(key, 0), key), **args)
    return ConfigInvalid(problems.all())


def _opened(raw: bytes, called: str, court: Court) -> Command:
    try:
        decode(raw)
    except NoteError as error:  # of its form, not of who signed it
        raise refuse("SBX-ORD-030", called, "", reason=error) from error
    try:
        return open_command(raw, [issuer.key for issuer in court.issuers.values()])
    except UnknownVersion as error:
        raise refuse("SBX-ORD-032", called, "", version=error) from error
    except CommandError as error:
        raise refuse("SBX-ORD-030", called, "", reason=error) from error
    except NoteError as error:
        raise refuse("SBX-ORD-031", called, "by", reason=error) from error
    except FormatError as error:
        raise refuse("SBX-ORD-030", called, "", reason=error) from error


def _check_address(command: Command, called: str, book: Book, court: Court) -> None:
    chain, found = court.chain, list[ConfigInvalid]()
    if command.box != chain.box:
        found.append(refuse("SBX-ORD-033", called, "box", other=command.box, box=chain.box))
    elif command.epoch != chain.epoch:
        found.append(refuse("SBX-ORD-034", called, "box", other=command.epoch, epoch=chain.epoch))
    elif chain.hash_of(command.head_n) != command.head_hash:
        found.append(refuse("SBX-ORD-035", called, "head", n=command.head_n))
    elif chain.head_n - command.head_n > FRESH_BLOCKS:
        found.append(refuse("SBX-ORD-036", called, "head", n=command.head_n, head=chain.head_n))
    last = book.numbers.get(command.by, -1)
    if command.number <= last:
        found.append(refuse("SBX-ORD-037", called, "number", number=command.number, last=last))
    found += _check_right(command, called, court.issuers[command.by])
    if found:
        raise ConfigInvalid([problem for one in found for problem in one.problems])


def _check_right(command: Command, called: str, issuer: Issuer) -> Iterator[ConfigInvalid]:
    if command.verb not in VERBS:
        yield refuse("SBX-ORD-039", called, "verb", verb=command.verb, known=" ".join(VERBS))
    elif command.verb not in issuer.verbs:
        yield refuse("SBX-ORD-038", called, "verb", verb=command.verb, by=command.by)


def _put(command: Command, called: str, book: Book, ground: Ground, source: str) -> Accepted:
    """``order-put`` and ``declaration-put``."""
    kind = command.verb.partition("-")[0]
    place = Place(called, OBJECT_LINE, kind)
    if book.live(kind, ground.now_ms) >= MOST:
        raise refuse("SBX-ORD-046", called, "object", most=MOST)
    orders, declarations = take_object(kind, place, command.object, source, ground_of(book, ground))
    given = orders[0] if orders else declarations[0]
    fields: dict[str, Any] = {"op": "put", "id": given.id, kind: given.fields()}
    if isinstance(given, Declaration):
        fields["late_ms"] = given.late_ms
        fields["overlaps"] = list(_overlaps(given, book))
    return Accepted(kind, fields)


def _end(command: Command, called: str, book: Book, ground: Ground, source: str) -> Accepted:
    """``order-cancel`` and ``declaration-end``: of one's own alone."""
    kind, _, op = command.verb.partition("-")
    wanted, reason = command.object.get("id"), command.object.get("reason", "")
    if not (isinstance(wanted, str) and isinstance(reason, str)) or command.object.keys() - {"id", "reason"}:
        raise refuse("SBX-ORD-043", called, "object")
    held = book.held[kind].get(named(source, wanted)) or book.held[kind].get(wanted)
    if held is None:
        raise refuse("SBX-ORD-040", called, "object", id=wanted)
    if held.by != command.by:
        raise refuse("SBX-ORD-041", called, "object", id=wanted, by=_shown(held))
    if held.fate in ("cancelled", "ended") or held.is_over(ground.now_ms):
        raise refuse("SBX-ORD-042", called, "object", id=wanted)
    why = {"reason": reason} if reason else {}
    return Accepted(kind, {"op": op, "id": held.given.id, **why})


def _shown(held: Held) -> str:
    return held.given.source if isinstance(held.given, Order) else held.given.by or held.by


def _overlaps(declaration: Declaration, book: Book) -> Iterator[str]:
    """Declarations of the same points and time that hold already."""
    for name, held in book.held["declaration"].items():
        what = held.what
        if isinstance(what, Declaration) and _meet(declaration, what):
            yield name


def _meet(one: Declaration, other: Declaration) -> bool:
    at_once = one.from_ms < other.to_ms and other.from_ms < one.to_ms
    return at_once and (not one.points or not other.points or not set(one.points).isdisjoint(other.points))


def _fitting(kind: str, fields: Mapping[str, Any], called: str) -> Mapping[str, Any]:
    """The fields, if they fit one record."""
    try:
        size = len(encode_row({**fields, "k": kind}))
    except RowError as error:
        raise refuse("SBX-ORD-030", called, "object", reason=error) from error
    if size + SPARE > MAX_ROW:
        raise refuse("SBX-ORD-030", called, "object", reason=f"{size} bytes")
    return fields


Change = Callable[[Command, str, Book, Ground, str], Accepted]
_CHANGES: Final[Mapping[str, Change]] = {
    "order-put": _put,
    "order-cancel": _end,
    "declaration-put": _put,
    "declaration-end": _end,
}
