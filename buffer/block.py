"""Block headers, ``sitebox/block/v1``: the signed, chained page of the journal (DESIGN 6).

::

    sitebox/block/v1
    box SB-7F3A-92  epoch 5f0c81d2a94be736  n 5
    prev <sha256 of the text of header 4>                   64 zeros in the genesis
    body rows/1 18220 <sha256 of the body>  records 301..361        none: "records 301..300"
    raw 5120 <sha256 of the bus frames>                     none: "raw 0 -"
    boot 17 <boot id>  mono 86400123  utc 1795000000000 S
    soft 0.1.0 <digest or ->  cfg <digest or ->
    sum reads 300 12  alarms 1  boots 17  lost 0            since birth, never falling
    ext <counter kept outside the card, or ->
    seen <authority> <n> <hash> <its time ms>               none or more, sorted, one an authority
    key <verifier key that signs block 6>                   genesis, hand-over: the identity's line before it

A header holds the digest of its body, not the body: thinning and header-only audits keep the chain whole.
Fields stand two blanks apart, the words of one field one blank. Signed by ``<box>`` and ``<box>/r<counter>``.
Pure: takes no clock, no file, no key.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from typing import Any, Final, cast

from buffer.errors import BlockError, FormatError, NoteError, RowError, UnknownVersion
from buffer.grammar import AUTHORITY, BOOT_ID, BOX, EPOCH, HASH, NUMBER, WORD, lines
from buffer.header import DIGEST, FIRST_RECORD, MAX_RAW, Header, Seen, Sums, ratchet_counter
from buffer.instant import ClockLetter
from buffer.note import VerifierKey
from buffer.rows import Record

__all__ = [
    "FIRST_RECORD",
    "KIND",
    "MAX_RAW",
    "Header",
    "Seen",
    "Sums",
    "count",
    "decode_header",
    "encode_header",
    "hash_text",
    "ratchet_counter",
]

KIND: Final = "sitebox/block/v1"

_LINES: Final = tuple(
    re.compile(pattern, re.ASCII)
    for pattern in (
        rf"box ({BOX})  epoch ({EPOCH})  n ({NUMBER})",
        rf"prev ({HASH})",
        rf"body rows/1 ({NUMBER}) ({HASH})  records ({NUMBER})\.\.({NUMBER})",
        rf"raw ({NUMBER}) ({HASH}|-)",
        rf"boot ({NUMBER}) ({BOOT_ID})  mono ({NUMBER})  utc ({NUMBER}) ([SRMI])",
        rf"soft ({WORD}) ({DIGEST})  cfg ({DIGEST})",
        rf"sum reads ({NUMBER}) ({NUMBER})  alarms ({NUMBER})  boots ({NUMBER})  lost ({NUMBER})",
        rf"ext ({NUMBER}|-)",
    )
)
_SEEN = re.compile(rf"seen ({AUTHORITY}) ({NUMBER}) ({HASH}) ({NUMBER})", re.ASCII)
_KEY = re.compile(r"key (\S+)", re.ASCII)
_BODY_FORMAT = re.compile(r"body (rows/[0-9]+) ", re.ASCII)


def hash_text(text: bytes) -> str:
    """SHA-256 in hex: of a header's text (what ``prev`` and receipts quote), a body, raw frames."""
    return hashlib.sha256(text).hexdigest()


def encode_header(h: Header) -> bytes:
    """The text of a header, from its first line to the newline of its last."""
    s = h.sums
    rows = [
        KIND,
        f"box {h.box}  epoch {h.epoch}  n {h.n}",
        f"prev {h.prev}",
        f"body rows/1 {h.body_bytes} {h.body_hash}  records {h.first}..{h.last}",
        f"raw {h.raw_bytes} {h.raw_hash}",
        f"boot {h.boot} {h.boot_id}  mono {h.mono_ms}  utc {h.utc_ms} {h.letter}",
        f"soft {h.soft} {h.soft_digest}  cfg {h.cfg}",
        f"sum reads {s.reads_ok} {s.reads_failed}  alarms {s.alarms}  boots {s.boots}  lost {s.lost}",
        f"ext {'-' if h.ext is None else h.ext}",
    ]
    rows += [f"seen {seen.authority} {seen.n} {seen.hash} {seen.time_ms}" for seen in h.seen]
    rows += [f"key {key}" for key in h.keys]
    return ("\n".join(rows) + "\n").encode("ascii")


