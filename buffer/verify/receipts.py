"""Receipts against the data: does each authority hold this very history, and does it hold more?

A receipt that quotes a number with another hash proves two histories; one that is ahead of the data proves
that the end is missing. Only signed receipts count, each by the authority whose key was given for it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from buffer.errors import FormatError, UnknownVersion
from buffer.header import Header
from buffer.note import VerifierKey
from buffer.receipt import Quote, Receipt, open_receipt
from buffer.verify.instants import Instants
from buffer.verify.report import Findings, Wrong


class Receipts:
    """Reads them all first, then watches the blocks pass. Public counts are for the verdict."""

    def __init__(
        self, findings: Findings, instants: Instants, given: Sequence[tuple[bytes, VerifierKey]]
    ) -> None:
        self._findings = findings
        self._instants = instants
        self._open: dict[tuple[str, int], list[tuple[Receipt, Quote]]] = defaultdict(list)
        self._last: dict[str, int] = {}
        self._boxes: list[str] = []
        self._stored: dict[str, int] = {}
        self.given = len(given)
        self.compared = 0
        self.unread = 0  # of a newer edition
        self.differing = 0
        self.authorities: set[str] = set()
        for raw, key in given:
            self._read(raw, key)

    def _read(self, raw: bytes, key: VerifierKey) -> None:
        try:
            receipt = open_receipt(raw, key)
        except UnknownVersion:
            self.unread += 1
            return
        except FormatError as error:
            self._findings.add(Wrong.BAD_RECEIPT, None, str(error))
            return
        self._boxes.append(receipt.box)
        for quote in receipt.quoted():
            self._open[receipt.epoch, quote.n].append((receipt, quote))

    def block(self, header: Header, digest: str) -> None:
        """A sound block in its place passes by."""
        self._last[header.epoch] = header.n
        for receipt, quote in self._open.pop((header.epoch, header.n), ()):
            if receipt.box != header.box:
                continue
            if quote.hash != digest:
                self.differing += 1
                self._findings.add(
                    Wrong.FORK, header.n, f"{quote.holder} holds {quote.hash}, here is {digest}"
                )
                continue
            self.compared += 1
            if quote.whole:
                self.authorities.add(receipt.by)
                self._instants.receipt(header, receipt.time_ms)
                self._stored[header.epoch] = header.n

    def close(self, box: str) -> None:
        """After the last block: what nobody has shown yet is beyond the end, or was not in the data."""
        for other in self._boxes:
            if box and other != box:
                self._findings.add(Wrong.BAD_RECEIPT, None, f"receipt of box {other}")
        for (epoch, n), quotes in self._open.items():
            last = self._last.get(epoch)
            ahead = [quote.holder for receipt, quote in quotes if receipt.box == box]
            if last is not None and n > last and ahead:
                self._findings.add(Wrong.TRUNCATED, last + 1, f"{ahead[0]} holds up to {n}")

    def stored(self, epoch: str) -> int:
        """Up to which block of an epoch a receipt that agreed says that everything is stored; -1: none."""
        return self._stored.get(epoch, -1)

    @property
    def open(self) -> int:
        """Quotes that could not be compared: their block is not among those given."""
        return sum(map(len, self._open.values()))
