"""The control socket: how the CLI talks to a running daemon. Never waits for a bus while others ask.

One JSON object a line each way (DESIGN 9)::

    {"v":1,"verb":"status","args":{}}  ->  {"ok":true,"result":{...}}
                                       ->  {"ok":false,"code":"SBX-CTL-002","args":{"verb":"..."}}

Rights by SO_PEERCRED: root and the daemon's own user may do everything, members of the socket's group may
read, members of ``sitebox-op`` may act as well.
"""

from __future__ import annotations

import grp
import json
import os
import pwd
import selectors
import socket
import struct
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any

from agent.errors import AgentError

VERSION = 1
MAX_LINE = 64 * 1024
MAX_CLIENTS = 16
OPERATORS = "sitebox-op"


@dataclass(frozen=True, slots=True)
class Verb:
    """``act``: changes something, so it needs more than the right to read."""

    run: Callable[[Mapping[str, Any]], dict[str, Any]]
    act: bool = False


def answer(line: bytes, verbs: Mapping[str, Verb], may_act: bool) -> dict[str, Any]:
    """Serve one request line. Pure but for what the verb does; bad input becomes a coded answer."""
    try:
        request = json.loads(line)
    except (ValueError, RecursionError):
        return _refuse("SBX-CTL-001")
    if not isinstance(request, dict) or request.get("v") != VERSION:
        return _refuse("SBX-CTL-001")
    name, args = request.get("verb"), request.get("args", {})
    verb = verbs.get(name) if isinstance(name, str) else None
    if verb is None or not isinstance(args, dict):
        return _refuse("SBX-CTL-002", verb=str(name)[:40])
    if verb.act and not may_act:
        return _refuse("SBX-CTL-003", verb=str(name), group=OPERATORS)
    try:
        return {"ok": True, "result": verb.run(args)}
    except AgentError as error:
        return _refuse(error.code, **error.args_)


def _refuse(code: str, **args: str) -> dict[str, Any]:
    return {"ok": False, "code": code, "args": args}


def may_act(uid: int, gid: int) -> bool:
    """Whether a peer may use acting verbs."""
    if uid in (0, os.getuid()):
        return True
    try:
        operators = grp.getgrnam(OPERATORS)
        user = pwd.getpwuid(uid).pw_name
    except KeyError:
        return False
    return gid == operators.gr_gid or user in operators.gr_mem


class ControlServer:
    """Listens on a Unix socket, mode 0660; one thread reads, a small pool runs the verbs."""

    def __init__(self, path: Path, verbs: Mapping[str, Verb]) -> None:
        self._path = path
        self._verbs = verbs
        self._stop_r, self._stop_w = os.pipe()
        self._pool = ThreadPoolExecutor(4, "control")
        self._slots = threading.BoundedSemaphore(MAX_CLIENTS)
        self._listener = _listen(path)

    def run(self) -> None:
        """Serve until ``stop``."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            selector.register(self._stop_r, selectors.EVENT_READ)
            while True:
                ready = [key.fileobj for key, _ in selector.select()]
                if self._stop_r in ready:
                    break
                self._accept()
        self._listener.close()
        self._path.unlink(missing_ok=True)
        self._pool.shutdown(wait=False, cancel_futures=True)

    def stop(self) -> None:
        """End ``run``; safe from a signal handler and from any thread."""
        os.write(self._stop_w, b"x")

    def _accept(self) -> None:
        try:
            client, _ = self._listener.accept()
        except OSError:  # the client went away between select and accept
            return
        if not self._slots.acquire(blocking=False):
            client.close()
            return
        self._pool.submit(self._serve, client)

    def _serve(self, client: socket.socket) -> None:
        try:
            with client, client.makefile("rb") as lines:
                client.settimeout(5.0)
                packed = client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
                _, uid, gid = struct.unpack("3i", packed)
                self._answer(client, lines, may_act(uid, gid))
        except OSError:  # timeout or a client that left: nothing to tell anybody
            return
        finally:
            self._slots.release()

    def _answer(self, client: socket.socket, lines: BufferedReader, acting: bool) -> None:
        while line := lines.readline(MAX_LINE):
            reply = answer(line, self._verbs, acting)
            client.sendall(json.dumps(reply, ensure_ascii=False).encode() + b"\n")


def _listen(path: Path) -> socket.socket:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    listener.bind(str(path))
    path.chmod(0o660)
    listener.listen(8)
    return listener


def ask(
    path: Path, verb: str, args: Mapping[str, Any] | None = None, timeout_s: float = 20.0
) -> dict[str, Any]:
    """Ask a running daemon. Raises AgentError: SBX-CTL-010 when none answers, else the daemon's own code."""
    request = {"v": VERSION, "verb": verb, "args": dict(args or {})}
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
            sock.settimeout(timeout_s)
            sock.connect(str(path))
            sock.sendall(json.dumps(request).encode() + b"\n")
            with sock.makefile("rb") as lines:
                line = lines.readline()
    except PermissionError as error:
        raise AgentError("SBX-CTL-011", 77, path=path) from error
    except OSError as error:
        raise AgentError("SBX-CTL-010", 69, path=path) from error
    if not line:
        raise AgentError("SBX-CTL-010", 69, path=path)
    reply = json.loads(line)
    if not reply["ok"]:
        raise AgentError(reply["code"], 69, **reply["args"])
    result: dict[str, Any] = reply["result"]
    return result
