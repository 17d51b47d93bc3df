"""What the demo has started ends with it, also when somebody else ends it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow


def running(word: str) -> list[str]:
    """The command lines of processes that name it."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode()
        except OSError:  # it has just ended
            continue
        if word in line:
            found.append(line)
    return found


def test_sigterm_leaves_nobody_behind(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    words = [sys.executable, "-m", "agent.cli", "demo", "--folder", str(folder)]
    demo = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=os.getcwd())
    end = time.monotonic() + 60
    while not (folder / "daemon.log").exists():
        assert demo.poll() is None
        assert time.monotonic() < end, "the daemon does not start"
        time.sleep(0.05)
    assert running(str(folder))
    demo.send_signal(signal.SIGTERM)
    assert demo.wait(30) == 128 + signal.SIGTERM
    assert running(str(folder)) == []
