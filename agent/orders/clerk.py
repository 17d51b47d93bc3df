"""The clerk: takes what somebody asks, lets it be judged, records it, and only then lets it count.

::

    Asked --> note, a platform's or our own --> judge --> append, commit --> book, rules --> reply

Lives in the recorder's thread: between two commands nothing else is written, so numbers and heads are never
raced for. Reads no clock, touches no socket. The journal comes first: what could not be recorded did not
happen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Protocol
from zoneinfo import ZoneInfo

from agent.axis import TRUSTED
from agent.orders.asked import Answer, Asked, Outcome
from agent.orders.book import Book, Done, Held
from agent.orders.judge import Accepted, Chain, Court, Issuer, ground_of, issuers_of, judge, refuse
from agent.orders.opening import Page, carried, page
from buffer.command import Command, is_command, sign_command
from buffer.errors import CommandError, StoreFull
from buffer.head import Head
from buffer.instant import Instant
from buffer.journal import Journal
from buffer.note import Signer
from config.calendar import moment
from config.errors import ConfigInvalid
from config.orderfile import Ground, as_table, take_declaration, take_file
from config.orders import LOCAL, VERBS, Declaration, Order
from config.ordershapes import DECLARATION, in_file
from config.site import SiteConfig
from config.source import Place, Problems

_NOT_SAID: Final = frozenset(("by", "declared_ms", "source"))  # the box itself says these, never a command


class Keeper(Protocol):
    """The logbook as the clerk uses it."""

    def store(self, document: Page, /) -> None:
        """Write the page."""


@dataclass(frozen=True, slots=True)
class Office:
    """What the clerk works with. ``hash_of``: the hash of a sealed block; ``tell``: the rules listen."""

    journal: Journal
    config: SiteConfig
    signer: Signer
    hash_of: Callable[[int], str | None]
    tell: Callable[[tuple[Order, ...], tuple[Declaration, ...]], None]
    keep: Keeper

    @property
    def issuers(self) -> dict[str, Issuer]:
        """The keys that may command, by name; the box itself speaks for who stands beside it."""
        own = self.signer.verifier
        return {**issuers_of(self.config), own.name: Issuer(own, frozenset(VERBS), LOCAL)}


class Clerk:
    """Owner of the book. ``lost``: what was in force in a history that ended, and must be said again."""

    def __init__(self, office: Office, book: Book, lost: tuple[Held, ...], now: Instant) -> None:
        self._office = office
        self._issuers = office.issuers
        self._zone = ZoneInfo(office.config.site.timezone)
        self._unwritten = bool(lost)
        self.book = book
        for held in lost:
            self._record(*carried(held), now)
        if lost:
            office.journal.commit(now)
        self._tell(now)

    def take(self, asked: Asked, now: Instant) -> bool:
        """Do what is asked and say what came of it; whether anything is new in the journal."""
        outcomes: list[Outcome] = []
        answer = Answer()
        try:
            for raw in self._notes(asked, now):
                outcomes.append(self._execute(raw, asked, now))
        except ConfigInvalid as invalid:
            answer = Answer(problems=invalid.problems)
        except StoreFull:
            answer = Answer(problems=refuse("SBX-ORD-044", asked.called, "").problems)
        changed = any(not one.repeated for one in outcomes)
        if changed:
            self._office.journal.commit(now)
            self._tell(now)
        if answer.problems and is_command(asked.data):
            self._refused(asked, answer, now)
        asked.reply(Answer(tuple(outcomes), answer.problems))
        return changed

    def _refused(self, asked: Asked, answer: Answer, now: Instant) -> None:
        """That somebody handed in a command that does not count is worth a record, while there is room."""
        found = sorted({problem.code for problem in answer.problems})
        fields = {"what": "refused", "file": asked.called, "codes": found, "who": asked.who}
        with suppress(StoreFull):
            self._office.journal.append("audit", fields, now)

    def sealed(self, head: Head) -> None:
        """Everything recorded so far is in a block: the page may say so."""
        if self._unwritten:
            self._office.keep.store(page(self.book, head.epoch, head.n))
            self._unwritten = False

    def _notes(self, asked: Asked, now: Instant) -> Iterator[bytes]:
        """The command notes that the wish comes to, each made when the one before is executed."""
        if asked.wish == "file" and is_command(asked.data):
            yield asked.data
        elif asked.wish == "file":
            orders, declarations = take_file(asked.called, asked.data, self._ground(asked, now))
            for order in orders:
                yield self._own("order-put", _said(order), now)
            for declaration in declarations:
                yield self._own("declaration-put", _said(declaration), now)
        elif asked.wish == "declaration-put":
            yield self._own(asked.wish, _said(self._declared(asked, now)), now)
        else:
            yield self._own(asked.wish, asked.values, now)

    def _declared(self, asked: Asked, now: Instant) -> Declaration:
        """From the words of the command line; an id is found for it; it begins now unless it says else."""
        problems = Problems()
        begin = moment(now.utc_ms + 999, self._zone)  # whole seconds, and not a moment late
        values = {"id": f"d{self._number()}", "from": begin, **asked.values}
        table = as_table("declaration", Place(asked.called, 0, ""), values, "--")
        ground = self._ground(asked, now)
        found = take_declaration(table, in_file(DECLARATION, self._zone), LOCAL, ground, problems)
        if found is None or problems.all():
            raise ConfigInvalid(problems.all())
        return found

    def _own(self, verb: str, value: Mapping[str, Any], now: Instant) -> bytes:
        """A command of somebody at the box: the box signs it."""
        head, signer = self._office.journal.head, self._office.signer
        try:
            command = Command(
                by=signer.verifier.name,
                box=self._office.config.site.id,
                epoch=head.epoch,
                head_n=head.n,
                head_hash=head.hash,
                number=self._number(),
                time_ms=max(0, now.utc_ms),
                verb=verb,
                object=value,
            )
        except CommandError as error:  # too long, or words that no record can hold
            raise refuse("SBX-ORD-049", "", "", reason=error) from error
        return sign_command(command, signer)

    def _number(self) -> int:
        return self.book.numbers.get(self._office.signer.verifier.name, 0) + 1

    def _execute(self, raw: bytes, asked: Asked, now: Instant) -> Outcome:
        head = self._office.journal.head
        chain = Chain(self._office.config.site.id, head.epoch, head.n, self._office.hash_of)
        court = Court(self._issuers, chain, self._bare(asked, now))
        verdict = judge(raw, asked.called, self.book, court)
        if isinstance(verdict, Done):
            return Outcome(verdict.kind, "", verdict.id, verdict.i, repeated=True)
        return self._accepted(verdict, now)

    def _accepted(self, verdict: Accepted, now: Instant) -> Outcome:
        i = self._record(verdict.kind, verdict.fields, now)
        return Outcome(verdict.kind, verdict.fields["op"], verdict.fields["id"], i)

    def _record(self, kind: str, fields: Mapping[str, Any], now: Instant) -> int:
        i = self._office.journal.append(kind, fields, now)
        self.book = self.book.take({**fields, "i": i, "k": kind, "t": now.utc_ms})
        self._unwritten = True
        return i

    def _bare(self, asked: Asked, now: Instant) -> Ground:
        return Ground(self._office.config.points, self._zone, now.utc_ms, who=asked.who)

    def _ground(self, asked: Asked, now: Instant) -> Ground:
        return ground_of(self.book, self._bare(asked, now))

    def _tell(self, now: Instant) -> None:
        self._office.tell(*self.book.known(now.utc_ms if now.letter in TRUSTED else 0))


def _said(one: Order | Declaration) -> dict[str, object]:
    """As the object of a command."""
    return {name: value for name, value in one.fields().items() if name not in _NOT_SAID}
