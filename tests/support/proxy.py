"""A TCP proxy with faults, on the loopback, in a thread of its own.

Modes: ``ok``; ``refuse`` (reset at once, and every live connection with it); ``blackhole`` (nothing passes);
``halfopen`` (client to server flows, nothing comes back). ``cut_after`` bytes of a client: reset, once.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading


class Proxy:
    """``port`` is where to connect."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.mode = "ok"
        self.cut_after: int | None = None
        self.connections = 0
        self._live: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.port = 0

    def __enter__(self) -> Proxy:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def weather(self, mode: str) -> None:
        """Change the weather; ``refuse`` also resets what is connected."""
        self.mode = mode
        if mode == "refuse":
            self._loop.call_soon_threadsafe(self._reset_all)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._accept, "127.0.0.1", 0))
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        server.close()
        self._reset_all()
        tasks = asyncio.all_tasks(self._loop)
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self._loop.run_until_complete(asyncio.sleep(0.05))  # transports close in a later turn of the loop
        self._loop.close()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        if self.mode == "refuse":
            _reset(writer)
            return
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            _reset(writer)
            return
        both = {writer, back}
        self._live |= both
        await asyncio.gather(
            self._pump(reader, back, both, up=True), self._pump(there, writer, both, up=False)
        )

    async def _pump(
        self,
        source: asyncio.StreamReader,
        target: asyncio.StreamWriter,
        both: set[asyncio.StreamWriter],
        *,
        up: bool,
    ) -> None:
        passed = 0
        with contextlib.suppress(OSError):
            while data := await source.read(4096):
                if self.mode == "blackhole" or (self.mode == "halfopen" and not up):
                    continue
                target.write(data)
                await target.drain()
                passed += len(data)
                if up and self.cut_after is not None and passed >= self.cut_after:
                    self.cut_after = None
                    for writer in both:
                        _reset(writer)
                    return
        for writer in both:
            self._live.discard(writer)
            writer.close()

    def _reset_all(self) -> None:
        for writer in list(self._live):
            _reset(writer)
        self._live.clear()


def _reset(writer: asyncio.StreamWriter) -> None:
    sock: socket.socket | None = writer.get_extra_info("socket")
    if sock is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
