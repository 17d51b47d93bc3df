"""Words of the signed texts: the patterns that headers, receipts and messages share.

One token, one form: numbers without sign or leading zero, hashes in small letters. Knows no whole format.

>>> lines(b"sitebox/receipt/v1\\nby city\\n", "receipt")
('by city',)
"""

from __future__ import annotations

import re
from typing import Final

from buffer.errors import FormatError, UnknownVersion

LIMIT: Final = 2**53  # integers are exact in every JSON reader up to here (RFC 8259, section 6)
NUMBER: Final = "(?:0|[1-9][0-9]{0,15})"
HASH: Final = "[0-9a-f]{64}"
NO_HASH: Final = "0" * 64  # stands where a genesis would name its predecessor
BOX: Final = "[A-Za-z0-9-]{1,32}"
EPOCH: Final = "[a-z0-9-]{1,36}"
BOOT_ID: Final = "[A-Za-z0-9-]{1,36}"
AUTHORITY: Final = "[A-Za-z0-9][A-Za-z0-9.-]{0,31}"
WORD: Final = "[!-~]{1,64}"

_FIRST = re.compile(r"sitebox/([a-z]+)/v([1-9][0-9]{0,3})")


def lines(text: bytes, kind: str) -> tuple[str, ...]:
    """The lines of a signed text behind its first one, which must be ``sitebox/<kind>/v1``.

    Raises UnknownVersion for another version of the same kind (before anything else is judged), FormatError
    for another kind, for bytes beyond ASCII, and for a text that does not end with its last newline.
    """
    first, _, rest = text.partition(b"\n")
    found = _FIRST.fullmatch(first.decode("ascii", "replace"))
    if found is None or found[1] != kind:
        raise FormatError(f"first line is not sitebox/{kind}/v1")
    if found[2] != "1":
        raise UnknownVersion(f"sitebox/{kind}/v{found[2]}")
    if not rest.isascii() or not rest.endswith(b"\n"):
        raise FormatError(f"{kind}: not ASCII lines")
    return tuple(rest[:-1].decode("ascii").split("\n"))


def is_word(pattern: str, text: str) -> bool:
    """Whether ``text`` as a whole has the form of one of the patterns above."""
    return re.fullmatch(pattern, text, re.ASCII) is not None


def is_number(value: int) -> bool:
    """Whether a count, index or time in ms may stand in a signed text."""
    return 0 <= value <= LIMIT
