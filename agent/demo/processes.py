"""Processes of the demo and of the end-to-end tests: started, killed, waited for; output goes to files."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from agent.errors import AgentError

ROOT = Path(__file__).resolve().parent.parent.parent


class Processes:
    """Named processes that live in one folder. Every one is ended by ``close``, whatever happened."""

    def __init__(self, folder: Path, lang: str) -> None:
        self.folder = folder
        self._env = {**os.environ, "PYTHONPATH": str(ROOT), "SITEBOX_LANG": lang}
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, words: Sequence[str]) -> None:
        """Start; what it prints is appended to ``<name>.log``."""
        with (self.folder / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                words, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self._env
            )

    def python(self, name: str, module: str, *words: str) -> None:
        """Start a module of this checkout."""
        self.start(name, [sys.executable, "-m", module, *words])

    def alive(self, name: str) -> bool:
        """Whether a process of that name runs."""
        return name in self._running and self._running[name].poll() is None

    def pid(self, name: str) -> int:
        """The process number."""
        return self._running[name].pid

    def signal(self, name: str, number: signal.Signals) -> None:
        """Send a signal."""
        self._running[name].send_signal(number)

    def kill(self, name: str) -> None:
        """SIGKILL, as a crash would."""
        process = self._running.pop(name)
        process.kill()
        process.wait(10)

    def stop(self, name: str, seconds: float = 30) -> int:
        """SIGTERM and wait; gives the exit status."""
        process = self._running.pop(name)
        process.terminate()
        return process.wait(seconds)

    def close(self) -> None:
        """End what still runs, the daemon first and cleanly; what does not end is killed."""
        for name in sorted(self._running, key=lambda name: name != "daemon"):
            process = self._running.pop(name)
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)

    def ask(self, module: str, *words: str, good: Sequence[int] = (0,)) -> subprocess.CompletedProcess[bytes]:
        """Run a module to its end. Raises AgentError when its exit status is not one of ``good``."""
        done = subprocess.run(
            [sys.executable, "-m", module, *words], cwd=self.folder, capture_output=True, env=self._env
        )
        if done.returncode not in good:
            tail = done.stderr.decode(errors="replace")[-800:]
            command = " ".join((module, *words[:2]))
            raise AgentError("SBX-DEM-904", 70, command=command, status=done.returncode, output=tail)
        return done
