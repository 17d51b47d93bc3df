"""What a tty and a socket have in common: a file descriptor that is waited for. See `drivers.ports`."""

from __future__ import annotations

import os
import select
import termios
from collections.abc import Callable
from typing import Final

import serial

from drivers.port import PortError

READ_BYTES: Final = 4096  # most bytes taken in one read
WRITE_TIMEOUT_S: Final = 2.0
# termios.error is neither an OSError nor a SerialException; ValueError: pyserial on a baud rate it cannot set
FAULTS: Final = (OSError, termios.error, serial.SerialException, ValueError)


class FilePort:
    """What a tty and a socket have in common: a file descriptor that is waited for."""

    serial_line = False
    lost = "SBX-SER-005"  # the code of a port that went away

    def __init__(self, name: str, now: Callable[[], float]) -> None:
        self.name = name
        self.notice = ""
        self.grain_ms = 0.0 if isinstance(now(), float) else 1.0
        self.moment = now
        self._descriptor: int | None = None

    def now(self) -> int:
        return int(self.moment())

    def read(self, until_ms: float) -> bytes:
        left = until_ms - self.moment()
        while not (data := self.pause(left)) and left > 0:
            left = until_ms - self.moment()
        return data

    def pause(self, ms: float) -> bytes:
        fd = self._descriptor
        if fd is None:
            raise self._closed()
        try:
            if not select.select((fd,), (), (), ms / 1000 if ms > 0 else 0.0)[0]:
                return b""
            data = self._take(fd)
        except FAULTS as error:
            raise self._fault(self.lost, error) from error
        if not data:  # readable and nothing there: the other side is gone (pyserial issue 331)
            raise PortError(self.lost, port=self.name, reason="end of file")
        return data

    def sleep(self, ms: float) -> None:
        if ms > 0:
            select.select((), (), (), ms / 1000)

    def _take(self, fd: int) -> bytes:
        """What is there, of at least one byte."""
        return os.read(fd, READ_BYTES)

    def _closed(self) -> PortError:
        return PortError(self.lost, port=self.name, reason="closed")

    def _fault(self, code: str, error: BaseException) -> PortError:
        """One of the world's errors as a `PortError`."""
        return PortError(code, port=self.name, reason=str(error))
