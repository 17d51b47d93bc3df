"""Commands, ``sitebox/command/v1``: somebody with the right to it asks a box to do one thing (DESIGN 8).

::

    sitebox/command/v1
    by city                                       the issuer: the name of the key that signs
    box SB-7F3A-92 epoch 5f0c81d2a94be736         this box, in this life of its chain
    head 41 <hash of header 41>                   a block of that chain: freshness without a clock
    number 7                                      of this issuer, rising, never used twice
    time 1795000000000                            the issuer's own clock, ms; informs, decides nothing
    verb order-put
    {"id":"2026-031","kind":"stop",...}           what the verb is about, one line in the spelling of rows/1

Signed by one key, whose name is the issuer. Whether the issuer may use the verb, whether head and number
count, and what the object means is for ``agent.orders`` to judge. ``docs/commands.md`` is the specification.
Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from buffer.errors import CommandError, FormatError, NoteError, RowError, UnknownVersion
from buffer.grammar import BOX, EPOCH, HASH, NUMBER, is_number, is_word, lines
from buffer.note import Signer, VerifierKey, decode, encode
from buffer.rows import decode_row, encode_row

KIND: Final = "sitebox/command/v1"
MAX_OBJECT: Final = 3 * 1024  # bytes with its newline: note and fields fit one record (8 KiB) together
ISSUER: Final = "[A-Za-z0-9._-]{1,32}"  # the id of an [[issuer]], or of a box
_VERB: Final = "[a-z]+(?:-[a-z]+)*"

_HEAD = tuple(
    re.compile(pattern, re.ASCII)
    for pattern in (
        rf"by ({ISSUER})",
        rf"box ({BOX}) epoch ({EPOCH})",
        rf"head ({NUMBER}) ({HASH})",
        rf"number ({NUMBER})",
        rf"time ({NUMBER})",
        rf"verb ({_VERB})",
    )
)


@dataclass(frozen=True, slots=True)
class Command:
    """What one issuer asks of one box. Raises CommandError when made of what no command may say. A ``verb``
    of newer software passes here: that it is unknown is an answer to the issuer."""

    by: str
    box: str
    epoch: str
    head_n: int
    head_hash: str
    number: int
    time_ms: int
    verb: str
    object: Mapping[str, Any]

    def __post_init__(self) -> None:
        words = ((ISSUER, self.by), (BOX, self.box), (EPOCH, self.epoch), (HASH, self.head_hash))
        if not all(is_word(pattern, word) for pattern, word in (*words, (_VERB, self.verb))):
            raise CommandError("command: a word that has not its form")
        if not all(map(is_number, (self.head_n, self.number, self.time_ms))):
            raise CommandError("command: a number below 0 or beyond 2^53")
        if len(_object(self.object)) > MAX_OBJECT:
            raise CommandError("command: its object is too long")


def encode_command(c: Command) -> bytes:
    """The text to sign."""
    rows = (
        KIND,
        f"by {c.by}",
        f"box {c.box} epoch {c.epoch}",
        f"head {c.head_n} {c.head_hash}",
        f"number {c.number}",
        f"time {c.time_ms}",
        f"verb {c.verb}",
    )
    return ("\n".join(rows) + "\n").encode("ascii") + _object(c.object)


def decode_command(text: bytes) -> Command:
    """Take the text of a command. UnknownVersion for a newer edition, CommandError for anything that
    ``encode_command`` would not have written."""
    at = text.rfind(b"\n", 0, -1) + 1
    try:
        found = [_take(pattern, row) for pattern, row in zip(_HEAD, lines(text[:at], "command"), strict=True)]
        shown = decode_row(text[at:])
    except (UnknownVersion, CommandError):
        raise
    except (FormatError, ValueError) as error:
        raise CommandError(f"command: {error}") from error
    by, box, head, number, time, verb = found
    command = Command(
        by=by[1],
        box=box[1],
        epoch=box[2],
        head_n=int(head[1]),
        head_hash=head[2],
        number=int(number[1]),
        time_ms=int(time[1]),
        verb=verb[1],
        object=shown,
    )
    if encode_command(command) != text:
        raise CommandError("command: not in its one spelling")
    return command


def sign_command(command: Command, signer: Signer) -> bytes:
    """The signed note. CommandError where the key's name is not the issuer."""
    if signer.verifier.name != command.by:
        raise CommandError(f"command: {signer.verifier.name} may not speak for {command.by}")
    return encode(encode_command(command), (signer,))


def open_command(raw: bytes, keys: Iterable[VerifierKey]) -> Command:
    """The command in a signed note, believed: its one signature is good, of one of ``keys``, and that key is
    the issuer it names. Raises CommandError, NoteError or UnknownVersion."""
    note = decode(raw)
    command = decode_command(note.text)
    signers = _signers(note.signed_by(keys), len(note.signatures))
    if command.by != signers[0].name:
        raise CommandError(f"command: {signers[0].name} may not speak for {command.by}")
    return command


def is_command(raw: bytes) -> bool:
    """Whether a file claims to be a command of any version, told by its first line: also one that an editor
    has spoilt with a byte order mark."""
    return raw.removeprefix(b"\xef\xbb\xbf").startswith(b"sitebox/command/")


def _signers(found: Sequence[VerifierKey], written: int) -> Sequence[VerifierKey]:
    if len(found) != 1 or written != 1:
        raise NoteError("command: not signed by one known key alone")
    return found


def _object(value: Mapping[str, Any]) -> bytes:
    try:
        return encode_row(value)
    except RowError as error:
        raise CommandError(f"command: {error}") from error


def _take(pattern: re.Pattern[str], row: str) -> re.Match[str]:
    found = pattern.fullmatch(row)
    if found is None:
        raise CommandError("command: a line has not its form")
    return found
