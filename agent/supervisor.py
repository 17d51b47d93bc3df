"""The supervisor: starts the threads, notices the first one that fails, ends the process with a clear line.

Recovery is the same code as start, so nothing is repaired in flight: systemd starts the process again. The
only place where every exception is caught.
"""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Failure:
    """The first unexpected end of a thread."""

    thread: str
    error: str
    trace: str


@dataclass(slots=True)
class _Beat:
    due_ms: int


class Supervisor:
    """``beat`` is how a thread says that it finished a step and when it means to finish the next."""

    def __init__(self) -> None:
        self.stop = threading.Event()
        self.failure: Failure | None = None
        self._failed = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._beats: dict[str, _Beat] = {}

    def spawn(self, name: str, target: Callable[[], None]) -> None:
        """Start a thread; an exception in it stops everything."""
        thread = threading.Thread(target=self._guard, args=(name, target), name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def beat(self, name: str, due_ms: int) -> None:
        """A watched thread finished a step; it will finish another one soon after ``due_ms`` (mono)."""
        self._beats[name] = _Beat(due_ms)

    def late(self, mono_ms: int, grace_ms: int) -> tuple[str, ...]:
        """The watched threads that are past their own deadline by more than the grace."""
        return tuple(name for name, beat in self._beats.items() if mono_ms > beat.due_ms + grace_ms)

    def join(self, name: str, seconds: float) -> bool:
        """Wait for one thread to end; False when it did not."""
        for thread in self._threads:
            if thread.name == name:
                thread.join(seconds)
                return not thread.is_alive()
        return True

    def _guard(self, name: str, target: Callable[[], None]) -> None:
        try:
            target()
        except Exception as error:
            with self._failed:
                if self.failure is None:
                    self.failure = Failure(name, f"{type(error).__name__}: {error}", traceback.format_exc())
            self.stop.set()
