"""Hand-over notes, ``sitebox/handover/v1``: the old identity of a box names the new one, and both sign it.

::

    sitebox/handover/v1
    box SB-7F3A-92
    old SB-7F3A-92+4a43ef11+AQHa...               signs first
    new SB-7F3A-92+0c1d2e3f+AQb0...               signs second: it takes over all that was signed
    head 5f0c81d2a94be736 41 <hash of header 41>  the newest block when this was written
    utc 1795000000000 S

Whoever knows one identity of a box follows these notes to the others, in either direction. From which block
on the new one signs is said by the chain: the header that names it is the last one that the old one signs.
Both algorithms that count may hand over to each other. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, cast

from buffer.errors import FormatError, HandoverError, NoteError, UnknownVersion
from buffer.grammar import BOX, EPOCH, HASH, NUMBER, is_number, is_word, lines
from buffer.instant import ClockLetter
from buffer.note import Note, VerifierKey, decode

KIND: Final = "sitebox/handover/v1"
MOST: Final = 64  # of one box: a rotation a year, and some

_FORM = re.compile(
    rf"box ({BOX})\nold (\S+)\nnew (\S+)\n"
    rf"head ({EPOCH}) ({NUMBER}) ({HASH})\nutc ({NUMBER}) ([SRMI])",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Handover:
    """What one note says. Raises HandoverError when made of what no note may say."""

    box: str
    old: VerifierKey
    new: VerifierKey
    epoch: str
    n: int
    hash: str
    utc_ms: int
    letter: ClockLetter

    def __post_init__(self) -> None:
        words = ((BOX, self.box), (EPOCH, self.epoch), (HASH, self.hash), ("[SRMI]", self.letter))
        if not all(is_word(pattern, word) for pattern, word in words):
            raise HandoverError("hand-over: a word that has not its form")
        if not (is_number(self.n) and is_number(self.utc_ms)):
            raise HandoverError("hand-over: a number below 0 or beyond 2^53")
        if {self.old.name, self.new.name} != {self.box} or self.old == self.new:
            raise HandoverError("hand-over: not from one identity of the box to another")


def encode_handover(h: Handover) -> bytes:
    """The text to sign."""
    rows = (KIND, f"box {h.box}", f"old {h.old}", f"new {h.new}", f"head {h.epoch} {h.n} {h.hash}")
    return "".join(f"{row}\n" for row in (*rows, f"utc {h.utc_ms} {h.letter}")).encode("ascii")


def decode_handover(text: bytes) -> Handover:
    """Take the text of a note. UnknownVersion for a newer edition, HandoverError for anything that
    ``encode_handover`` would not have written."""
    try:
        found = _FORM.fullmatch("\n".join(lines(text, "handover")))
        if found is None:
            raise HandoverError("hand-over: not its lines")
        box, old, new, epoch, n, digest, utc_ms, letter = found.groups()
        keys = VerifierKey.parse(old), VerifierKey.parse(new)
    except (UnknownVersion, HandoverError):
        raise
    except FormatError as error:
        raise HandoverError(str(error)) from error
    made = Handover(box, *keys, epoch, int(n), digest, int(utc_ms), cast(ClockLetter, letter))
    if encode_handover(made) != text:
        raise HandoverError("hand-over: not in its one spelling")
    return made


def open_handover(raw: bytes) -> Handover:
    """The hand-over in a signed note, with both signatures good and no other: that the new identity is the
    old one's will. Who the old one is, the reader must know. HandoverError, UnknownVersion."""
    try:
        note = decode(raw)
        made = decode_handover(note.text)
        if note.signed_by((made.old, made.new)) != (made.old, made.new) or len(note.signatures) != 2:
            raise HandoverError("hand-over: not signed by the old and the new identity, and in this order")
    except NoteError as error:
        raise HandoverError(str(error)) from error
    return made


def lineage(known: VerifierKey, handovers: Iterable[Handover]) -> tuple[VerifierKey, ...]:
    """Every identity that is known through ``known``, in the order of their lives. HandoverError where one
    has handed over twice, or where one was handed over to twice: then nobody can say which counts."""
    after: dict[VerifierKey, VerifierKey] = {}
    before: dict[VerifierKey, VerifierKey] = {}
    for one in handovers:
        if after.setdefault(one.old, one.new) != one.new or before.setdefault(one.new, one.old) != one.old:
            raise HandoverError(f"hand-over: {one.old} has two successors, or {one.new} two predecessors")
    found: list[VerifierKey] = [known]
    while (older := before.get(found[0])) is not None and older not in found:
        found.insert(0, older)
    while (newer := after.get(found[-1])) is not None and newer not in found:
        found.append(newer)
    return tuple(found)


def in_force(note: Note, named: VerifierKey | None, known: Iterable[VerifierKey]) -> VerifierKey | None:
    """The identity that must sign the block behind this one: the one that its header names, else the one that
    signed it; None when it is signed by nobody ``known``. NoteError for a bad signature."""
    signers = note.signed_by(known)
    return None if not signers else named or signers[0]


def opened(notes: Sequence[bytes]) -> tuple[Handover, ...]:
    """All of them; HandoverError, UnknownVersion for the first that does not hold."""
    return tuple(map(open_handover, notes))
