"""Records that must fit what stands before them: configurations, receipts, energy registers.

::

    config  old = the digest in force, new = what the header names from here on
    receipt what the header quotes of that authority from here on
    reading ep_*, eq_*: never less than the meter's last one, unless a record in between says why

Follows one box through the bodies that are there; where one is missing it begins anew. Memory: four numbers a
meter, of at most MAX_METERS.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

from buffer.header import Header, Seen
from buffer.rows import Record
from buffer.verify.report import Findings, Wrong

MAX_METERS: Final = 4096
REGISTERS: Final = ("ep_imp", "ep_exp", "eq_imp", "eq_exp")  # a meter only ever counts these up


class Events:
    """Takes the records of the blocks in their places."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._registers: dict[str, dict[str, Decimal]] = {}

    def clear(self) -> None:
        """A body is missing: nothing is known of what it held."""
        self._registers.clear()

    def block(self, header: Header, before: Header | None, records: Sequence[Record]) -> None:
        """All records of one block; ``before``: the header of the one before it."""
        self._configured(header, before, records)
        self._quoted(header, before, records)
        for record in records:
            kind = record["k"]
            if kind == "config":
                self._registers.clear()
            elif kind == "meter-event":
                self._registers.pop(str(record.get("m")), None)
            elif kind == "reading" and record.get("src") == "live":
                self._energies(header.n, record)

    def _configured(self, header: Header, before: Header | None, records: Sequence[Record]) -> None:
        digest = None if before is None else before.cfg
        for record in records:
            if record["k"] != "config":
                continue
            old = record.get("old")
            if digest is not None and old != digest:
                self._findings.add(Wrong.CFG_UNSAID, header.n, f"record {record['i']}: {digest} became {old}")
            digest = str(record.get("digest"))
        if digest is not None and digest != header.cfg:
            self._findings.add(Wrong.CFG_UNSAID, header.n, f"{digest} became {header.cfg}")

    def _quoted(self, header: Header, before: Header | None, records: Sequence[Record]) -> None:
        """A genesis quotes what receipts said of the epoch before it."""
        known = header.seen if before is None or header.n == 0 else before.seen
        quotes = _facts(known)
        for record in records:
            if record["k"] == "receipt":
                by = str(record.get("by"))
                quotes[by] = tuple(record.get(name) for name in ("n", "hash", "time"))
        now = _facts(header.seen)
        for by in sorted(quotes.keys() | now.keys()):
            if quotes.get(by) != now.get(by):
                self._findings.add(
                    Wrong.QUOTE_UNSAID, header.n, f"{by}: {quotes.get(by)}, quoted {now.get(by)}"
                )

    def _energies(self, n: int, record: Record) -> None:
        meter, values = record["m"], record["v"]
        if not values or (meter not in self._registers and len(self._registers) >= MAX_METERS):
            return
        known = self._registers.setdefault(meter, {})
        for name in REGISTERS:
            if name not in values:
                continue
            value, last = Decimal(values[name]), known.get(name)
            if last is not None and value < last:
                self._findings.add(Wrong.REGISTER_FALLS, n, f"{meter} {name}: {last} to {value}")
            known[name] = value


def _facts(quotes: Sequence[Seen]) -> dict[str, tuple[Any, ...]]:
    return {seen.authority: (seen.n, seen.hash, seen.time_ms) for seen in quotes}
