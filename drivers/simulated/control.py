"""The simulator's control socket: a Unix stream socket, one JSON object a line each way.

One thread, one client at a time after another; a line is at most 64 KiB. Never raises on what a client
sends: it answers ``{"ok":false,"error":"..."}``.
"""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from drivers.simulated.switches import ControlError, Message

_MAX_LINE = 64 << 10


class Control:
    """Serves ``command`` on ``path`` from ``start`` to ``stop``."""

    def __init__(self, path: Path, command: Callable[[Message], dict[str, Any]]) -> None:
        self._path = path
        self._command = command
        path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(path))
        self._listener.listen(4)
        self._thread = threading.Thread(target=self._run, name="sim-control", daemon=True)

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def stop(self) -> None:
        """Close the socket and remove it."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes accept
        self._listener.close()
        self._path.unlink(missing_ok=True)

    def _run(self) -> None:
        while True:
            try:
                client = self._listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), name="sim-client", daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError), client, client.makefile("rwb") as lines:
            while line := lines.readline(_MAX_LINE):
                lines.write(json.dumps(self.answer(line)).encode() + b"\n")
                lines.flush()

    def answer(self, line: bytes) -> dict[str, Any]:
        """The reply to one line."""
        try:
            message = json.loads(line)
            if not isinstance(message, dict):
                raise ControlError("a message is a JSON object")
            return self._command(message)
        except (ValueError, ControlError) as error:
            return {"ok": False, "error": str(error)}
