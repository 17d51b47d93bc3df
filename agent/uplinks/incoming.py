"""What may be believed of a receipt that came over the network. Pure; moves nothing.

::

    bytes -> size, form, signature of the one platform key -> this box, this epoch -> our hash -> not back

Whoever can publish on the broker can say anything here: only the signature makes it the platform's word, and
only our own hash makes it a word about this history.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from agent.errors import AgentError
from buffer.block import hash_text
from buffer.errors import FormatError, NoteError
from buffer.note import MAX_NOTE, VerifierKey, decode
from buffer.receipt import Receipt, open_receipt


class UnfitError(AgentError):
    """Something from the network, or for it, that counts for nothing; its code is remarked. ``receipt``: the
    platform did sign it, for this box and epoch: the recorder should know."""

    receipt: Receipt | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """What a receipt is held against: our head, the last receipt's time, and our blocks' hashes."""

    box: str
    epoch: str
    head_n: int
    time_ms: int  # of the newest receipt believed, the platform's clock; -1: none
    stored_n: int  # of the same
    hash_of: Callable[[int], str | None]


def take(payload: bytes, key: VerifierKey, known: Known) -> Receipt:
    """The receipt, believed. UnfitError: SBX-UPL-030 not signed by the platform, -034 too large, -031 another
    box, -035 another epoch, -032 an old one again; with ``receipt``: -037 a block that we do not have, -033
    another hash."""
    if len(payload) > MAX_NOTE:
        raise UnfitError("SBX-UPL-034", bytes=len(payload))
    try:
        receipt = open_receipt(payload, key)
    except FormatError as error:
        raise UnfitError("SBX-UPL-030", key=key.name, reason=error) from error
    facts = {"by": receipt.by, "n": receipt.stored_n, "head": known.head_n}
    if receipt.box != known.box:
        raise UnfitError("SBX-UPL-031", by=receipt.by, found=receipt.box)
    if receipt.epoch != known.epoch:
        raise UnfitError("SBX-UPL-035", by=receipt.by, found=receipt.epoch, epoch=known.epoch)
    if receipt.time_ms < known.time_ms and receipt.stored_n < known.stored_n:
        raise UnfitError("SBX-UPL-032", stored=known.stored_n, **facts)
    if receipt.stored_n > known.head_n:
        raise _signed("SBX-UPL-037", receipt, facts)
    if receipt.stored_n >= 0 and known.hash_of(receipt.stored_n) not in (None, receipt.stored_hash):
        raise _signed("SBX-UPL-033", receipt, facts)
    return receipt


def _signed(code: str, receipt: Receipt, facts: Mapping[str, object]) -> UnfitError:
    error = UnfitError(code, **facts)
    error.receipt = receipt
    return error


def note_hash(note: bytes) -> str | None:
    """The hash that a receipt must quote for this block; None for a note that cannot be read."""
    try:
        return hash_text(decode(note).text)
    except NoteError:
        return None
