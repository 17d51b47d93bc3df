"""What a verification found: separate verdicts, and the first wrong block with the name of what is wrong.

A verdict never says "pass" for something that was not checked. Findings are of two families: *contradictions*
(an honest box never makes them: not authentic, exit 65) and *gaps* (authentic, not complete: exit 1).

::

    signatures pass   chain fail (removed block, at 412)   completeness pass   ...   -> 65
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Literal

Status = Literal["pass", "warn", "fail", "not-checked"]
AUTHENTIC, GAPS, NOT_AUTHENTIC, UNREADABLE = 0, 1, 65, 66  # exit codes


@dataclass(frozen=True, slots=True)
class BlockData:
    """One block as stored: ``body`` None when thinned away, ``raw`` None when the frames are gone."""

    note: bytes
    body: bytes | None
    raw: bytes | None = None


class Wrong(StrEnum):
    """Every kind of wrong that has a name. Values are what ``--json`` prints; the catalogue has texts."""

    UNREADABLE = "unreadable"  # no note, or no header in its one spelling
    UNKNOWN_VERSION = "unknown version"
    EDITED_HEADER = "edited header"
    RE_SIGNED = "re-signed with another key"
    SPLICED = "spliced"  # a sound block of another history, box or epoch
    REMOVED = "removed block"
    DUPLICATED = "duplicated block"
    SWAPPED = "swapped blocks"
    FORK = "fork"  # two headers for one number: two histories
    FALLING = "counter falls"  # boot, ext, ratchet or a quoted receipt goes back
    EDITED_BODY = "edited body"
    EDITED_RAW = "edited raw frames"
    BAD_ROW = "row not canonical"
    BAD_RECORDS = "records discontinuous"
    BAD_SUMS = "sums wrong"
    SLOT_REPEATED = "slot repeated"
    MONO_FALLS = "monotonic time falls"
    VALUE_DIFFERS = "value differs from the frames"
    BAD_RECEIPT = "receipt not valid"
    BOOT_WRONG = "boot record wrong"  # it, or the time off behind it, is not what stands before it
    LOSS_WRONG = "loss record wrong"  # it names blocks that held another number of records
    BAD_HANDOVER = "hand-over not valid"  # of one identity to the next: a note, or what a block says of it
    QUOTE_UNSAID = "receipt quoted without a record"  # or a record that no header quotes
    TRUNCATED = "truncated"  # a receipt is ahead of the data
    SLOT_MISSING = "slot missing"
    BODY_UNSAID = "body missing without a reason"  # no loss record and no receipt speaks of it
    BODY_MISSING = "body missing"
    BOOT_SKIPPED = "boot skipped"  # a start of the box that left no record
    REGISTER_FALLS = "energy register falls"  # and no record of that meter says why
    NEW_EPOCH = "new epoch"
    CFG_UNSAID = "configuration changed without a record"


GAP_KINDS: Final = frozenset(
    (
        *(Wrong.TRUNCATED, Wrong.SLOT_MISSING, Wrong.BODY_UNSAID, Wrong.BODY_MISSING),
        *(Wrong.BOOT_SKIPPED, Wrong.REGISTER_FALLS, Wrong.NEW_EPOCH, Wrong.CFG_UNSAID),
    )
)
CODES: Final = MappingProxyType(
    {
        Wrong.UNREADABLE: "SBX-VFY-201",
        Wrong.UNKNOWN_VERSION: "SBX-VFY-202",
        Wrong.EDITED_HEADER: "SBX-VFY-203",
        Wrong.RE_SIGNED: "SBX-VFY-204",
        Wrong.SPLICED: "SBX-VFY-205",
        Wrong.REMOVED: "SBX-VFY-206",
        Wrong.DUPLICATED: "SBX-VFY-207",
        Wrong.SWAPPED: "SBX-VFY-208",
        Wrong.FORK: "SBX-VFY-209",
        Wrong.FALLING: "SBX-VFY-210",
        Wrong.EDITED_BODY: "SBX-VFY-211",
        Wrong.EDITED_RAW: "SBX-VFY-212",
        Wrong.BAD_ROW: "SBX-VFY-213",
        Wrong.BAD_RECORDS: "SBX-VFY-214",
        Wrong.BAD_SUMS: "SBX-VFY-215",
        Wrong.SLOT_REPEATED: "SBX-VFY-216",
        Wrong.MONO_FALLS: "SBX-VFY-217",
        Wrong.VALUE_DIFFERS: "SBX-VFY-218",
        Wrong.BAD_RECEIPT: "SBX-VFY-219",
        Wrong.TRUNCATED: "SBX-VFY-220",
        Wrong.SLOT_MISSING: "SBX-VFY-221",
        Wrong.BODY_MISSING: "SBX-VFY-222",
        Wrong.NEW_EPOCH: "SBX-VFY-223",
        Wrong.CFG_UNSAID: "SBX-VFY-224",
        Wrong.BOOT_WRONG: "SBX-VFY-225",
        Wrong.LOSS_WRONG: "SBX-VFY-226",
        Wrong.BODY_UNSAID: "SBX-VFY-227",
        Wrong.BOOT_SKIPPED: "SBX-VFY-228",
        Wrong.REGISTER_FALLS: "SBX-VFY-229",
        Wrong.BAD_HANDOVER: "SBX-VFY-230",
        Wrong.QUOTE_UNSAID: "SBX-VFY-231",
    }
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One kind of wrong: where it was met first (None: in no block), how often, and one detail."""

    kind: Wrong
    n: int | None
    times: int
    detail: str

    @property
    def args(self) -> Mapping[str, str]:
        """For the text of its code."""
        where = "-" if self.n is None else str(self.n)
        return MappingProxyType({"n": where, "times": str(self.times), "detail": self.detail})


