"""The simulated plant inside a test: in this process with real threads, or as its own process."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from drivers.simulated.plant import Plant, Times
from drivers.simulated.plantfile import parse

ROOT = Path(__file__).parents[2]


@contextmanager
def plant(text: str, folder: Path, truth: Path | None = None) -> Iterator[Plant]:
    """Run a plant file's text in threads of this process; links lie in ``folder``."""
    with Plant(
        parse(text, folder), Times(time.monotonic_ns, lambda: time.time_ns() // 1_000_000), truth=truth
    ) as one:
        yield one


class Simulator:
    """The simulator as a process, with its ready line read."""

    def __init__(self, text: str, folder: Path) -> None:
        self.truth = folder / "truth.jsonl"
        self._socket = folder / "sim.sock"
        file = folder / "plant.toml"
        file.write_text(text, encoding="utf-8")
        options = ["--plant", file, "--control", self._socket, "--truth", self.truth]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "drivers.simulated", *map(str, options)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, self.stop()[1]
        self.ready: dict[str, Any] = json.loads(line)

    def command(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """One control message and its reply."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.settimeout(10)
            client.connect(os.fspath(self._socket))
            with client.makefile("rwb") as lines:
                lines.write(json.dumps(message).encode() + b"\n")
                lines.flush()
                return cast(dict[str, Any], json.loads(lines.readline()))

    def served(self) -> list[dict[str, Any]]:
        """The truth log so far."""
        return [json.loads(line) for line in self.truth.read_text(encoding="ascii").splitlines()]

    def stop(self) -> tuple[int, str]:
        """End it by SIGTERM: exit code and what it wrote to stderr."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        _, errors = self.process.communicate(timeout=20)
        return self.process.returncode, errors


@contextmanager
def simulator(text: str, folder: Path) -> Iterator[Simulator]:
    """Run the simulator as a process; it must end well."""
    one = Simulator(text, folder)
    try:
        yield one
    finally:
        code, errors = one.stop()
    assert (code, errors) == (0, "")
