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


class WireError(FormatError):
    """Not a message of our topics. Uplink and receiver count it and drop it."""


class RawError(FormatError):
    """Not a list of bus frames in its one form. The verifier names the block."""


class BundleError(FormatError):
    """Not an evidence file. ``sitebox verify`` ends with 66."""
