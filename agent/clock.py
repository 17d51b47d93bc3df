"""The only module of the agent that reads a clock.

Everybody else is given ``now``. Polling and durations run on CLOCK_BOOTTIME (``mono``), which no step of
the wall clock can touch; the wall clock is written down as it was read, with a letter that says how far it
may be trusted (DESIGN 4).
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from buffer.instant import ClockLetter, Instant

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_STA_UNSYNC = 0x0040  # <sys/timex.h>: the clock is not synchronised
_TIME_ERROR = 5  # adjtimex(2): clock not synchronised


class _Timex(ctypes.Structure):
    """``struct timex`` of Linux as adjtimex(2) prints it; only ``status``, ``maxerror`` are used."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("pad", ctypes.c_byte * 256),
    )


@dataclass(frozen=True, slots=True)
class Sync:
    """What the kernel says of its clock: ``error_ms`` is the maximum error, None when unknown."""

    synchronised: bool
    error_ms: int | None


def _open_adjtimex() -> Callable[..., int] | None:
    try:
        call = ctypes.CDLL(None, use_errno=True).adjtimex
    except (OSError, AttributeError):
        return None
    call.argtypes = (ctypes.POINTER(_Timex),)
    call.restype = ctypes.c_int
    return cast(Callable[..., int], call)


_ADJTIMEX = _open_adjtimex()


def kernel_sync() -> Sync:
    """Ask adjtimex(2), reading only. A kernel that refuses counts as not synchronised."""
    if _ADJTIMEX is None:
        return Sync(False, None)
    buffer = _Timex()
    state = _ADJTIMEX(ctypes.byref(buffer))
    if state < 0:
        return Sync(False, None)
    good = state != _TIME_ERROR and not buffer.status & _STA_UNSYNC
    return Sync(good, buffer.maxerror // 1000 if good else None)


def mono_ms() -> int:
    """CLOCK_BOOTTIME in ms: runs on through suspend, never steps."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000


def moment_ms() -> float:
    """The same clock with its fractions: for silences that are shorter than a few ms."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) * 1000.0


def utc_ms() -> int:
    """The wall clock, ms since 1970, right or wrong."""
    return time.time_ns() // 1_000_000


def kernel_boot_id() -> str:
    """The kernel's id of this boot, 32 hex digits."""
    return _BOOT_ID.read_text().strip().replace("-", "")


class Clock:
    """This start's clock: adds the boot counter and id to what the system clocks say."""

    def __init__(self, boot: int, boot_id: str) -> None:
        self.boot = boot
        self.boot_id = boot_id

    def now(self) -> Instant:
        """The present instant; the letter is S only when the kernel says that its clock is synchronised."""
        letter: ClockLetter = "S" if kernel_sync().synchronised else "R"
        return Instant(utc_ms(), mono_ms(), letter, self.boot, self.boot_id)

    @staticmethod
    def pause(seconds: float) -> None:
        """Let so much time pass (main loop only; bus and uplink threads wait on their descriptors)."""
        time.sleep(max(0.0, seconds))
