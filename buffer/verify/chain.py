"""Signatures and the chain: is each header of this box, unedited, and in its place?

::

    header n-1 --key--> signs header n (with the identity)      header n --prev--> SHA-256(text of header n-1)

A block is judged in this order, and the first answer names it: readable, signed by the identity, of this box
and epoch, in its place, signed by the ratchet key its predecessor named, chained to it, counters not falling.
Keeps the last WINDOW hashes only; trusts nothing of a header whose signature is bad.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from buffer.block import decode_header, hash_text
from buffer.errors import BlockError, NoteError, UnknownVersion
from buffer.header import Header
from buffer.note import Note, VerifierKey, decode
from buffer.verify.identities import Identities
from buffer.verify.report import Findings, Wrong
from buffer.verify.sequence import falls

WINDOW: Final = 4096  # so far back a repeated number can be called duplicate or fork
MAX_HOLES: Final = 1024


@dataclass(frozen=True, slots=True)
class Link:
    """A header that is the box's own. ``before`` is its predecessor, None where the chain starts anew
    (first block given, behind a hole); ``in_place`` is false for a block that came late or twice."""

    header: Header
    hash: str
    before: Header | None
    in_place: bool
    signer: VerifierKey | None = None  # the identity that had to sign it


@dataclass(frozen=True, slots=True)
class _Hole:
    a: int
    b: int
    order: int


class Chain:
    """Takes notes one after the other. Public counts are for the verdicts."""

    def __init__(self, findings: Findings, identities: Identities) -> None:
        self._findings = findings
        self._identities = identities
        self._base: tuple[Header, str] | None = None  # the last sound block in place
        self._expected: int | None = None
        self._unsure = 0  # unbelievable blocks since the last sound one: they may have taken places or not
        self._window: OrderedDict[int, tuple[str, VerifierKey]] = OrderedDict()
        self._holes: list[_Hole] = []
        self.first: int | None = None
        self.last: int | None = None
        self.box = ""
        self.epochs: list[str] = []
        self.ratchet_unchecked = 0
        self.identity_unchecked = 0
        self._due: VerifierKey | None = None
        self.readable = 0

    def take(self, raw: bytes) -> Link | None:
        """The next block as given; None when nothing of it can be believed."""
        note, header = self._read(raw)
        if note is None or header is None:
            self._unsure += 1
            return None
        self.readable += 1
        self._start(header)
        if not self._by_identity(note, header):
            self._unsure += 1
            return None
        if header.box != self.box or not self._same_epoch(header):
            self._findings.add(Wrong.SPLICED, self._here, f"{header.box} {header.epoch}")
            self._unsure += 1
            return None
        return self._place(note, header)

    def close(self) -> None:
        """What is still missing was removed."""
        for hole in self._holes:
            self._findings.add(
                Wrong.REMOVED, hole.a, f"{hole.a}..{hole.b}", order=hole.order, times=hole.b - hole.a + 1
            )
        self._holes.clear()

    def _read(self, raw: bytes) -> tuple[Note | None, Header | None]:
        """Note and header. A header that cannot be read is told apart: edited, or of a newer edition."""
        try:
            note = decode(raw)
        except NoteError as error:
            self._findings.add(Wrong.UNREADABLE, self._here, str(error))
            return None, None
        try:
            return note, decode_header(note.text)
        except (BlockError, UnknownVersion) as error:
            kind = Wrong.UNKNOWN_VERSION if isinstance(error, UnknownVersion) else Wrong.UNREADABLE
            if self.identity is not None and not _good(note, self.identity):
                kind = Wrong.EDITED_HEADER
            self._findings.add(kind, self._here, str(error))
            return note, None

    def _start(self, header: Header) -> None:
        if self.first is not None:
            return
        self.first = self._expected = header.n
        self.box = header.box
        self.epochs.append(header.epoch)

    @property
    def identity(self) -> VerifierKey | None:
        """The identity in force."""
        return self._identities.current

    def _by_identity(self, note: Note, header: Header) -> bool:
        """By the identity that must sign it, which ``_due`` has then."""
        late = header.epoch == self.epochs[-1] and header.n < (self._expected or 0)
        sure = self._base is not None and header.n == self._expected and not self._unsure
        identities = self._identities
        due = identities.past(note) if late else identities.named(note, header, sure=sure and header.n > 0)
        self._due = due
        if due is None:
            self.identity_unchecked += 1
            return True
        if not self._by(due, note, header):
            return False
        if not late:
            identities.took(due)
        return True

    def _by(self, due: VerifierKey, note: Note, header: Header) -> bool:
        if header.n == 0 and header.identity != due:
            self._findings.add(Wrong.RE_SIGNED, 0, f"genesis names {header.identity}")
            return False
        names = [line.name for line in note.signatures]
        if due.name not in names:
            kind = Wrong.RE_SIGNED if header.box == due.name else Wrong.SPLICED
            self._findings.add(kind, self._here, f"block of {header.box}, signed by {names[0]}")
            return False
        if names[0] != due.name:
            self._findings.add(Wrong.EDITED_HEADER, self._here, "signature lines in another order")
            return False
        return self._signed(note, due)

    def _signed(self, note: Note, key: VerifierKey) -> bool:
        """One line of two must be ``key``'s and good; else the header is edited or re-signed."""
        if all((line.name, line.key_id) != (key.name, key.key_id) for line in note.signatures):
            self._findings.add(Wrong.RE_SIGNED, self._here, f"no signature of {key.name} {key.key_id.hex()}")
            return False
        if len(note.signatures) > 2 or not _good(note, key):
            self._findings.add(Wrong.EDITED_HEADER, self._here, f"signature of {key.name} does not fit")
            return False
        return True

    def _same_epoch(self, header: Header) -> bool:
        if header.epoch == self.epochs[-1]:
            return True
        if header.n != 0 or header.epoch in self.epochs:
            return False
        self._findings.add(Wrong.NEW_EPOCH, 0, header.epoch)
        self.close()
        self.epochs.append(header.epoch)
        self._window.clear()
        self._expected, self._base, self._unsure = 0, None, 0
        return True

    def _place(self, note: Note, header: Header) -> Link | None:
        digest = hash_text(note.text)
        assert self._expected is not None
        if header.n < self._expected:
            return self._late(note, header, digest)
        before = self._base if header.n == self._expected else None
        if header.n > self._expected + self._unsure:
            self._hole(self._expected + self._unsure, header.n - 1)
        if not self._by_ratchet(note, header, before):
            self._unsure += 1
            return None
        if before is not None:
            before = self._chained(header, before)
        self._base = (header, digest)
        self._keep(header, digest)
        self._identities.passed(header)
        return Link(header, digest, before[0] if before else None, in_place=True, signer=self._due)

    def _by_ratchet(self, note: Note, header: Header, before: tuple[Header, str] | None) -> bool:
        if header.n == 0:
            return self._signed(note, header.next_key)
        if before is None:
            return self._by_some_ratchet(note)
        return self._signed(note, before[0].next_key)

    def _by_some_ratchet(self, note: Note) -> bool:
        """Without the predecessor nobody can say which key is right; that there is one can be said."""
        self.ratchet_unchecked += 1
        if [line.name.startswith(f"{self.box}/r") for line in note.signatures] == [False, True]:
            return True
        self._findings.add(Wrong.RE_SIGNED, self._here, "no signature of a ratchet key")
        return False

    def _chained(self, header: Header, before: tuple[Header, str]) -> tuple[Header, str] | None:
        if header.prev != before[1]:
            self._findings.add(Wrong.SPLICED, header.n, f"prev is not the hash of {before[0].n}")
            return None
        for detail in falls(before[0], header):
            self._findings.add(Wrong.FALLING, header.n, detail)
        for seen in header.seen:
            known = self._window.get(seen.n)
            if known is not None and known[0] != seen.hash and seen not in before[0].seen:
                self._findings.add(Wrong.FORK, seen.n, f"{seen.authority} holds {seen.hash}")
        return before

    def _late(self, note: Note, header: Header, digest: str) -> Link | None:
        """A number that has passed: it was swapped, it is a copy, or it is a second history."""
        known = self._window.get(header.n)
        hole = next((hole for hole in self._holes if hole.a <= header.n <= hole.b), None)
        if hole is not None:
            self._fill(hole, header.n)
            self._findings.add(Wrong.SWAPPED, hole.a, f"{header.n} came late", order=hole.order)
            before = self._window.get(header.n - 1)
            if before is not None and not self._signed(note, before[1]):
                return None
            self._remember(header, digest)
            return Link(header, digest, None, in_place=False)
        if known is None:
            self._findings.add(Wrong.SWAPPED, header.n, "out of order, too far back to compare")
        elif known[0] == digest:
            self._findings.add(Wrong.DUPLICATED, header.n, digest)
        else:
            self._findings.add(Wrong.FORK, header.n, f"{known[0]} and {digest}")
        return None

    def _hole(self, a: int, b: int) -> None:
        if len(self._holes) < MAX_HOLES:
            self._holes.append(_Hole(a, b, self._findings.order))
        else:
            self._findings.add(Wrong.REMOVED, a, f"{a}..{b}", times=b - a + 1)

    def _fill(self, hole: _Hole, n: int) -> None:
        at = self._holes.index(hole)
        parts = [_Hole(hole.a, n - 1, hole.order), _Hole(n + 1, hole.b, hole.order)]
        self._holes[at : at + 1] = [part for part in parts if part.a <= part.b]

    def _keep(self, header: Header, digest: str) -> None:
        self._remember(header, digest)
        self.last = header.n
        self._expected = header.n + 1
        self._unsure = 0

    def _remember(self, header: Header, digest: str) -> None:
        self._window[header.n] = (digest, header.next_key)
        while len(self._window) > WINDOW:
            self._window.popitem(last=False)

    @property
    def _here(self) -> int | None:
        """The number that belongs here, whatever the block itself claims."""
        return None if self._expected is None else self._expected + self._unsure


def _good(note: Note, key: VerifierKey) -> bool:
    try:
        return bool(note.signed_by((key,)))
    except NoteError:
        return False
