"""The threads of the simulated plant: one a bus, asleep until bytes come or bytes are due.

``select`` and not ``poll``: only it waits in microseconds, and a character at 9600 baud is one millisecond.
Nothing here knows a protocol.
"""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable
from typing import Protocol

from drivers.simulated.ports import LinePort
from drivers.simulated.wire import Wire

_PATIENCE_S = 5.0


class Bus(Protocol):
    """What a thread drives."""

    @property
    def name(self) -> str:
        """What a reader opens."""

    def files(self) -> list[int]:
        """Descriptors to wait for."""

    def step(self, ready: list[int]) -> int | None:
        """Take what is ready, send what is due; the next time to be called, monotonic ns."""

    def gone(self, on: bool) -> None:
        """Take the bus away, or bring it back."""

    def close(self) -> None:
        """Give all back."""


class LineBus:
    """A line with meters, in its own time."""

    def __init__(self, wire: Wire, port: LinePort, mono_ns: Callable[[], int]) -> None:
        self.wire = wire
        self._port = port
        self._mono_ns = mono_ns

    @property
    def name(self) -> str:
        """The port's."""
        return self._port.name

    def files(self) -> list[int]:
        """The port's."""
        return self._port.files()

    def step(self, ready: list[int]) -> int | None:
        """One turn."""
        data = self._port.take(ready) if ready else b""
        if data:
            self.wire.hear(data, self._mono_ns(), self._port.baud())
        out = self.wire.step(self._mono_ns())
        if out:
            self._port.put(out)
        return self.wire.next_ns()

    def gone(self, on: bool) -> None:
        """What is under way is lost."""
        self.wire.silence()
        self._port.gone(on)

    def close(self) -> None:
        """Close the port."""
        self._port.close()


class BusThread:
    """Runs one bus until ``stop``; ``call`` runs something between two of its steps."""

    def __init__(self, name: str, bus: Bus, mono_ns: Callable[[], int]) -> None:
        self.bus = bus
        self._mono_ns = mono_ns
        self._wake_read, self._wake_write = os.pipe()
        self._calls: list[tuple[Callable[[], None], threading.Event]] = []
        self._lock = threading.Lock()
        self._stop = False
        self._thread = threading.Thread(target=self._run, name=f"sim-{name}", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End and close the bus; returns when the thread is gone."""
        self._stop = True
        os.write(self._wake_write, b"x")
        if self._thread.ident is not None:
            self._thread.join(_PATIENCE_S)
        self.bus.close()
        os.close(self._wake_read)
        os.close(self._wake_write)

    def call(self, action: Callable[[], None]) -> bool:
        """Run ``action`` in the bus thread; False when it did not get to it in 5 s."""
        done = threading.Event()
        with self._lock:
            self._calls.append((action, done))
        os.write(self._wake_write, b"x")
        return done.wait(_PATIENCE_S)

    def _run(self) -> None:
        due: int | None = None
        while not self._stop:
            wait = None if due is None else max(0.0, (due - self._mono_ns()) / 1e9)
            ready = select.select([*self.bus.files(), self._wake_read], [], [], wait)[0]
            if self._wake_read in ready:
                os.read(self._wake_read, 64)
                self._serve_calls()
                ready = []
            due = self.bus.step(ready)

    def _serve_calls(self) -> None:
        with self._lock:
            calls, self._calls = self._calls, []
        for action, done in calls:
            action()
            done.set()
