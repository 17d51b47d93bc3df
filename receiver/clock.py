"""The only module of the receiver that reads a clock."""

from __future__ import annotations

import time


def utc_ms() -> int:
    """The wall clock, ms since 1970. A platform's clock is expected to be right: its receipts carry it."""
    return time.time_ns() // 1_000_000


def mono_ms() -> int:
    """A clock that never steps, ms."""
    return time.monotonic_ns() // 1_000_000
