"""Which identity must sign a block: the one known from elsewhere, and those it handed over to.

::

    known --> notes (buffer.handover) --> lineage: a, b, c          in force: a --block names b--> b

From the first block on, the identity in force is the one of the lineage that signed it. A block that names an
heir is the last that the old one signs: whatever it signs later is another's work. Where the block that hands
over is not among those given, the notes say who may come next.
"""

from __future__ import annotations

from collections.abc import Sequence

from buffer.errors import FormatError
from buffer.handover import Handover, lineage, open_handover
from buffer.header import Header
from buffer.note import Note, VerifierKey
from buffer.rows import Record
from buffer.verify.report import Findings, Wrong


class Identities:
    """``known``: from elsewhere, None for nobody; ``given``: hand-over notes, as they came."""

    def __init__(self, findings: Findings, known: VerifierKey | None, given: Sequence[bytes]) -> None:
        self._findings = findings
        self._lineage: tuple[VerifierKey, ...] = () if known is None else (known,)
        self._begun = False
        self.current = known
        said = [one for one in map(self._opened, given) if one is not None]
        if known is not None:
            try:
                self._lineage = lineage(known, said)
            except FormatError as error:
                findings.add(Wrong.BAD_HANDOVER, None, str(error))

    def named(self, note: Note, header: Header, *, sure: bool) -> VerifierKey | None:
        """The identity that must sign this block; None while nobody is known. One of the lineage that has not
        had its turn may come forward where nobody is ``sure`` of what stood before."""
        if self.current is None and header.n == 0:
            self.current, self._lineage = header.identity, (header.keys[0],)
        if self.current is None or sure:
            return self.current
        signer = self._signer(note)
        later = self._lineage[self._lineage.index(self.current) :] if self._begun else self._lineage
        return signer if signer in later else self.current

    def took(self, signer: VerifierKey | None) -> None:
        """Its signature is good."""
        if signer is not None:
            self.current, self._begun = signer, True

    def past(self, note: Note) -> VerifierKey | None:
        """For a block that comes late: whichever of the lineage claims to have signed it."""
        return self._signer(note) or self.current

    def passed(self, header: Header) -> None:
        """A sound block in its place."""
        heir = header.heir
        if heir is None or self.current is None:
            return
        at = self._lineage.index(self.current) + 1
        if heir in self._lineage[:at] or self._lineage[at : at + 1] not in ((), (heir,)):
            self._findings.add(Wrong.BAD_HANDOVER, header.n, f"it names {heir}, the notes another")
        if self._lineage[at : at + 1] != (heir,):
            self._lineage = (*self._lineage[:at], heir)
        self.current = heir

    def record(self, header: Header, old: VerifierKey | None, records: Sequence[Record]) -> None:
        """The rows of a sound block, which ``old`` had to sign: whoever names an heir shows the note of both,
        and nobody else shows one."""
        said = [one for one in records if one["k"] == "key" and one.get("op") == "identity" and header.n]
        wrong = None
        if len(said) != (header.heir is not None):
            wrong = f"{len(said)} records of another identity"
        for one in said:
            made = self._opened(str(one.get("note", "")).encode(), header.n)
            if made is not None and (made.box, made.new) != (header.box, header.heir):
                wrong = f"record {one.get('i')} names another than the header"
            elif made is not None and old is not None and made.old != old:
                wrong = f"record {one.get('i')}: not from the identity in force"
        if wrong is not None:
            self._findings.add(Wrong.BAD_HANDOVER, header.n, wrong)

    def _opened(self, raw: bytes, n: int | None = None) -> Handover | None:
        try:
            return open_handover(raw)
        except FormatError as error:
            self._findings.add(Wrong.BAD_HANDOVER, n, str(error))
            return None

    def _signer(self, note: Note) -> VerifierKey | None:
        """Who of the lineage claims the first signature."""
        first = (note.signatures[0].name, note.signatures[0].key_id)
        return next((key for key in self._lineage if (key.name, key.key_id) == first), None)
