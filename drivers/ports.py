"""Ports: bytes out and in, and line settings applied in one place. A port knows no protocol.

::

    open_port(bus, now) --> SerialPort   a tty, opened exclusively (flock and TIOCEXCL)
                            PtyPort      a device of major 136..143: carries no parity, asks for N and says so
                            TcpPort      one TCP endpoint (Modbus TCP, or RTU over TCP)

A port never reconnects, retries or waits longer than it was told to; each fault of the world becomes one
`PortError`, after which the owner closes the port. ``now`` is the monotonic clock in ms, given by the caller;
with fractions, the silence between frames is kept to the fraction.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import select
import socket
import stat
import termios
from collections.abc import Callable
from dataclasses import replace
from typing import Final

import serial

from config.site import Bus, Line
from drivers.errors import DriverError
from drivers.port import Port, PortError

__all__ = ["Port", "PortError", "PtyPort", "SerialPort", "TcpPort", "is_pty", "open_port"]

READ_BYTES: Final = 4096  # most bytes taken in one read
WRITE_TIMEOUT_S: Final = 2.0
CONNECT_TIMEOUT_S: Final = 3.0
PTY_MAJORS: Final = range(136, 144)  # Unix98 pty slaves (Linux Documentation/admin-guide/devices.txt)

# termios.error is neither an OSError nor a SerialException; ValueError: pyserial on a baud rate it cannot set
_FAULTS: Final = (OSError, termios.error, serial.SerialException, ValueError)
_CODES: Final = {
    errno.ENOENT: "SBX-SER-001",
    errno.ENODEV: "SBX-SER-001",
    errno.ENXIO: "SBX-SER-001",
    errno.EACCES: "SBX-SER-002",
    errno.EPERM: "SBX-SER-002",
    errno.EBUSY: "SBX-SER-004",
    errno.EAGAIN: "SBX-SER-004",  # the flock is taken
}


class _FilePort:
    """What a tty and a socket have in common: a file descriptor that is waited for."""

    serial_line = False
    lost = "SBX-SER-005"  # the code of a port that went away

    def __init__(self, name: str, now: Callable[[], float]) -> None:
        self.name = name
        self.notice = ""
        self.grain_ms = 0.0 if isinstance(now(), float) else 1.0
        self._now = now

    def now(self) -> int:
        return int(self._now())

    def moment(self) -> float:
        return self._now()

    def read(self, until_ms: int) -> bytes:
        data = self._at_once()
        while not data:
            left = max(0, until_ms - self._now())
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
        except _FAULTS as error:
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


class SerialPort(_FilePort):
    """A tty through pyserial. ``exclusive`` is only flock, which other programs ignore: TIOCEXCL as well."""

    serial_line = True

    def __init__(self, path: str, now: Callable[[], float]) -> None:
        super().__init__(path, now)
        self._serial: serial.Serial | None = None
        self._descriptor: int | None = None
        self._line: Line | None = None

    @property
    def is_open(self) -> bool:
        return self._serial is not None

    def open(self) -> None:
        self.close()
        try:
            opened = serial.Serial(self.name, timeout=0, write_timeout=WRITE_TIMEOUT_S, exclusive=True)
            self._serial = opened
            self._descriptor = opened.fileno()
            fcntl.ioctl(opened.fileno(), termios.TIOCEXCL)
        except _FAULTS as error:
            self.close()
            code = _CODES.get(getattr(error, "errno", None) or 0, self.lost)
            raise PortError(code, port=self.name, reason=str(error)) from error

    def close(self) -> None:
        opened, self._serial, self._descriptor, self._line = self._serial, None, None, None
        if opened is not None:
            with contextlib.suppress(*_FAULTS):  # a pty keeps the flag while its other end is open
                fcntl.ioctl(opened.fileno(), termios.TIOCNXCL)
            with contextlib.suppress(*_FAULTS):
                opened.close()

    def configure(self, line: Line | None) -> None:
        if line is None or line is self._line or line == self._line:
            return
        wanted = self._carried(line)
        settings = {
            "baudrate": wanted.baud,
            "bytesize": wanted.bits,
            "parity": wanted.parity,
            "stopbits": wanted.stop,
        }
        try:
            self._open_port().apply_settings(settings)
        except _FAULTS as error:
            raise self._fault("SBX-SER-006", error) from error
        self._line = line

    def write(self, data: bytes) -> None:
        try:
            written = _write_some(self._fd(), data)
            if written < len(data):  # the kernel's buffer is full: pyserial waits for room
                self._open_port().write(data[written:])
        except _FAULTS as error:
            raise self._fault(self.lost, error) from error

    def _at_once(self) -> bytes:
        try:
            return os.read(self._fd(), READ_BYTES)  # without VMIN and VTIME an empty line gives nothing
        except BlockingIOError:
            return b""
        except _FAULTS as error:
            raise self._fault(self.lost, error) from error

    def _carried(self, line: Line) -> Line:
        """The settings that this kind of device can carry."""
        return line

    def _fd(self) -> int:
        if self._descriptor is None:
            raise PortError(self.lost, port=self.name, reason="closed")
        return self._descriptor

    def _open_port(self) -> serial.Serial:
        if self._serial is None:
            raise PortError(self.lost, port=self.name, reason="closed")
        return self._serial


class PtyPort(SerialPort):
    """A pseudo terminal. It drops PARENB, and then every later setting fails: N is asked for instead."""

    def _carried(self, line: Line) -> Line:
        if line.parity != "N":
            self.notice = "SBX-SER-007"
        return replace(line, parity="N")


class TcpPort(_FilePort):
    """One TCP endpoint. Line settings mean nothing here: the gateway has its own."""

    lost = "SBX-BUS-002"

    def __init__(self, host: str, tcp_port: int, now: Callable[[], float]) -> None:
        super().__init__(f"{host}:{tcp_port}", now)
        self._address = (host, tcp_port)
        self._socket: socket.socket | None = None

    @property
    def is_open(self) -> bool:
        return self._socket is not None

    def open(self) -> None:
        """Connect within `CONNECT_TIMEOUT_S`; looking up a name takes as long as the resolver does."""
        self.close()
        try:
            link = socket.create_connection(self._address, CONNECT_TIMEOUT_S)
            self._socket = link
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            link.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            link.settimeout(WRITE_TIMEOUT_S)
        except _FAULTS as error:
            raise self._fault("SBX-BUS-001", error) from error

    def close(self) -> None:
        link, self._socket = self._socket, None
        if link is not None:
            with contextlib.suppress(OSError):
                link.close()

    def configure(self, line: Line | None) -> None:
        del line

    def write(self, data: bytes) -> None:
        try:
            self._link().sendall(data)
        except _FAULTS as error:
            raise self._fault(self.lost, error) from error

    def _fd(self) -> int:
        return self._link().fileno()

    def _take(self, fd: int) -> bytes:
        del fd
        return self._link().recv(READ_BYTES)

    def _link(self) -> socket.socket:
        if self._socket is None:
            raise PortError(self.lost, port=self.name, reason="closed")
        return self._socket


def _write_some(fd: int, data: bytes) -> int:
    """Bytes taken at once; a request nearly always fits."""
    try:
        return os.write(fd, data)
    except BlockingIOError:
        return 0


def is_pty(path: str) -> bool:
    """True if ``path``, links followed, is a pseudo terminal."""
    try:
        found = os.stat(path)
    except OSError:
        return False
    return stat.S_ISCHR(found.st_mode) and os.major(found.st_rdev) in PTY_MAJORS


def open_port(bus: Bus, now: Callable[[], float]) -> Port:
    """The port of a declared bus, not opened yet; ``now`` is the monotonic clock in ms.

    Raises `DriverError` for a bus without the place of its port (the configuration refuses it earlier).
    """
    if bus.kind == "serial":
        if bus.port is None:
            raise DriverError(f"bus {bus.id}: kind serial needs a port")
        return PtyPort(bus.port, now) if is_pty(bus.port) else SerialPort(bus.port, now)
    if bus.host is None:
        raise DriverError(f"bus {bus.id}: kind {bus.kind} needs a host")
    return TcpPort(bus.host, bus.tcp_port, now)
