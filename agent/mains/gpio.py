"""An input line of a GPIO chip as source, over the character device (version 2 of its interface, Linux 5.10).

All numbers and layouts are those of ``linux/gpio.h`` (uapi); a test plays the kernel with that header::

    struct gpio_v2_line_request (592 bytes)        struct gpio_v2_line_values (16 bytes)
      0  __u32 offsets[64]                            0  __u64 bits
    256  char  consumer[32]                           8  __u64 mask
    288  config: __u64 flags, __u32 num_attrs, __u32 padding[5], attrs[10] of 24 bytes
    560  __u32 num_lines, event_buffer_size, padding[5]
    588  __s32 fd                                   <- the line, by which its value is asked

The line is asked for once and kept: nobody else can turn it into an output meanwhile. Only reads.
"""

from __future__ import annotations

import fcntl
import os
import struct
from pathlib import Path
from typing import Final

from agent.mains import MainsUnknownError

_REQUEST: Final = struct.Struct("=64I32sQI20x240xII20xi")
_VALUES: Final = struct.Struct("=QQ")


def _iowr(number: int, size: int) -> int:
    """``_IOWR(0xB4, number, size)`` (asm-generic/ioctl.h): direction 2 bits, size 14, type 8, number 8."""
    return 3 << 30 | size << 16 | 0xB4 << 8 | number


GET_LINE: Final = _iowr(0x07, _REQUEST.size)  # GPIO_V2_GET_LINE_IOCTL
GET_VALUES: Final = _iowr(0x0E, _VALUES.size)  # GPIO_V2_LINE_GET_VALUES_IOCTL
ACTIVE_LOW: Final = 1 << 1  # GPIO_V2_LINE_FLAG_ACTIVE_LOW
INPUT: Final = 1 << 2  # GPIO_V2_LINE_FLAG_INPUT
CONSUMER: Final = b"sitebox mains"


class GpioLine:
    """A ``Source``: an active line means that the mains is there."""

    def __init__(self, chip: Path, line: int, active_low: bool) -> None:
        self._chip = chip
        self._line = line
        self._flags = INPUT | (ACTIVE_LOW if active_low else 0)
        self._fd: int | None = None

    def read(self) -> bool:
        """SBX-PWR-003: the chip cannot be opened; SBX-PWR-004: the line cannot be had or read."""
        if self._fd is None:
            self._fd = self._request()
        buffer = bytearray(_VALUES.pack(0, 1))
        try:
            fcntl.ioctl(self._fd, GET_VALUES, buffer)
        except OSError as error:
            self.close()
            raise self._unknown(error) from error
        bits, _ = _VALUES.unpack(buffer)
        return bool(bits & 1)

    def close(self) -> None:
        """Give the line back."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _request(self) -> int:
        try:
            chip = os.open(self._chip, os.O_RDWR | os.O_CLOEXEC)
        except OSError as error:
            raise MainsUnknownError("SBX-PWR-003", chip=self._chip, reason=error.strerror) from error
        offsets = (self._line, *[0] * 63)
        buffer = bytearray(_REQUEST.pack(*offsets, CONSUMER, self._flags, 0, 1, 0, 0))
        try:
            fcntl.ioctl(chip, GET_LINE, buffer)
        except OSError as error:
            raise self._unknown(error) from error
        finally:
            os.close(chip)
        fd: int = _REQUEST.unpack(buffer)[-1]
        return fd

    def _unknown(self, error: OSError) -> MainsUnknownError:
        return MainsUnknownError("SBX-PWR-004", chip=self._chip, line=self._line, reason=error.strerror)
