"""Which keys are a box: the registered one, and those that hand-over notes lead to from it. Believes no note
that is not signed by both, and none that does not lead on from an identity that is known.

::

    boxes/<box>.vkey --> lineage <-- up/handover (signed by the old and the new identity)
"""

from __future__ import annotations

from buffer.errors import HandoverError
from buffer.handover import MOST, lineage, open_handover, opened
from buffer.note import VerifierKey
from receiver.errors import RefusedError
from receiver.judge import Sound
from receiver.store import Store

_CACHE = 4_096


class Identities:
    """Of all boxes. Notes are checked when they come; what is stored is believed."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[tuple[str, VerifierKey], tuple[VerifierKey, ...]] = {}

    def of(self, box: str, key: VerifierKey) -> tuple[VerifierKey, ...]:
        """The identities of a box whose registered key is ``key``, oldest first."""
        found = self._known.get((box, key))
        if found is None:
            if len(self._known) >= _CACHE:
                self._known.clear()
            found = lineage(key, opened(self._store.handovers(box)))
            self._known[box, key] = found
        return found

    def take(self, box: str, key: VerifierKey, note: bytes, now_ms: int) -> tuple[VerifierKey, ...]:
        """Believe a hand-over; the identities after it. RefusedError SBX-RCV-024: it does not hold, or leads
        nowhere, or another one was believed before."""
        notes = self._store.handovers(box)
        try:
            said = open_handover(note)
            if said.box != box or len(notes) >= MOST:
                raise HandoverError("of another box, or too many")
            found = lineage(key, (*opened(notes), said))
        except HandoverError as error:
            raise RefusedError("SBX-RCV-024", box=box, reason=error) from error
        if said.new not in found or said.old not in found:
            raise RefusedError("SBX-RCV-024", box=box, reason=f"{said.old} is no identity of this box")
        if note not in notes:
            self._store.handed_over(box, note, now_ms)
            self._known.clear()
        return found

    def may_begin(self, box: str, identities: tuple[VerifierKey, ...], genesis: Sound) -> bool:
        """Whether the signer of a genesis may begin an epoch: the present identity, or one that handed over
        in this very epoch. An older one that begins anew is a card from before its hand-over."""
        if genesis.signer == identities[-1]:
            return True
        said = opened(self._store.handovers(box))
        return any(one.old == genesis.signer and one.epoch == genesis.header.epoch for one in said)
