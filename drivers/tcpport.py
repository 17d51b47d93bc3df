"""One TCP endpoint as a port: Modbus TCP, or a gateway with a serial line behind it. See `drivers.ports`."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable
from typing import Final

from config.site import Line
from drivers.fileport import FAULTS, READ_BYTES, WRITE_TIMEOUT_S, FilePort

CONNECT_TIMEOUT_S: Final = 3.0


class TcpPort(FilePort):
    """One TCP endpoint. It sets no line: the gateway has its own. ``serial_line``: one lies behind it, on
    which characters take their time and silence separates frames."""

    lost = "SBX-BUS-002"

    def __init__(
        self, host: str, tcp_port: int, now: Callable[[], float], *, serial_line: bool = False
    ) -> None:
        super().__init__(f"{host}:{tcp_port}", now)
        self.serial_line = serial_line
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
            self._socket, self._descriptor = link, link.fileno()
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            link.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            link.settimeout(WRITE_TIMEOUT_S)
        except FAULTS as error:
            raise self._fault("SBX-BUS-001", error) from error

    def close(self) -> None:
        link, self._socket, self._descriptor = self._socket, None, None
        if link is not None:
            with contextlib.suppress(OSError):
                link.close()

    def configure(self, line: Line | None) -> None:
        del line

    def write(self, data: bytes) -> None:
        try:
            self._link().sendall(data)
        except FAULTS as error:
            raise self._fault(self.lost, error) from error

    def _take(self, fd: int) -> bytes:
        del fd
        return self._link().recv(READ_BYTES)

    def _link(self) -> socket.socket:
        if self._socket is None:
            raise self._closed()
        return self._socket
