"""One run of a program of the plant: bytes in on its standard input, its end out. Waits no longer than told.

The program gets no shell, no terminal, no environment but PATH and LANG, and a process group of its own,
which is killed as a whole when its time is over. Its standard output goes nowhere; of its standard error the
first line is kept. What a program leaves running behind its own end is its own business.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import IO, Final, Literal

ENVIRONMENT: Final = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
}
KEPT_BYTES: Final = 4096  # of its standard error
LINE_CHARACTERS: Final = 120
KILL_S: Final = 2.0
LOOK_MS: Final = 200  # a stop is noticed so soon
_READS: Final = 16  # of what stands in the pipe when it ends


@dataclass(frozen=True, slots=True)
class Ended:
    """``how``: it ended by itself with ``status`` (negative: by that signal), was killed "late" or because we
    "stopped", or could not be started. ``line``: its first line of standard error, or why it did not
    start."""

    how: Literal["ended", "late", "stopped", "unstartable"]
    status: int = 0
    line: str = ""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long it may take, and what ends it sooner."""

    timeout_s: float
    stop: threading.Event
    mono_ms: Callable[[], int]


def run(command: Sequence[str], payload: bytes, limits: Limits) -> Ended:
    """Run it to its end, or to the end of its time."""
    until_ms = limits.mono_ms() + int(limits.timeout_s * 1000)
    try:
        child = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=ENVIRONMENT,
            cwd="/",
            start_new_session=True,
        )
    except OSError as error:
        return Ended("unstartable", 0, error.strerror or type(error).__name__)
    assert child.stdin is not None
    assert child.stderr is not None
    try:
        watch = _Watch(child.pid, payload, child.stdin, child.stderr)
    except OSError as error:  # no descriptor left
        _kill(child)
        return Ended("unstartable", 0, error.strerror or type(error).__name__)
    try:
        cut = _follow(watch, until_ms, limits)
        if cut is not None:
            _kill(child)
            return Ended(cut, 0, watch.line())
        status = child.wait()
        watch.drain()
        return Ended("ended", status, watch.line())
    finally:
        watch.close()


def _kill(child: subprocess.Popen[bytes]) -> None:
    """End it and its group. One that the kernel holds (a dead network disk) is not waited for longer."""
    with contextlib.suppress(ProcessLookupError, PermissionError, subprocess.TimeoutExpired):
        os.killpg(child.pid, signal.SIGKILL)
        child.wait(KILL_S)


def _follow(watch: _Watch, until_ms: int, limits: Limits) -> Literal["late", "stopped"] | None:
    """Let it run; None when it ended by itself, else why it must be killed."""
    while not watch.ended:
        left_ms = until_ms - limits.mono_ms()
        if left_ms <= 0:
            return "late"
        if limits.stop.is_set():
            return "stopped"
        watch.look(min(left_ms, LOOK_MS))
    return None


class _Watch:
    """The three descriptors of a child: its end, what it still has to read, what it complains of."""

    def __init__(self, pid: int, payload: bytes, stdin: IO[bytes], stderr: IO[bytes]) -> None:
        self.ended = False
        self._stdin, self._stderr = stdin, stderr
        self._pidfd = os.pidfd_open(pid)
        self._rest = payload
        self._said = b""
        os.set_blocking(stdin.fileno(), False)
        os.set_blocking(stderr.fileno(), False)
        self._poll = select.poll()
        self._poll.register(self._pidfd, select.POLLIN)
        self._poll.register(stderr.fileno(), select.POLLIN)
        self._poll.register(stdin.fileno(), select.POLLOUT)

    def look(self, ms: int) -> None:
        """Move what can be moved; waits at most so long for something to move."""
        for fd, _ in self._poll.poll(ms):
            if fd == self._pidfd:
                self.ended = True
            elif not self._stdin.closed and fd == self._stdin.fileno():
                self._feed()
            elif not self._read():
                self._poll.unregister(fd)

    def drain(self) -> None:
        """What still stands in the pipe; a child of the child may hold it open for ever."""
        for _ in range(_READS):
            if not self._read():
                return

    def line(self) -> str:
        """The first line with something on it, printable."""
        lines = self._said.decode("utf-8", "replace").splitlines()
        first = next((line.strip() for line in lines if line.strip()), "")
        return "".join(c if c.isprintable() else "?" for c in first)[:LINE_CHARACTERS]

    def close(self) -> None:
        os.close(self._pidfd)
        self._end_input()
        self._stderr.close()

    def _feed(self) -> None:
        try:
            written = os.write(self._stdin.fileno(), self._rest)
        except BlockingIOError:
            return
        except OSError:  # it does not care to read
            written = len(self._rest)
        self._rest = self._rest[written:]
        if not self._rest:
            self._poll.unregister(self._stdin.fileno())
            self._end_input()

    def _end_input(self) -> None:
        if not self._stdin.closed:
            self._stdin.close()

    def _read(self) -> bool:
        """Take what it said; False when it has closed its mouth, or says nothing now."""
        try:
            data = os.read(self._stderr.fileno(), 65_536)
        except BlockingIOError:
            return False
        self._said += data[: KEPT_BYTES - len(self._said)]
        return bool(data)
