"""Receipts, ``sitebox/receipt/v1``: an authority says, signed, what it has stored (DESIGN 8).

::

    sitebox/receipt/v1
    by city
    box SB-7F3A-92 epoch 5f0c81d2a94be736
    stored 0..41 <hash of header 41>              nothing yet: "stored -"
    also 44..47 <hash of header 47>               up to 64; beyond a gap, sorted
    want 42..43                                   up to 64; send these, sorted
    heads county 40 <hash of header 40>           what other authorities hold, as this one heard, sorted
    time 1795000000000                            the authority's own clock, ms

Signed by the key whose name is the authority. Only ``stored`` moves a cursor. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, NamedTuple

from buffer.errors import FormatError, ReceiptError, UnknownVersion
from buffer.grammar import AUTHORITY, BOX, EPOCH, HASH, NUMBER, is_number, is_word, lines
from buffer.note import VerifierKey, decode

KIND: Final = "sitebox/receipt/v1"
MAX_RANGES: Final = 64
MAX_HEADS: Final = 16

_BY = re.compile(rf"by ({AUTHORITY})", re.ASCII)
_BOX = re.compile(rf"box ({BOX}) epoch ({EPOCH})", re.ASCII)
_STORED = re.compile(rf"stored (?:-|0\.\.({NUMBER}) ({HASH}))", re.ASCII)
_TIME = re.compile(rf"time ({NUMBER})", re.ASCII)
_ALSO = re.compile(rf"also ({NUMBER})\.\.({NUMBER}) ({HASH})", re.ASCII)
_WANT = re.compile(rf"want ({NUMBER})\.\.({NUMBER})", re.ASCII)
_HEADS = re.compile(rf"heads ({AUTHORITY}) ({NUMBER}) ({HASH})", re.ASCII)


class Quote(NamedTuple):
    """``holder`` is said to have a block with this hash; ``whole``: and, by its own word, all before it."""

    n: int
    hash: str
    holder: str
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Receipt:
    """What one authority holds of one box. Raises ReceiptError when made of what no receipt may say."""

    by: str
    box: str
    epoch: str
    stored_n: int  # -1: nothing
    stored_hash: str  # "" with -1
    also: tuple[tuple[int, int, str], ...]
    want: tuple[tuple[int, int], ...]
    heads: tuple[tuple[str, int, str], ...]
    time_ms: int

    def __post_init__(self) -> None:
        words = [(AUTHORITY, self.by), (BOX, self.box), (EPOCH, self.epoch)]
        words += [(HASH if self.stored_n >= 0 else "", self.stored_hash)]
        words += [(HASH, also[2]) for also in self.also] + [(HASH, head[2]) for head in self.heads]
        words += [(AUTHORITY, head[0]) for head in self.heads]
        if not all(is_word(pattern, word) for pattern, word in words):
            raise ReceiptError("receipt: a word that has not its form")
        if not all(map(is_number, (self.stored_n + 1, self.time_ms, *(head[1] for head in self.heads)))):
            raise ReceiptError("receipt: a number below 0 or beyond 2^53")
        _check_ranges([(-1, self.stored_n), *(also[:2] for also in self.also)])
        _check_ranges([(-2, -2), *self.want])
        names = [head[0] for head in self.heads]
        if names != sorted(set(names)) or len(names) > MAX_HEADS:
            raise ReceiptError("receipt: heads not sorted, repeated or too many")

    def quoted(self) -> tuple[Quote, ...]:
        """Every block this receipt speaks of. ``heads`` are what the box itself told of others: they can show
        a second history, and never that anybody holds this one."""
        stored = (Quote(self.stored_n, self.stored_hash, self.by, whole=True),) if self.stored_n >= 0 else ()
        also = (Quote(b, digest, self.by) for _, b, digest in self.also)
        return (*stored, *also, *(Quote(n, digest, name) for name, n, digest in self.heads))


def _check_ranges(ranges: Sequence[tuple[int, int]]) -> None:
    """Sorted, and with a hole before each: two that touch would be another spelling of one."""
    if len(ranges) > MAX_RANGES + 1:
        raise ReceiptError("receipt: too many ranges")
    for (_, before), (a, b) in pairwise(ranges):
        if a <= before + 1 or b < a or not is_number(b):
            raise ReceiptError("receipt: ranges not sorted, touching or impossible")


def encode_receipt(r: Receipt) -> bytes:
    """The text to sign."""
    rows = [
        KIND,
        f"by {r.by}",
        f"box {r.box} epoch {r.epoch}",
        f"stored 0..{r.stored_n} {r.stored_hash}" if r.stored_n >= 0 else "stored -",
    ]
    rows += [f"also {a}..{b} {digest}" for a, b, digest in r.also]
    rows += [f"want {a}..{b}" for a, b in r.want]
    rows += [f"heads {name} {n} {digest}" for name, n, digest in r.heads]
    rows.append(f"time {r.time_ms}")
    return ("\n".join(rows) + "\n").encode("ascii")


def decode_receipt(text: bytes) -> Receipt:
    """Take the text of a receipt. UnknownVersion for a newer edition, ReceiptError for anything that
    ``encode_receipt`` would not have written."""
    try:
        rows = lines(text, "receipt")
    except UnknownVersion:
        raise
    except FormatError as error:
        raise ReceiptError(str(error)) from error
    if len(rows) < 4:
        raise ReceiptError("receipt: lines missing")
    by, box, stored, time = (
        _take(pattern, row)
        for pattern, row in zip((_BY, _BOX, _STORED, _TIME), (*rows[:3], rows[-1]), strict=True)
    )
    middle = rows[3:-1]
    receipt = Receipt(
        by=by[1],
        box=box[1],
        epoch=box[2],
        stored_n=-1 if stored[1] is None else int(stored[1]),
        stored_hash=stored[2] or "",
        also=tuple((int(m[1]), int(m[2]), m[3]) for m in _all(_ALSO, middle)),
        want=tuple((int(m[1]), int(m[2])) for m in _all(_WANT, middle)),
        heads=tuple((m[1], int(m[2]), m[3]) for m in _all(_HEADS, middle)),
        time_ms=int(time[1]),
    )
    if encode_receipt(receipt) != text:  # also: lines unknown to v1, lines in another order
        raise ReceiptError("receipt: not in its one spelling")
    return receipt


def open_receipt(raw: bytes, key: VerifierKey) -> Receipt:
    """The receipt in a signed note, believed: its one signature is good, of ``key``, and ``key`` is the
    authority it names. Raises NoteError, ReceiptError or UnknownVersion."""
    note = decode(raw)
    if len(note.signatures) != 1 or not note.signed_by((key,)):
        raise ReceiptError(f"receipt: not signed by {key.name} alone")
    receipt = decode_receipt(note.text)
    if receipt.by != key.name:
        raise ReceiptError(f"receipt: {key.name} may not speak for {receipt.by}")
    return receipt


def _take(pattern: re.Pattern[str], row: str) -> re.Match[str]:
    found = pattern.fullmatch(row)
    if found is None:
        raise ReceiptError("receipt: a line has not its form")
    return found


def _all(pattern: re.Pattern[str], rows: Iterable[str]) -> tuple[re.Match[str], ...]:
    return tuple(found for row in rows if (found := pattern.fullmatch(row)) is not None)
