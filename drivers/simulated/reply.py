"""What a simulated meter says: the frame, and the plain truth about what is in it.

Shared by both slave codecs; holds no protocol.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Shown:
    """One number as the meter shows it: vocabulary name (or DI) and plain text. ``ratio``: which transformer
    ratios lie between it and the primary side."""

    name: str
    text: str
    ratio: Literal["none", "pt", "ct", "ptct"] = "none"


@dataclass(frozen=True, slots=True)
class Reply:
    """``ask``: what was asked for, as people write it: "0201FF00", "03 0x2006+6"."""

    frame: bytes
    ask: str
    kind: Literal["good", "error"]
    shown: tuple[Shown, ...] = ()
