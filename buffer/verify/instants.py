"""Time: who says when, and does it agree with itself and with the receipts?

::

    receipt quoted in header ("seen": not before)  <=  header's utc  <=  receipt of the block (not after)
    two anchors of one start, and of one kind of source: one time must fit both, give or take and 500 ppm

Judges only clocks that claim to be synchronised (letter S); a box woken in the past says so itself. Signed
times are never corrected here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from buffer.header import Header
from buffer.rows import Record
from buffer.verify.report import Findings, Wrong

SLACK_MS: Final = (
    30_000  # what a synchronised clock may be off before it is an alarm (facts: HJ 212 practice)
)
DRIFT_PPM: Final = 500  # as buffer.placing reckons with
ORDER_MS: Final = 60_000  # records of several lines meet in one queue; so far may one be behind another


class Instants:
    """Takes headers with their records, in their order. Public counts are for the verdict."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._boot = -1
        self._mono = 0  # newest of the records of this boot
        self._header: tuple[int, int] = (-1, 0)  # boot, mono
        self.letters: Counter[str] = Counter()
        self.headers = 0
        self.quoting = 0  # headers that quote a receipt
        self.early = 0  # headers that claim a time before the receipt they quote
        self.late = 0  # headers that claim a time after the receipt they got
        self.widest_ms = 0  # of the sandwiches seen whole
        self.disputed = 0  # anchors that cannot be right together with the one before
        self._anchors: dict[bool, tuple[int, int, int]] = {}  # a meter's or the box's: at, utc, give or take

    def block(self, header: Header, records: Sequence[Record]) -> None:
        """A sound header and its records; none of them: the body is missing."""
        self.headers += 1
        self._quotes(header)
        boot, mono = self._header
        if header.boot == boot and header.mono_ms < mono:
            self._findings.add(Wrong.MONO_FALLS, header.n, f"header {mono} to {header.mono_ms}")
        for record in records:
            self.letters[record["q"]] += 1
            self._record(header, record)
        self._header = (header.boot, header.mono_ms)

    def receipt(self, header: Header, time_ms: int) -> None:
        """The receipt of exactly this block says when it was there at the latest."""
        if header.letter == "S" and header.utc_ms > time_ms + SLACK_MS:
            self.late += 1
        if header.seen:
            self.widest_ms = max(self.widest_ms, time_ms - max(seen.time_ms for seen in header.seen))

    def epoch(self) -> None:
        """A new epoch: its boots are not compared with the old one's."""
        self._boot, self._header = -1, (-1, 0)
        self._anchors.clear()

    def _quotes(self, header: Header) -> None:
        if not header.seen:
            return
        self.quoting += 1
        newest = max(seen.time_ms for seen in header.seen)
        self.early += header.letter == "S" and header.utc_ms < newest - SLACK_MS

    def _record(self, header: Header, record: Record) -> None:
        boot, mono = record["boot"], record["mono"]
        if boot < self._boot or boot > header.boot:
            self._findings.add(
                Wrong.MONO_FALLS, header.n, f"record {record['i']}: boot {self._boot} to {boot}"
            )
        elif boot > self._boot:
            self._skipped(header, boot)
            self._boot, self._mono = boot, mono
            self._anchors.clear()
        elif mono < self._mono - ORDER_MS:
            self._findings.add(Wrong.MONO_FALLS, header.n, f"record {record['i']}: {self._mono} to {mono}")
        self._mono = max(self._mono, mono)
        if record["k"] == "anchor":
            self._anchor(record)

    def _anchor(self, record: Record) -> None:
        """A clock that lied is no forgery: it is counted, and readers see how wide its boot lies."""
        at, utc, error = (record.get(name) for name in ("at", "utc", "error_ms"))
        if type(at) is not int or type(utc) is not int or type(error) is not int:
            return
        by_meter = str(record.get("source")).startswith("meter ")
        before = self._anchors.get(by_meter, (at, utc, error))
        self._anchors[by_meter] = (at, utc, error)
        far = abs(at - before[0])
        off = abs((utc - before[1]) - (at - before[0]))
        strays = -(-far * DRIFT_PPM // (1_000_000 - DRIFT_PPM))
        self.disputed += off > error + before[2] + strays

    def _skipped(self, header: Header, boot: int) -> None:
        """Each start leaves a record, or at least the header of the block that it recovered."""
        known = max(self._boot, self._header[0])
        if known >= 0 and boot > known + 1:
            self._findings.add(
                Wrong.BOOT_SKIPPED, header.n, f"boot {known} then {boot}", times=boot - known - 1
            )
