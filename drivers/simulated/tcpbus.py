"""Modbus TCP meters behind one loopback port: several connections, several units.

A meter's ``delay_ms`` and its faults count, its line settings do not. A stream that is no Modbus TCP is
closed.
"""

from __future__ import annotations

import contextlib
import random
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from drivers.simulated.meter import Meter
from drivers.simulated.ports import listen
from drivers.simulated.slavemodbus import Ask, take_tcp
from drivers.simulated.wire import Served

_MAX_PEERS = 32
_MAX_WAITING = 256


@dataclass(slots=True)
class _Peer:
    connection: socket.socket
    buffer: bytes = b""


@dataclass(frozen=True, slots=True)
class _Due:
    at_ns: int
    peer: _Peer
    data: bytes
    done: Callable[[], None]


class TcpBus:
    """One port; used by its bus thread alone."""

    def __init__(
        self,
        meters: Sequence[Meter],
        port: int,
        served: Served,
        *,
        rng: random.Random,
        mono_ns: Callable[[], int],
    ) -> None:
        self._meters = tuple(meters)
        self._served = served
        self._rng = rng
        self._mono_ns = mono_ns
        self._listener: socket.socket | None = listen(port)
        self._port = int(self._listener.getsockname()[1])
        self._peers: dict[int, _Peer] = {}
        self._due: list[_Due] = []

    @property
    def name(self) -> str:
        """``127.0.0.1:PORT``."""
        return f"127.0.0.1:{self._port}"

    def files(self) -> list[int]:
        """Listener and connections."""
        return [*([] if self._listener is None else [self._listener.fileno()]), *self._peers]

    def step(self, ready: list[int]) -> int | None:
        """Accept, read, answer what is due."""
        for file in ready:
            peer = self._peers.get(file)
            if peer is None:
                self._accept()
            else:
                self._take(file, peer)
        now = self._mono_ns()
        for due in [one for one in self._due if one.at_ns <= now]:
            self._due.remove(due)
            self._send(due)
        return min((one.at_ns for one in self._due), default=None)

    def gone(self, on: bool) -> None:
        """Refuse connections; the same port comes back."""
        if on:
            self.close()
        elif self._listener is None:
            self._listener = listen(self._port)

    def close(self) -> None:
        """Close all connections and the listener."""
        for file in tuple(self._peers):
            self._drop(file)
        self._due.clear()
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    def _accept(self) -> None:
        if self._listener is None:
            return
        with contextlib.suppress(BlockingIOError, ConnectionError):
            connection = self._listener.accept()[0]
            if len(self._peers) >= _MAX_PEERS:
                connection.close()
                return
            connection.setblocking(False)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._peers[connection.fileno()] = _Peer(connection)

    def _take(self, file: int, peer: _Peer) -> None:
        try:
            data = peer.connection.recv(4096)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        rest: bytes | None = peer.buffer + data if data else None
        while rest is not None:
            peer.buffer = rest
            ask, rest = take_tcp(peer.buffer)
            if ask is None:
                break
            self._answer(ask, peer)
        if rest is None:
            self._drop(file)

    def _answer(self, ask: Ask, peer: _Peer) -> None:
        for meter in self._meters:
            reply = meter.answer_tcp(ask)
            if reply is None or len(self._due) >= _MAX_WAITING:
                continue
            data, names = meter.spoilt(reply.frame, self._rng)
            late_ms = meter.faults.lateness_ms()
            at_ns = self._mono_ns() + (meter.spec.delay_ms + late_ms) * 1_000_000
            names += ("late",) if late_ms else ()
            self._due.append(_Due(at_ns, peer, data, partial(self._served, meter, reply, names)))

    def _send(self, due: _Due) -> None:
        due.done()
        with contextlib.suppress(OSError):  # the reader went away: as on a cable
            due.peer.connection.send(due.data)

    def _drop(self, file: int) -> None:
        self._peers.pop(file).connection.close()
