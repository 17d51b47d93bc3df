"""The control socket: how the CLI talks to a running daemon. Never waits for a bus while others ask.

One JSON object a line each way (DESIGN 9)::

    {"v":1,"verb":"status","args":{}}  ->  {"ok":true,"result":{...}}
                                       ->  {"ok":false,"code":"SBX-CTL-002","status":69,"args":{"verb":"..."}}

``status`` is the exit status of a verb that ends so: with a daemon the same as without one.

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
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from agent.errors import AgentError

VERSION = 1
MAX_LINE = 64 * 1024
MAX_CLIENTS = 16
SEND_TIMEOUT_S = 5.0
OPERATORS = "sitebox-op"
EX_UNAVAILABLE = 69


@dataclass(frozen=True, slots=True)
class Verb:
    """``act``: changes something: reading rights are not enough. ``audited``: its use is on record.
    ``named``: it is told the number of the user who asks, as ``uid``."""

    run: Callable[[Mapping[str, Any]], dict[str, Any]]
    act: bool = False
    audited: bool = True
    named: bool = False


def answer(
    line: bytes,
    verbs: Mapping[str, Verb],
    may_act: bool,
    acted: Callable[[str], None] = lambda verb: None,
    uid: int = -1,
) -> dict[str, Any]:
    """Serve one request line. Pure but for what the verb does; bad input becomes a coded answer. ``acted``
    is told of a verb that changes something, before it runs."""
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
    if verb.act and verb.audited:
        acted(str(name))
    try:
        return {"ok": True, "result": verb.run({**args, "uid": uid} if verb.named else args)}
    except AgentError as error:
        return _refuse(error.code, error.status, **error.args_)


def _refuse(code: str, status: int = EX_UNAVAILABLE, /, **args: str) -> dict[str, Any]:
    return {"ok": False, "code": code, "status": status, "args": args}


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


class _Client:
    """One connection: what it may do, and the bytes of a line that is not whole yet."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.buffer = b""
        packed = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        _, self.uid, gid = struct.unpack("3i", packed)
        self.acting = may_act(self.uid, gid)

    def take(self) -> list[bytes] | None:
        """Whole lines that came; None when the client left. One beyond MAX_LINE counts as whole."""
        data = self.sock.recv(MAX_LINE)
        if not data:
            return None
        *lines, self.buffer = (self.buffer + data).split(b"\n")
        if len(self.buffer) >= MAX_LINE:
            lines.append(self.buffer)
            self.buffer = b""
        return lines


class ControlServer:
    """Listens on a Unix socket, mode 0660. One thread waits for all clients; whole requests run in a small
    pool, so that a client that says nothing, or one that waits for a bus, holds up nobody."""

    def __init__(
        self,
        path: Path,
        verbs: Mapping[str, Verb],
        acted: Callable[[str, int], None] = lambda verb, uid: None,
    ) -> None:
        self._acted = acted
        self._path = path
        self._verbs = verbs
        self._wake_r, self._wake_w = os.pipe()
        self._stopping = False
        self._served: SimpleQueue[tuple[_Client, bool]] = SimpleQueue()
        self._pool = ThreadPoolExecutor(4, "control")
        self._clients: set[_Client] = set()
        self._listener = _listen(path)

    def run(self) -> None:
        """Serve until ``stop``."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            selector.register(self._wake_r, selectors.EVENT_READ)
            while not self._stopping:
                for key, _ in selector.select():
                    self._ready(selector, key)
        self._listener.close()
        self._path.unlink(missing_ok=True)
        self._pool.shutdown(wait=True, cancel_futures=True)
        for client in self._clients:
            client.sock.close()
        os.close(self._wake_r)

    def stop(self) -> None:
        """End ``run``; from any thread."""
        self._stopping = True
        os.write(self._wake_w, b"x")

    def _ready(self, selector: selectors.BaseSelector, key: selectors.SelectorKey) -> None:
        if key.fileobj is self._listener:
            self._accept(selector)
        elif key.fileobj == self._wake_r:
            os.read(self._wake_r, 64)
            while not self._served.empty():
                client, stays = self._served.get()
                if stays:
                    selector.register(client.sock, selectors.EVENT_READ, client)
                else:
                    self._drop(client)
        else:
            self._heard(selector, key.data)

    def _accept(self, selector: selectors.BaseSelector) -> None:
        try:
            sock, _ = self._listener.accept()
        except OSError:  # the client went away between select and accept
            return
        sock.settimeout(SEND_TIMEOUT_S)
        if len(self._clients) >= MAX_CLIENTS:
            sock.close()
            return
        client = _Client(sock)
        self._clients.add(client)
        selector.register(sock, selectors.EVENT_READ, client)

    def _heard(self, selector: selectors.BaseSelector, client: _Client) -> None:
        try:
            lines = client.take()
        except OSError:  # reset by the client
            lines = None
        if lines is None:
            selector.unregister(client.sock)
            self._drop(client)
        elif lines:
            selector.unregister(client.sock)  # its next request waits for these answers
            self._pool.submit(self._serve, client, lines)

    def _drop(self, client: _Client) -> None:
        self._clients.discard(client)
        client.sock.close()

    def _serve(self, client: _Client, lines: list[bytes]) -> None:
        stays = True
        try:
            for line in lines:
                reply = answer(line, self._verbs, client.acting, partial(self._did, client.uid), client.uid)
                client.sock.sendall(json.dumps(reply, ensure_ascii=False).encode() + b"\n")
        except OSError:  # it left without waiting for its answer
            stays = False
        self._served.put((client, stays))
        os.write(self._wake_w, b"x")

    def _did(self, uid: int, verb: str) -> None:
        if self._acted is not None:
            self._acted(verb, uid)


def _listen(path: Path) -> socket.socket:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    listener.bind(str(path))
    path.chmod(0o660)
    listener.listen(4 * MAX_CLIENTS)
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
        raise AgentError(reply["code"], reply.get("status", EX_UNAVAILABLE), **reply["args"])
    result: dict[str, Any] = reply["result"]
    return result