def decode_header(text: bytes) -> Header:
    """Take the text of a header. UnknownVersion for a newer edition, BlockError for anything that
    ``encode_header`` would not have written."""
    try:
        rows = lines(text, "block")
    except UnknownVersion:
        raise
    except FormatError as error:
        raise BlockError(str(error)) from error
    if len(rows) < len(_LINES) + 1:
        raise BlockError("header: lines missing")
    other = _BODY_FORMAT.match(rows[2])
    if other is not None and other[1] != "rows/1":
        raise UnknownVersion(f"body {other[1]}")
    header = _header(_fields(rows), rows[len(_LINES) :])
    if encode_header(header) != text:
        raise BlockError("header: not in its one spelling")
    return header


def _fields(rows: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    found = []
    for number, (pattern, row) in enumerate(zip(_LINES, rows, strict=False), 2):
        match = pattern.fullmatch(row)
        if match is None:
            raise BlockError(f"header: line {number} has not its form")
        found.append(match.groups())
    return tuple(found)


def _header(fields: tuple[tuple[str, ...], ...], rest: tuple[str, ...]) -> Header:
    name, prev, body, raw, boot, soft, sums, ext = fields
    seen = tuple(_seen(row) for row in rest if row.startswith("seen "))
    return Header(
        box=name[0],
        epoch=name[1],
        n=int(name[2]),
        prev=prev[0],
        body_bytes=int(body[0]),
        body_hash=body[1],
        first=int(body[2]),
        last=int(body[3]),
        raw_bytes=int(raw[0]),
        raw_hash=raw[1],
        boot=int(boot[0]),
        boot_id=boot[1],
        mono_ms=int(boot[2]),
        utc_ms=int(boot[3]),
        letter=cast(ClockLetter, boot[4]),
        soft=soft[0],
        soft_digest=soft[1],
        cfg=soft[2],
        sums=Sums(*map(int, sums)),
        ext=None if ext[0] == "-" else int(ext[0]),
        seen=seen,
        keys=tuple(_key(row) for row in rest[len(seen) :]),
    )


def _seen(row: str) -> Seen:
    found = _SEEN.fullmatch(row)
    if found is None:
        raise BlockError("header: bad seen line")
    return Seen(found[1], int(found[2]), found[3], int(found[4]))


def _key(row: str) -> VerifierKey:
    found = _KEY.fullmatch(row)
    if found is None:
        raise BlockError("header: a line that v1 does not know")
    try:
        return VerifierKey.parse(found[1])
    except NoteError as error:
        raise BlockError(f"header: {error}") from error


def count(records: Iterable[Record], sums: Sums) -> Sums:
    """``sums`` carried on over ``records``; RowError where a counted field has no countable value.

    A live reading with values counts as good, one with an error as failed; an alarm counts when it is
    raised; a loss adds its ``count``.
    """
    ok, failed, alarms, boots, lost = sums.values()
    for record in records:
        kind = record.get("k")
        if kind == "reading" and is_live(record):
            good = _is_good(record)
            ok, failed = ok + good, failed + (not good)
        elif kind == "alarm":
            alarms += record.get("state") == "raised"
        elif kind == "boot":
            boots += 1
        elif kind == "loss":
            lost += _lost(record)
    return Sums(ok, failed, alarms, boots, lost)


def is_live(record: Record) -> bool:
    """Whether a reading came of a poll; others a meter told of its own past."""
    return bool(record.get("src", "live") == "live")


def _is_good(record: Record) -> bool:
    values: Any = record.get("v")
    if not isinstance(values, dict) or (not values and "e" not in record):
        raise RowError("reading: neither values nor an error")
    return bool(values)


def _lost(record: Record) -> int:
    amount: Any = record.get("count")
    if type(amount) is not int or amount < 0:
        raise RowError("loss: no count")
    return amount
