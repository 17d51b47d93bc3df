"""A real TLS handshake with a clock that moves in the middle of it: the box's own ``Dial``, and a server."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from agent.uplinks.link import Dial, Target
from agent.uplinks.tls import NO_CHECK_TIME, Identity, LinkError
from buffer.instant import Instant
from tests.support.pki import Pki

PATIENCE_MS = 10_000


@contextmanager
def listening(pki: Pki) -> Iterator[int]:
    """A server of one connection that wants a client's certificate; its port. It looks at no dates: the
    machine that runs a test may have any."""
    files = pki.server()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.cert, files.key)
    context.load_verify_locations(files.ca)
    context.verify_mode = ssl.CERT_REQUIRED
    context.verify_flags |= NO_CHECK_TIME
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=_serve, args=(server, context))
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            thread.join()


def _serve(server: socket.socket, context: ssl.SSLContext) -> None:
    plain, _ = server.accept()
    try:
        with context.wrap_socket(plain, server_side=True) as sock:
            sock.recv(1)  # until the other side is gone
    except OSError:
        plain.close()


def shaken(pki: Pki, before: Instant, after: Instant, floor_ms: int) -> str:
    """A handshake that begins at one instant and ends at another: "connected", or the code of its end."""
    client = pki.client("box")
    with listening(pki) as port:
        try:
            dial = Dial(
                Target("127.0.0.1", port, Identity(client.ca, client.cert, client.key)), before, floor_ms
            )
        except LinkError as error:
            socket.create_connection(("127.0.0.1", port)).close()  # the server waits for somebody
            return error.code
        try:
            while (wire := dial.step(after)) is None:
                dial.wait(PATIENCE_MS)
            wire.close()
        except LinkError as error:
            return error.code
        finally:
            dial.close()
    return "connected"
