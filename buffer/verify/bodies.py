"""Bodies: digests, strict rows, record numbers, sums, and what the raw frames say of the values.

::

    header: body digest, first..last, sums, raw digest      body: one canonical row a record

Believes nothing of a body whose digest differs, and counts nothing of it. Holds one block at a time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, Final

from buffer.block import Sums, count, hash_text
from buffer.errors import RawError, RowError
from buffer.header import Header
from buffer.raw import RawFrame, decode_raw
from buffer.rows import Record, decode_body
from buffer.verify.chain import Link
from buffer.verify.events import Events
from buffer.verify.identities import Identities
from buffer.verify.instants import Instants
from buffer.verify.missing import Missing
from buffer.verify.report import BlockData, Findings, Wrong
from buffer.verify.slots import Slots
from buffer.verify.starts import Starts

# Given the configuration in force (None: not known), a reading and its frames: do they say the same? None:
# nobody here can tell.
Recompute = Callable[["str | None", Record, Sequence[RawFrame]], "bool | None"]

_EVERY: Final = (("boot", int), ("i", int), ("k", str), ("mono", int), ("q", str), ("t", int))
_DECIMAL = re.compile(r"-?[0-9]+(?:\.[0-9]+)?", re.ASCII)


class Bodies:
    """Takes the blocks whose headers are sound. Public counts are for the verdicts."""

    def __init__(
        self, findings: Findings, instants: Instants, identities: Identities, recompute: Recompute | None
    ) -> None:
        self._findings = findings
        self._instants = instants
        self._identities = identities
        self._recompute = recompute
        self.slots = Slots(findings)
        self._events = Events(findings)
        self._starts = Starts(findings)
        self._missing = Missing(findings)
        self.records = 0
        self.bodies = 0
        self.values_same = 0
        self.values_open = 0  # live readings that nobody could recompute

    def take(self, link: Link, block: BlockData) -> None:
        """One block; for a block out of its place only the digests are judged."""
        header, before = link.header, link.before
        sound = self._body(header, block.body)
        raw_sound = self._raw(header, block.raw)
        if not link.in_place:
            return
        self._missing.block(header, gone=block.body is None)
        if before is None:
            self._restart()
        elif header.first != before.last + 1:
            self._findings.add(Wrong.BAD_RECORDS, header.n, f"{before.last} then {header.first}")
        records = self._rows(header, block.body) if sound else None
        if records is None or not self._sums(header, before, records):
            self._restart()
            self._rising(header, before)
            self._instants.block(header, ())
            return
        self._events.block(header, before, records)
        self._starts.block(header, before, records)
        self._identities.record(header, link.signer, records)
        self._instants.block(header, records)
        for record in records:
            self.slots.take(header.n, record)
            self._missing.record(header.n, record)
        if self._recompute is not None:
            self._values(link, records, block.raw if raw_sound else None)

    def epoch(self, stored: int) -> None:
        """The end of an epoch, or of the data; ``stored``: receipts from outside say that so much is
        stored."""
        self._restart()
        self._missing.settle(stored)

    def _restart(self) -> None:
        self.slots.clear()
        self._events.clear()
        self._starts.clear()

    def _body(self, header: Header, body: bytes | None) -> bool:
        if body is None:
            if header.body_bytes:
                self._findings.add(Wrong.BODY_MISSING, header.n, f"records {header.first}..{header.last}")
            return False
        self.bodies += 1
        if len(body) == header.body_bytes and hash_text(body) == header.body_hash:
            return True
        self._findings.add(Wrong.EDITED_BODY, header.n, f"{len(body)} bytes, {hash_text(body)}")
        return False

    def _raw(self, header: Header, raw: bytes | None) -> bool:
        if raw is None:
            return False
        digest = hash_text(raw) if raw else "-"
        if (len(raw), digest) == (header.raw_bytes, header.raw_hash):
            return True
        self._findings.add(Wrong.EDITED_RAW, header.n, f"{len(raw)} bytes, {digest}")
        return False

    def _rows(self, header: Header, body: bytes | None) -> list[dict[str, Any]] | None:
        try:
            records = list(decode_body(body or b""))
            for record in records:
                _check(record)
        except RowError as error:
            self._findings.add(Wrong.BAD_ROW, header.n, str(error))
            return None
        numbers = [record["i"] for record in records]
        if numbers != list(range(header.first, header.last + 1)):
            self._findings.add(Wrong.BAD_RECORDS, header.n, f"not {header.first}..{header.last}")
        self.records += len(records)
        return records

    def _sums(self, header: Header, before: Header | None, records: list[dict[str, Any]]) -> bool:
        """Recounted from the predecessor's; a birth counts from zero, a later epoch brings its sums along.
        False when a record cannot be counted."""
        known = before.sums if before is not None else Sums() if header.n == 0 and header.first == 1 else None
        try:
            counted = count(records, known or Sums())
        except RowError as error:
            self._findings.add(Wrong.BAD_ROW, header.n, str(error))
            return False
        wrong = counted != header.sums if known is not None else _below(header.sums, counted)
        if wrong:
            self._findings.add(
                Wrong.BAD_SUMS, header.n, f"{header.sums.values()}, counted {counted.values()}"
            )
        return True

    def _rising(self, header: Header, before: Header | None) -> None:
        if before is not None and _below(header.sums, before.sums):
            self._findings.add(Wrong.BAD_SUMS, header.n, "sums fall")

    def _values(self, link: Link, records: list[dict[str, Any]], raw: bytes | None) -> None:
        header = link.header
        changed = any(record["k"] == "config" for record in records)
        cfg = link.before.cfg if link.before is not None else None if changed else header.cfg
        frames: dict[int, list[RawFrame]] = {}
        try:
            for frame in decode_raw(raw or b""):
                frames.setdefault(frame.i, []).append(frame)
        except RawError as error:
            self._findings.add(Wrong.EDITED_RAW, header.n, str(error))
        for record in records:
            if record["k"] == "config":
                cfg = str(record.get("digest"))
            if record["k"] != "reading" or not record["v"]:
                continue
            behind = frames.get(record["i"])
            same = self._recompute(cfg, record, behind) if behind and self._recompute is not None else None
            if same is False:
                self._findings.add(Wrong.VALUE_DIFFERS, header.n, f"record {record['i']}")
            self.values_same += same is True
            self.values_open += same is None


def _below(sums: Sums, floor: Sums) -> bool:
    return any(a < b for a, b in zip(sums.values(), floor.values(), strict=True))


def _check(record: dict[str, Any]) -> None:
    """The fields every record has, and those of a reading; other kinds are kept as they are."""
    for name, kind in _EVERY:
        if type(record.get(name)) is not kind:
            raise RowError(f"record without {name}")
    if record["q"] not in ("S", "R", "M", "I"):
        raise RowError("record with an unknown clock letter")
    if record["k"] == "reading":
        _check_reading(record)


def _check_reading(record: dict[str, Any]) -> None:
    values = record.get("v")
    if type(record.get("m")) is not str or type(record.get("s", "")) is not str or type(values) is not dict:
        raise RowError("reading without its meter, slot or values")
    for value in values.values():
        if type(value) is not str or _DECIMAL.fullmatch(value) is None:
            raise RowError("reading with a value that is no decimal")
