"""The verification as a whole: blocks in, one report out.

::

    block -> chain (signature, place) -> bodies (digest, rows, numbers, sums, slots) -> verdicts
                                     \\-> receipts, time

Pure and streaming: memory does not grow with the number of blocks. Never raises on what it is given to judge.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from types import MappingProxyType
from typing import Final

from buffer.note import VerifierKey
from buffer.verify.bodies import Bodies, Recompute
from buffer.verify.chain import Chain
from buffer.verify.identities import Identities
from buffer.verify.instants import Instants
from buffer.verify.receipts import Receipts
from buffer.verify.report import CODES, GAP_KINDS, BlockData, Findings, Report, Status, Verdict, Wrong

_SIGNATURES: Final = (
    *(Wrong.UNREADABLE, Wrong.UNKNOWN_VERSION, Wrong.EDITED_HEADER, Wrong.RE_SIGNED),
    Wrong.BAD_HANDOVER,
)
_CHAIN: Final = (
    *(Wrong.SPLICED, Wrong.REMOVED, Wrong.DUPLICATED, Wrong.SWAPPED, Wrong.FORK, Wrong.FALLING),
    *(Wrong.EDITED_BODY, Wrong.EDITED_RAW, Wrong.BAD_ROW, Wrong.QUOTE_UNSAID, Wrong.NEW_EPOCH),
)
_COMPLETE: Final = (
    *(Wrong.BAD_RECORDS, Wrong.BAD_SUMS, Wrong.SLOT_REPEATED, Wrong.BOOT_WRONG, Wrong.LOSS_WRONG),
    *(Wrong.TRUNCATED, Wrong.SLOT_MISSING, Wrong.BODY_UNSAID, Wrong.BODY_MISSING),
    *(Wrong.BOOT_SKIPPED, Wrong.REGISTER_FALLS, Wrong.CFG_UNSAID),
)
_UNREAD: Final = (
    Wrong.EDITED_BODY,
    Wrong.BAD_ROW,
    Wrong.EDITED_HEADER,
    Wrong.UNREADABLE,
)  # records not known
_RECEIPTS: Final = (Wrong.BAD_RECEIPT, Wrong.TRUNCATED)
GOOD_SHARE: Final = 0.99  # of records with a synchronised clock


def verify(
    blocks: Iterable[BlockData],
    *,
    identity: VerifierKey | None,
    receipts: Sequence[tuple[bytes, VerifierKey]] = (),
    handovers: Sequence[bytes] = (),
    recompute: Recompute | None = None,
) -> Report:
    """Judge a stretch of the journal in the order given, from whatever block it begins with.

    ``identity``: the box's key as the reader knows it from elsewhere; None leaves the signer unproved.
    ``receipts``: signed notes, each with the key of its authority. ``handovers``: the notes by which one
    identity of the box names the next. ``recompute``: the decoder of bus frames.
    """
    judge = _Judge(identity, receipts, handovers, recompute)
    for block in blocks:
        judge.take(block)
    return judge.report()


class _Judge:
    def __init__(
        self,
        identity: VerifierKey | None,
        receipts: Sequence[tuple[bytes, VerifierKey]],
        handovers: Sequence[bytes],
        recompute: Recompute | None,
    ) -> None:
        self._given = identity
        self._recompute = recompute
        self._findings = Findings()
        identities = Identities(self._findings, identity, handovers)
        self._chain = Chain(self._findings, identities)
        self._instants = Instants(self._findings)
        self._bodies = Bodies(self._findings, self._instants, identities, recompute)
        self._receipts = Receipts(self._findings, self._instants, receipts)

    def take(self, block: BlockData) -> None:
        self._findings.order += 1
        epochs = len(self._chain.epochs)
        link = self._chain.take(block.note)
        if link is None:
            return
        if 0 < epochs < len(self._chain.epochs):
            self._instants.epoch()
            self._bodies.epoch(self._receipts.stored(self._chain.epochs[-2]))
        self._bodies.take(link, block)
        if link.in_place:
            self._receipts.block(link.header, link.hash)

    def report(self) -> Report:
        chain = self._chain
        self._findings.order += 1
        chain.close()
        self._bodies.epoch(self._receipts.stored(chain.epochs[-1]) if chain.epochs else -1)
        self._receipts.close(chain.box)
        return Report(
            signatures=self._signatures(),
            chain=self._links(),
            completeness=self._completeness(),
            time=self._time(),
            receipts=self._receipted(),
            values=self._values(),
            blocks=chain.readable,
            records=self._bodies.records,
            box=chain.box,
            epochs=tuple(chain.epochs),
            first=chain.first,
            last=chain.last,
            findings=self._findings.all(),
        )

    def _signatures(self) -> Verdict:
        wrong = self._wrong(_SIGNATURES)
        if wrong is not None:
            return wrong
        chain = self._chain
        if not self._chain.readable or chain.identity_unchecked:
            return _verdict("not-checked", "SBX-VFY-103", blocks=chain.readable)
        if self._given is None:
            return _verdict("warn", "SBX-VFY-102", blocks=chain.readable, key=chain.identity)
        return _verdict("pass", "SBX-VFY-101", blocks=chain.readable, identity_only=chain.ratchet_unchecked)

    def _links(self) -> Verdict:
        wrong = self._wrong(_CHAIN)
        if wrong is not None:
            return wrong
        if not self._chain.readable:
            return _verdict("not-checked", "SBX-VFY-112")
        unread = self._findings.first(_SIGNATURES)
        if unread is not None:
            return _verdict("not-checked", "SBX-VFY-113", **unread.args)
        return _verdict("pass", "SBX-VFY-111", first=self._chain.first, last=self._chain.last)

    def _completeness(self) -> Verdict:
        wrong = self._wrong(_COMPLETE)
        if wrong is not None:
            return wrong
        bodies = self._bodies
        facts = {"records": bodies.records, "slots": bodies.slots.checked}
        unread = self._findings.first(_UNREAD)
        if unread is not None:
            return _verdict("not-checked", "SBX-VFY-124", **facts, **unread.args)
        if not bodies.bodies:
            return _verdict("not-checked", "SBX-VFY-122", **facts)
        if bodies.slots.overflow:
            return _verdict("warn", "SBX-VFY-123", **facts)
        return _verdict("pass", "SBX-VFY-121", first=self._chain.first, last=self._chain.last, **facts)

    def _time(self) -> Verdict:
        wrong = self._wrong((Wrong.MONO_FALLS,))
        if wrong is not None:
            return wrong
        time = self._instants
        records = sum(time.letters.values())
        if not records:
            return _verdict("not-checked", "SBX-VFY-132")
        share = time.letters["S"] / records
        bounded = time.quoting and self._receipts.authorities  # before and after, by somebody else's clock
        good = share >= GOOD_SHARE and bounded and not (time.early or time.late or time.disputed)
        return _verdict(
            "pass" if good else "warn",
            "SBX-VFY-131" if good else "SBX-VFY-133",
            share=f"{int(share * 1000) / 10}",
            quoting=time.quoting,
            headers=time.headers,
            early=time.early,
            late=time.late,
            disputed=time.disputed,
            width_s=time.widest_ms // 1000 if bounded else "-",
        )

    def _receipted(self) -> Verdict:
        wrong = self._wrong(_RECEIPTS)
        receipts = self._receipts
        if wrong is None and receipts.differing:
            wrong = self._wrong((Wrong.FORK,))
        if wrong is not None:
            return wrong
        if not receipts.given:
            return _verdict("not-checked", "SBX-VFY-142")
        facts = {
            "authorities": ", ".join(sorted(receipts.authorities)) or "-",
            "compared": receipts.compared,
            "open": receipts.open + receipts.unread,
        }
        if receipts.open or receipts.unread or not receipts.authorities:
            return _verdict("warn", "SBX-VFY-143", **facts)
        return _verdict("pass", "SBX-VFY-141", **facts)

    def _values(self) -> Verdict:
        wrong = self._wrong((Wrong.VALUE_DIFFERS,))
        if wrong is not None:
            return wrong
        same, left = self._bodies.values_same, self._bodies.values_open
        if self._recompute is None or not same:
            return _verdict("not-checked", "SBX-VFY-152", open=left)
        if left:
            return _verdict("warn", "SBX-VFY-153", same=same, open=left)
        return _verdict("pass", "SBX-VFY-151", same=same)

    def _wrong(self, kinds: Sequence[Wrong]) -> Verdict | None:
        """The verdict of the first finding of these kinds; its status is warn when all are gaps."""
        found = self._findings.first(kinds)
        if found is None:
            return None
        status: Status = "warn" if found.kind in GAP_KINDS else "fail"
        return Verdict(status, CODES[found.kind], found.args)


def _verdict(status: Status, code: str, **args: object) -> Verdict:
    return Verdict(status, code, MappingProxyType({name: str(value) for name, value in args.items()}))
