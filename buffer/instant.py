"""An instant: what a clock said, and how far it may be trusted. Reads no clock itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ClockLetter = Literal["S", "R", "M", "I"]  # synchronised | relative | meter's clock | informative (DESIGN 4)


@dataclass(frozen=True, slots=True)
class Instant:
    """``utc_ms`` since 1970 as the wall clock said; ``mono_ms`` of CLOCK_BOOTTIME; ``boot`` counts this box's
    boots from 1; ``boot_id`` is the kernel's."""

    utc_ms: int
    mono_ms: int
    letter: ClockLetter
    boot: int
    boot_id: str
