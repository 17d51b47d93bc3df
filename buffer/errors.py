"""The errors of the journal: one root, one class for each thing that can be wrong.

Never raised for what a caller did right, and never logged here: who catches an error decides what it means.
"""

from __future__ import annotations


class JournalError(Exception):
    """Root of this package. Where nobody nearer catches it, the supervisor does: the process ends and is
    started again."""


class FormatError(JournalError):
    """Bytes that are not what they should be. The verifier makes a verdict of it, uplinks count and drop."""


class UnknownVersion(FormatError):  # noqa: N818 -- it names the finding, not a mistake
    """Written by a newer edition: readable by nobody here, and said before anything is called corrupt.
    The verifier and the receiver catch it and ask for newer software."""


class NoteError(FormatError):
    """Not a signed note in its one form, or a bad signature of a known key. Caught like FormatError."""


class RowError(FormatError):
    """Not a record in its one form. In the recorder it is a bug and ends the process; the verifier names the
    block."""


class BlockError(FormatError):
    """Not a block header in its one form. The verifier names the block; the receiver quarantines it."""


class ReceiptError(FormatError):
    """Not a receipt in its one form, or not of this authority. The uplink counts it and moves nothing."""


class CommandError(FormatError):
    """Not a command in its one form, or not of this issuer. Who asked gets the refusal, with its code."""


class HandoverError(FormatError):
    """Not a hand-over note in its one form, or not of the identities it names. The verifier makes a finding
    of it, the receiver refuses it; among a box's own keys it is damage."""


class WireError(FormatError):
    """Not a message of our topics. Uplink and receiver count it and drop it."""


class RawError(FormatError):
    """Not a list of bus frames in its one form. The verifier names the block."""


class BundleError(FormatError):
    """Not an evidence file. ``sitebox verify`` ends with 66."""


class StorageError(JournalError):
    """Keeping failed. ``code`` names its message in the catalogue, ``facts`` fill it. Subclasses say who
    catches."""

    def __init__(self, code: str, **facts: object) -> None:
        self.code = code
        self.facts = {name: str(value) for name, value in facts.items()}
        super().__init__(f"{code} {self.facts}")


class KeyFault(StorageError):  # noqa: N818 -- it names what happened
    """The keys are not as they must be. The daemon ends with the message: a person has to look."""


class JournalLocked(StorageError):  # noqa: N818 -- it names what happened
    """Another daemon writes this journal. This one ends with the message."""


class JournalUnusable(StorageError):  # noqa: N818 -- it names what happened
    """A journal of another box, of newer software, or of other keys. The daemon ends with the message."""


class WriteFailed(StorageError):  # noqa: N818 -- it names what happened
    """A write or a sync failed: nothing since is believed, and the journal does nothing more until it is
    opened again, which reads what is really there. The recorder closes and opens it."""


class StoreFull(StorageError):  # noqa: N818 -- it names what happened
    """No room. Nothing was lost or half done: the recorder goes on, seals later, and counts what it must
    drop."""


class JournalUnreadable(StorageError):  # noqa: N818 -- it names what happened
    """A reader cannot see the journal. CLI and uplinks catch it and say so; the daemon's writing is
    untouched."""


class StoreDamaged(JournalUnreadable):
    """The store does not hold together. A start saves what is sound; a reader says so like any
    JournalUnreadable."""


class ReceiptRefused(StorageError):  # noqa: N818 -- it names what happened
    """A receipt that is not of this history. The recorder counts it and moves nothing."""
