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

    def now(self) -> int:
        return int(self.moment())

    def read(self, until_ms: int) -> bytes:
        data = self._at_once()
        while not data:
            left = max(0, until_ms - self.moment())
            data = self._wait(left / 1000)
            if left == 0:
                break
        return data

    def pause(self, ms: float) -> bytes:
        return self._wait(max(0.0, ms) / 1000)

    def sleep(self, ms: float) -> None:
        if ms > 0:
            select.select((), (), (), ms / 1000)

    def _wait(self, seconds: float) -> bytes:
        try:
            fd = self._fd()
            ready, _, _ = select.select((fd,), (), (), seconds)
            if not ready:
                return b""
            data = self._take(fd)
        except FAULTS as error:
            raise self._fault(self.lost, error) from error
        if not data:  # readable and nothing there: the other side is gone (pyserial issue 331)
            raise PortError(self.lost, port=self.name, reason="end of file")
        return data

    def _at_once(self) -> bytes:
        """What is there already, if that can be had without asking first whether there is something."""
        return b""

    def _fd(self) -> int:
        raise NotImplementedError

    def _take(self, fd: int) -> bytes:
        return os.read(fd, READ_BYTES)

    def _fault(self, code: str, error: BaseException) -> PortError:
        """One of the world's errors as a `PortError`."""
        return PortError(code, port=self.name, reason=str(error))
