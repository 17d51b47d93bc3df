"""One attempt to reach a broker: name, TCP, TLS, dates. Never blocks but for the name.

::

    Dial.step --> None: still on the way          --> Wire: connected, checked, nothing said yet
              --> LinkError: over, with a code

The resolver of the C library cannot be asked without waiting; it holds this uplink's thread alone. ``Wire``
is what paho gets for a socket: it refuses a packet over its limit and remembers why a connection broke.
"""

from __future__ import annotations

import errno
import select
import socket
import ssl
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from agent.uplinks import tls
from agent.uplinks.tls import Identity, LinkError
from buffer.instant import Instant
from buffer.note import MAX_NOTE

ADDRESS_MS: Final = 10_000  # patience with one address of the name
HANDSHAKE_MS: Final = 15_000
MAX_INBOUND: Final = 2 * MAX_NOTE  # nothing the platform says is longer than a note and its topic
_MOST_ADDRESSES: Final = 4
_LOST = frozenset((errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN))


@dataclass(frozen=True, slots=True)
class Target:
    """Whom to reach, and as whom."""

    host: str
    port: int
    identity: Identity

    @classmethod
    def of(cls, host: str, port: int, files: tuple[str, str, str]) -> Target:
        """``files``: paths of CA, certificate, key."""
        return cls(host, port, Identity(*map(Path, files)))


@dataclass(frozen=True, slots=True)
class _Wait:
    sock: socket.socket
    events: int
    patience_ms: int


class Wire:
    """A TLS connection in the form paho wants. ``error`` is the exception that ended it, if one did."""

    def __init__(self, sock: ssl.SSLSocket) -> None:
        self._sock = sock
        self.error: OSError | None = None

    def recv(self, size: int) -> bytes:
        """Up to ``size`` bytes; paho asks for a whole packet, so a larger one is refused unread."""
        if size > MAX_INBOUND:
            raise self._keep(OSError(errno.EMSGSIZE, "packet too large"))
        try:
            return self._sock.recv(size)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError, BlockingIOError):
            raise
        except OSError as error:
            raise self._keep(error) from None

    def send(self, data: bytes | bytearray) -> int:
        """How many bytes went."""
        try:
            return self._sock.send(data)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError, BlockingIOError):
            raise
        except OSError as error:
            raise self._keep(self._alert() or error) from None

    def pending(self) -> int:
        """Bytes decrypted already, which no poll of the descriptor can see."""
        return self._sock.pending()

    def close(self) -> None:
        self._sock.close()

    def fileno(self) -> int:
        return self._sock.fileno()

    def setblocking(self, flag: bool) -> None:
        self._sock.setblocking(flag)

    def _alert(self) -> OSError | None:
        """Why a broker has closed, if it said so: its alert waits to be read when the write fails."""
        try:
            self._sock.recv(1)
        except (ssl.SSLWantReadError, ssl.SSLEOFError, ConnectionError, BlockingIOError):
            return None
        except ssl.SSLError as error:
            return error
        return None

    def _keep(self, error: OSError) -> OSError:
        self.error = self.error or error
        return error


class Dial:
    """One attempt. ``floor_ms``: the time cannot be earlier (``tls.check_dates``)."""

    def __init__(self, target: Target, now: Instant, floor_ms: int) -> None:
        self._target = target
        self._floor_ms = floor_ms
        self._context = tls.context(target.identity)
        tls.check_dates((tls.own_certificate(target.identity),), now, floor_ms, own=True)
        self._course = self._run()
        self._sock: ssl.SSLSocket | None = None
        self._wait: _Wait | None = None
        self._deadline_ms = 0

    def step(self, now: Instant) -> Wire | None:
        """Go on as far as possible without waiting. LinkError when there is no way."""
        late = self._wait is not None and now.mono_ms >= self._deadline_ms
        while late or self._wait is None or _is_ready(self._wait, 0):
            try:
                self._wait = self._course.throw(TimeoutError()) if late else next(self._course)
            except StopIteration:
                assert self._sock is not None
                tls.check_dates(tls.peer_chain(self._sock), now, self._floor_ms, own=False)
                return Wire(self._sock)
            late = False
            self._deadline_ms = now.mono_ms + self._wait.patience_ms
        return None

    def wait(self, ms: int) -> None:
        """Let at most so much time pass until ``step`` can go on."""
        if self._wait is not None:
            _is_ready(self._wait, ms)

    def close(self) -> None:
        """Give up."""
        self._course.close()
        if self._wait is not None:
            self._wait.sock.close()
        if self._sock is not None:
            self._sock.close()

    def _run(self) -> Generator[_Wait, None, None]:
        plain = yield from self._tcp()
        host = self._target.host
        sock = self._context.wrap_socket(plain, server_hostname=host, do_handshake_on_connect=False)
        self._sock = sock
        while True:
            try:
                sock.do_handshake()
                return
            except ssl.SSLWantReadError:
                wait = _Wait(sock, select.POLLIN, HANDSHAKE_MS)
            except ssl.SSLWantWriteError:
                wait = _Wait(sock, select.POLLOUT, HANDSHAKE_MS)
            except OSError as error:
                raise tls.explain(error, host) from error
            try:
                yield wait
            except TimeoutError:
                raise LinkError("SBX-TLS-022", host=host) from None

    def _tcp(self) -> Generator[_Wait, None, socket.socket]:
        found = LinkError("SBX-UPL-001", host=self._target.host)
        for family, address in _resolve(self._target):
            sock = socket.socket(family, socket.SOCK_STREAM)
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                error = sock.connect_ex(address)
                if error == errno.EINPROGRESS:
                    yield _Wait(sock, select.POLLOUT, ADDRESS_MS)
                    error = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            except TimeoutError:
                error = errno.ETIMEDOUT
            if error == 0:
                return sock
            sock.close()
            found = self._refused(error)
        raise found

    def _refused(self, error: int) -> LinkError:
        where = {"host": self._target.host, "port": self._target.port}
        if error == errno.ECONNREFUSED:
            return LinkError("SBX-UPL-002", **where)
        if error == errno.ETIMEDOUT:
            return LinkError("SBX-UPL-003", **where)
        if error in _LOST:
            return LinkError("SBX-UPL-004", **where)
        return LinkError("SBX-UPL-005", host=self._target.host, reason=errno.errorcode.get(error, str(error)))


def _resolve(target: Target) -> list[tuple[int, tuple[object, ...]]]:
    try:
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise LinkError("SBX-UPL-001", host=target.host) from error
    return [(family, address) for family, _, _, _, address in found[:_MOST_ADDRESSES]]


def _is_ready(wait: _Wait, ms: int) -> bool:
    poll = select.poll()
    poll.register(wait.sock, wait.events)
    return bool(poll.poll(ms))
