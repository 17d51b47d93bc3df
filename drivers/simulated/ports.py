"""Where a simulated line meets its reader: a pty, or a TCP connection that carries the raw line.

A pty carries no parity and no time: ``wire`` gives it time, and parity is not modelled. The slave side is
kept open here, so that a reader that closes its end is no error. Used by one bus thread alone.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import termios
import tty
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

_BAUDS = {
    getattr(termios, f"B{rate}"): rate
    for rate in (300, 600, 1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200, 230400)
}


class LinePort(Protocol):
    """One end of a line."""

    def files(self) -> list[int]:
        """Descriptors to wait for."""

    def take(self, ready: Sequence[int]) -> bytes:
        """What the reader wrote; b"" for none."""

    def put(self, data: bytes) -> None:
        """Give the reader bytes; those it has no room for are lost, as on a line."""

    def baud(self) -> int | None:
        """The rate the reader's port is set to, if it can be known."""

    def gone(self, on: bool) -> None:
        """Pull the adapter out, or put it back under another number."""

    def close(self) -> None:
        """Give all back."""

    @property
    def name(self) -> str:
        """What a reader opens."""


class PtyEnd:
    """A pty; ``link`` is a symbolic link kept at its slave side."""

    def __init__(self, link: str | None) -> None:
        self._link = None if link is None else Path(link)
        self._master, self._slave = _pair()
        self._spare: tuple[int, int] | None = None  # held while gone, so that the number must change
        self._publish()

    @property
    def name(self) -> str:
        """The link, or the slave's own name."""
        return str(self._link) if self._link is not None else os.ttyname(self._slave)

    def files(self) -> list[int]:
        """None while the adapter is out."""
        return [] if self._spare is not None else [self._master]

    def take(self, ready: Sequence[int]) -> bytes:
        """Read what is there."""
        if self._master not in ready:
            return b""
        with contextlib.suppress(BlockingIOError):
            return os.read(self._master, 4096)
        return b""

    def put(self, data: bytes) -> None:
        """Write what fits."""
        if self._spare is None:
            with contextlib.suppress(BlockingIOError):
                os.write(self._master, data)

    def baud(self) -> int | None:
        """The line speed set on the pty."""
        return None if self._spare is not None else _BAUDS.get(termios.tcgetattr(self._slave)[5])

    def gone(self, on: bool) -> None:
        """Closing hangs up on the reader (it sees EIO) and removes the link."""
        if on and self._spare is None:
            self._spare = _pair()
            self._unpublish()
            self._shut(self._master, self._slave)
        elif not on and self._spare is not None:
            (self._master, self._slave), self._spare = self._spare, None
            self._publish()

    def close(self) -> None:
        """Close both sides and remove the link."""
        if self._spare is None:
            self._unpublish()
            self._shut(self._master, self._slave)
        else:
            self._shut(*self._spare)

    def _publish(self) -> None:
        if self._link is None:
            return
        fresh = self._link.with_name(f"{self._link.name}.new")
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(os.ttyname(self._slave))
        fresh.replace(self._link)

    def _unpublish(self) -> None:
        if self._link is not None:
            self._link.unlink(missing_ok=True)

    @staticmethod
    def _shut(*files: int) -> None:
        for file in files:
            os.close(file)


class SocketEnd:
    """A serial server: one TCP connection at a time carries the raw line; a new one replaces it."""

    def __init__(self, port: int) -> None:
        self._listener: socket.socket | None = listen(port)
        self._port = int(self._listener.getsockname()[1])
        self._peer: socket.socket | None = None

    @property
    def name(self) -> str:
        """``127.0.0.1:PORT``."""
        return f"127.0.0.1:{self._port}"

    def files(self) -> list[int]:
        """Listener and connection."""
        return [one.fileno() for one in (self._listener, self._peer) if one is not None]

    def take(self, ready: Sequence[int]) -> bytes:
        """Accept, or read."""
        if self._listener is not None and self._listener.fileno() in ready:
            self._drop()
            self._peer = self._listener.accept()[0]
            self._peer.setblocking(False)
            self._peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return b""
        if self._peer is None or self._peer.fileno() not in ready:
            return b""
        try:
            data = self._peer.recv(4096)
        except OSError as error:
            if error.errno == errno.EAGAIN:
                return b""
            data = b""
        if not data:
            self._drop()
        return data

    def put(self, data: bytes) -> None:
        """Send what fits."""
        if self._peer is None:
            return
        try:
            self._peer.send(data)
        except BlockingIOError:
            return
        except OSError:
            self._drop()

    def baud(self) -> int | None:
        """A serial server has its own setting: not known here."""
        return None

    def gone(self, on: bool) -> None:
        """Refuse connections; the same port comes back."""
        if on:
            self.close()
        elif self._listener is None:
            self._listener = listen(self._port)

    def close(self) -> None:
        """Close listener and connection."""
        self._drop()
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    def _drop(self) -> None:
        if self._peer is not None:
            self._peer.close()
            self._peer = None


def listen(port: int) -> socket.socket:
    """A listening socket on the loopback; 0 is any free port."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(8)
    listener.setblocking(False)
    return listener


def _pair() -> tuple[int, int]:
    """A raw pty without echo: (master, slave)."""
    master, slave = os.openpty()
    tty.setraw(slave)
    os.set_blocking(master, False)
    return master, slave