class Findings:
    """Collects what is wrong; each kind keeps its first place. ``order`` is the place in the stream."""

    def __init__(self) -> None:
        self._found: dict[Wrong, tuple[int, Finding]] = {}
        self.order = 0

    def add(
        self, kind: Wrong, n: int | None, detail: str, *, order: int | None = None, times: int = 1
    ) -> None:
        at = self.order if order is None else order
        before = self._found.get(kind)
        if before is not None:
            times += before[1].times
            if before[0] <= at:
                at, n, detail = before[0], before[1].n, before[1].detail
        self._found[kind] = (at, Finding(kind, n, times, detail))

    def first(self, kinds: Collection[Wrong]) -> Finding | None:
        """The earliest of these kinds."""
        return next((finding for finding in self.all() if finding.kind in kinds), None)

    def all(self) -> tuple[Finding, ...]:
        """Contradictions before gaps, each family in the order met; within one place as listed in Wrong."""
        rank = list(Wrong)
        found = sorted(
            self._found.values(), key=lambda one: (one[1].kind in GAP_KINDS, one[0], rank.index(one[1].kind))
        )
        return tuple(finding for _, finding in found)


@dataclass(frozen=True, slots=True)
class Verdict:
    """One line of the report. ``code`` names its text in the message catalogue, ``args`` fill it."""

    status: Status
    code: str
    args: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The whole finding. ``blocks`` counts the headers that could be read, ``first`` and ``last``
    are the block numbers of the chain, None without any."""

    signatures: Verdict
    chain: Verdict
    completeness: Verdict
    time: Verdict
    receipts: Verdict
    values: Verdict
    blocks: int
    records: int
    box: str
    epochs: tuple[str, ...]
    first: int | None
    last: int | None
    findings: tuple[Finding, ...]  # each kind once, contradictions before gaps, in the order met

    @property
    def first_wrong(self) -> int | None:
        """The number of the first wrong block; a contradiction goes before any gap."""
        return self.findings[0].n if self.findings else None

    @property
    def wrong_kind(self) -> Wrong | None:
        """What is wrong with it."""
        return self.findings[0].kind if self.findings else None

    @property
    def verdicts(self) -> Mapping[str, Verdict]:
        """By name, in the order people read them."""
        names = ("signatures", "chain", "completeness", "time", "receipts", "values")
        return {name: getattr(self, name) for name in names}

    def exit_code(self) -> int:
        """0 authentic and complete; 1 authentic with gaps, or the signer was not established; 65 not
        authentic; 66 nothing readable."""
        kinds = {finding.kind for finding in self.findings}
        if kinds - GAP_KINDS - {Wrong.UNKNOWN_VERSION} and self.blocks:
            return NOT_AUTHENTIC
        if self.blocks == 0 or Wrong.UNKNOWN_VERSION in kinds:
            return UNREADABLE
        return AUTHENTIC if self.signatures.status == "pass" and not kinds else GAPS
