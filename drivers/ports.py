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
import stat
import termios
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

import serial
from serial.rs485 import RS485Settings

from config.site import Bus, Line, Rs485
from drivers.errors import DriverError
from drivers.fileport import FAULTS, READ_BYTES, WRITE_TIMEOUT_S, FilePort
from drivers.port import Port, PortError
from drivers.tcpport import TcpPort

__all__ = ["Port", "PortError", "PtyPort", "SerialPort", "TcpPort", "is_pty", "open_port"]

TTYS: Final = Path("/sys/class/tty")
MINI_UART: Final = b"brcm,bcm2835-aux-uart"  # Linux Documentation/devicetree/bindings/serial
PTY_MAJORS: Final = range(136, 144)  # Unix98 pty slaves (Linux Documentation/admin-guide/devices.txt)

_CODES: Final = {
    errno.ENOENT: "SBX-SER-001",
    errno.ENODEV: "SBX-SER-001",
    errno.ENXIO: "SBX-SER-001",
    errno.EACCES: "SBX-SER-002",
    errno.EPERM: "SBX-SER-002",
    errno.EBUSY: "SBX-SER-004",
    errno.EAGAIN: "SBX-SER-004",  # the flock is taken
}


class SerialPort(FilePort):
    """A tty through pyserial. ``exclusive`` is only flock, which other programs ignore: TIOCEXCL as well.
    ``rs485``: the level of RTS at which the kernel sends; "off": the adapter turns the line by itself."""

    serial_line = True

    def __init__(
        self, path: str, now: Callable[[], float], *, rs485: Rs485 = "off", sysfs: Path = TTYS
    ) -> None:
        super().__init__(path, now)
        self._rs485 = rs485
        self._sysfs = sysfs
        self._serial: serial.Serial | None = None
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
            self._turn_round(opened)
        except PortError:
            self.close()
            raise
        except FAULTS as error:
            self.close()
            other = "SBX-SER-010" if _is_no_tty(self.name) else self.lost
            code = _CODES.get(getattr(error, "errno", None) or 0, other)
            raise PortError(code, port=self.name, reason=str(error)) from error

    def _turn_round(self, opened: serial.Serial) -> None:
        """Let the kernel switch the transceiver (Linux serial_rs485: TIOCSRS485); in user space it would be
        too late at 9600 baud."""
        if self._rs485 == "off":
            return
        high = self._rs485 == "rts-high"
        try:
            opened.rs485_mode = RS485Settings(rts_level_for_tx=high, rts_level_for_rx=not high)
        except FAULTS as error:
            raise self._fault("SBX-SER-008", error) from error

    def close(self) -> None:
        opened, self._serial, self._descriptor, self._line = self._serial, None, None, None
        if opened is not None:
            with contextlib.suppress(*FAULTS):  # a pty keeps the flag while its other end is open
                fcntl.ioctl(opened.fileno(), termios.TIOCNXCL)
            with contextlib.suppress(*FAULTS):
                opened.close()

    def configure(self, line: Line | None) -> None:
        if line is None or line is self._line or line == self._line:
            return
        wanted = self._carried(line)
        if wanted.parity != "N" and is_mini_uart(self.name, self._sysfs):
            self.notice = "SBX-SER-009"
        settings = {
            "baudrate": wanted.baud,
            "bytesize": wanted.bits,
            "parity": wanted.parity,
            "stopbits": wanted.stop,
        }
        try:
            self._open_port().apply_settings(settings)
        except FAULTS as error:
            raise self._fault("SBX-SER-006", error) from error
        self._line = line

    def write(self, data: bytes) -> None:
        if self._descriptor is None:
            raise self._closed()
        try:
            written = os.write(self._descriptor, data)
        except BlockingIOError:
            written = 0
        except FAULTS as error:
            raise self._fault(self.lost, error) from error
        if written < len(data):  # the kernel's buffer is full, as a request hardly ever finds it
            self._write_on(data[written:])

    def _write_on(self, data: bytes) -> None:
        try:
            self._open_port().write(data)  # waits for room
        except FAULTS as error:
            raise self._fault(self.lost, error) from error

    def read(self, until_ms: float) -> bytes:
        if self._descriptor is None:
            raise self._closed()
        try:
            data = os.read(self._descriptor, READ_BYTES)  # without VMIN and VTIME an empty line gives nothing
        except BlockingIOError:
            data = b""
        except FAULTS as error:
            raise self._fault(self.lost, error) from error
        return data or super().read(until_ms)

    def _carried(self, line: Line) -> Line:
        """The settings that this kind of device can carry."""
        return line

    def _open_port(self) -> serial.Serial:
        if self._serial is None:
            raise self._closed()
        return self._serial


class PtyPort(SerialPort):
    """A pseudo terminal. It drops PARENB, and then every later setting fails: N is asked for instead."""

    def _carried(self, line: Line) -> Line:
        if line.parity != "N":
            self.notice = "SBX-SER-007"
        return replace(line, parity="N")


def _is_no_tty(path: str) -> bool:
    """True for what is there and no terminal device: a folder, a file, /dev/null."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return not os.isatty(fd)
    finally:
        os.close(fd)


def is_pty(path: str) -> bool:
    """True if ``path``, links followed, is a pseudo terminal."""
    try:
        found = os.stat(path)
    except OSError:
        return False
    return stat.S_ISCHR(found.st_mode) and os.major(found.st_rdev) in PTY_MAJORS


def is_mini_uart(path: str, sysfs: Path = TTYS) -> bool:
    """True for the small UART of a Raspberry Pi, which has no parity bit: links of ``path`` are followed, and
    the device tree says what the tty is."""
    compatible = sysfs / Path(os.path.realpath(path)).name / "device" / "of_node" / "compatible"
    try:
        return MINI_UART in compatible.read_bytes()
    except OSError:
        return False


def open_port(bus: Bus, now: Callable[[], float]) -> Port:
    """The port of a declared bus, not opened yet; ``now`` is the monotonic clock in ms.

    Raises `DriverError` for a bus without the place of its port (the configuration refuses it earlier).
    """
    if bus.kind == "serial":
        if bus.port is None:
            raise DriverError(f"bus {bus.id}: kind serial needs a port")
        kind = PtyPort if is_pty(bus.port) else SerialPort
        return kind(bus.port, now, rs485=bus.rs485)
    if bus.host is None:
        raise DriverError(f"bus {bus.id}: kind {bus.kind} needs a host")
    return TcpPort(bus.host, bus.tcp_port, now, serial_line=bus.kind == "rtu-over-tcp")
