"""Bodies that are not there: does a signed record say why?

::

    body of block 17 missing   a loss record names block 17, or counts records of bodies that rotted
                               a receipt of block 17 or later: whoever gave it has the body
                               neither: missing without a reason

A reason may stand long behind its block, so this is judged at the end of an epoch. Memory is one number for
each missing body, of at most MAX_MISSING; more than that are not asked for a reason.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from buffer.header import Header, Seen
from buffer.rows import Record
from buffer.verify.report import Findings, Wrong

MAX_MISSING: Final = 100_000


class Missing:
    """Follows one epoch."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._gone: dict[int, tuple[int, int]] = {}  # block -> records, place in the stream
        self._said: set[int] = set()
        self._counted = 0  # records of bodies that loss records count without naming their blocks
        self._stored = -1
        self._old: tuple[Seen, ...] = ()

    def block(self, header: Header, *, gone: bool) -> None:
        """A sound header in its place; ``gone``: without its body."""
        if header.n == 0:
            self._old = header.seen  # they speak of an epoch before this one
        self._stored = max([self._stored, *(seen.n for seen in header.seen if seen not in self._old)])
        if gone and header.body_bytes and len(self._gone) < MAX_MISSING:
            self._gone[header.n] = (header.last - header.first + 1, self._findings.order)

    def record(self, n: int, record: Record) -> None:
        """A record of block ``n``: a loss of bodies, or one that was thinned and stands in another now."""
        if record["k"] == "thinned" and type(record.get("row")) is dict:
            record = record["row"]
        if record.get("k") != "loss" or record.get("what") != "bodies":
            return
        if "blocks" not in record:
            self._counted += record["count"] if type(record.get("count")) is int else 0
            return
        try:
            blocks = list(_named(record["blocks"], n))
        except ValueError as error:
            self._findings.add(Wrong.LOSS_WRONG, n, f"record {record.get('i')}: {error}")
            return
        self._said.update(one for one in blocks if one in self._gone)
        held = [self._gone[one][0] for one in blocks if one in self._gone]
        told = record.get("records")
        if len(held) == len(blocks) and sum(held) != told:
            detail = f"record {record.get('i')}: the blocks held {sum(held)} records, it says {told}"
            self._findings.add(Wrong.LOSS_WRONG, n, detail)

    def settle(self, stored: int) -> None:
        """The end: what is left has no reason. ``stored``: what receipts from outside say."""
        for n, (records, order) in self._gone.items():
            if n in self._said or n <= max(self._stored, stored):
                continue
            if records <= self._counted:
                self._counted -= records
                continue
            self._findings.add(
                Wrong.BODY_UNSAID, n, "no loss record and no receipt speaks of it", order=order
            )
        self._gone.clear()
        self._said.clear()
        self._counted, self._stored, self._old = 0, -1, ()


def _named(blocks: Any, n: int) -> Iterator[int]:
    """The numbers in the ranges of a loss record of block ``n``; ValueError for ranges it never writes."""
    last, total = -1, 0
    for pair in blocks if type(blocks) is list else [None]:
        if type(pair) is not list or [type(number) for number in pair] != [int, int]:
            raise ValueError("blocks are not ranges")
        a, b = pair
        total += b - a + 1
        if not last < a <= b < n or total > MAX_MISSING:
            raise ValueError(f"blocks {a}..{b}")
        last = b
        yield from range(a, b + 1)
