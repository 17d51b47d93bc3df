"""Starts of the box: does each say truly what stood before it, and how long the box was off?

::

    nothing found    block P | boot           first in its block; last_i = i-1, prev = boot id of P,
                                              and from_t = utc of P
    found in tail    record, recovered, boot  last_i = i-2, prev = id of the boot record before,
                                              clean = false, and from_t = t of that record
    both             boot, down               of one moment; id and soft as the headers of that start
                                              have them, known as ``clean`` says

Demands only what the writer guarantees whatever cut it off: a ``boot`` may end the data, or be parted from
its ``down`` by the next start where a full card stood between them; the genesis has a ``boot`` and no
``down``. What stood in a missing body is not guessed at.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import MappingProxyType
from typing import Any, Final

from buffer.header import FIRST_RECORD, Header
from buffer.rows import Record
from buffer.verify.report import Findings, Wrong

# What may stand behind these: themselves, or the next start where the power went in between.
_BEHIND: Final = MappingProxyType({"boot": ("down", "boot", "recovered"), "recovered": ("boot", "recovered")})
_FIRST: Final = ("-", FIRST_RECORD - 1)  # prev and last_i of the first start of a box


class Starts:
    """Follows one box through the bodies that are there."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self.clear()

    def clear(self) -> None:
        """A body is missing: nothing is known of what it held."""
        self._older: Record | None = None  # the record before the last
        self._last: Record | None = None
        self._born = False  # the last stands in the genesis
        self._id: Any = None  # of the newest boot record
        self._since: Any = None  # ``from_t`` of the ``down`` that must come; None: not known

    def block(self, header: Header, before: Header | None, records: Sequence[Record]) -> None:
        """All records of one block; ``before``: the header of the one before it."""
        for at, record in enumerate(records):
            for wrong in self._wrongs(header, before, record, first=at == 0):
                self._findings.add(Wrong.BOOT_WRONG, header.n, f"record {record['i']}: {wrong}")
            if record["k"] == "boot":
                self._id = record.get("id")
            self._older, self._last, self._born = self._last, record, header.n == 0

    def _wrongs(self, header: Header, before: Header | None, record: Record, *, first: bool) -> Iterator[str]:
        kind = record["k"]
        behind = "" if self._last is None or self._born else str(self._last["k"])
        if behind in _BEHIND and kind not in _BEHIND[behind]:
            yield f"{kind} behind {behind}"
        if kind == "recovered" and self._last is not None and record["boot"] <= self._last["boot"]:
            yield f"boot {record['boot']} recovered records of its own"
        if kind == "down":
            yield from self._down(record)
        if kind == "boot":
            yield from _unlike(header, before, record)
            yield from _of_genesis(header, record) if header.n == 0 else self._boot(before, record, first)

    def _boot(self, before: Header | None, record: Record, first: bool) -> Iterator[str]:
        i, last_i, behind = record["i"], record.get("last_i"), self._last
        found = last_i == i - 2 and (behind is None or behind["k"] == "recovered")
        if not found and last_i != i - 1:
            yield f"says that {last_i} was the last before it"
        prev, self._since, earlier = self._id, None, self._older
        if found:
            self._since = None if earlier is None else earlier["t"]
        else:
            prev, earlier = None if before is None else before.boot_id, behind
            self._since = None if before is None else before.utc_ms
        if prev is not None and record.get("prev") != prev:
            yield f"says that {record.get('prev')} was the boot before it, not {prev}"
        again = earlier is not None and earlier["k"] == "recovered"  # its own: a damage met late, tried anew
        if earlier is not None and record["boot"] < earlier["boot"] + (not again):
            yield f"boot {record['boot']} behind boot {earlier['boot']}"
        if found and record.get("clean") is not False:
            yield "a clean stop with records in the tail"
        if not found and not first:
            yield "a start in the middle of a block"

    def _down(self, record: Record) -> Iterator[str]:
        boot = self._last
        if self._born or (boot is not None and boot["k"] != "boot"):
            yield "down without a boot"
        elif boot is not None:
            known = "clean stop" if boot.get("clean") is True else "unclean stop"
            if record.get("known") != known or record["t"] != boot["t"]:
                yield "down does not agree with its boot"
            if self._since is not None and record.get("from_t") != self._since:
                yield f"down from {record.get('from_t')}, not {self._since}"
        if record.get("to_t") != record["t"]:
            yield f"down to {record.get('to_t')}, not {record['t']}"


def _of_genesis(header: Header, record: Record) -> Iterator[str]:
    if header.first == FIRST_RECORD and (record.get("prev"), record.get("last_i")) != _FIRST:
        yield "something before the first start of all"


def _unlike(header: Header, before: Header | None, record: Record) -> Iterator[str]:
    """A start whose boot record was found in the tail by the next one may have sealed no block at all."""
    for one in (header, before):
        if one is not None and one.boot == record["boot"]:
            if (record.get("id"), record.get("soft")) != (one.boot_id, one.soft):
                yield f"block {one.n} of this start has {one.boot_id} and {one.soft}"
            return
