"""Programs of other people that tests and benchmarks measure us against."""

from __future__ import annotations

import fcntl
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.support.simulator import ROOT


def dlt645_python() -> Path:
    """The interpreter of an environment with dlt645==3.2.0 alone; made once, kept under the root."""
    folder = ROOT / ".venv-dlt645"
    folder.mkdir(exist_ok=True)
    python = folder / "bin" / "python"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "ready").exists():
            subprocess.run([sys.executable, "-m", "venv", folder], check=True, timeout=120)
            install = [python, "-m", "pip", "install", "--quiet", "dlt645==3.2.0"]
            subprocess.run([str(part) for part in install], check=True, timeout=600)
            (folder / "ready").touch()
    return python


def ended(process: subprocess.Popen[str]) -> None:
    """End a partner."""
    process.terminate()
    process.communicate(timeout=10)


@contextmanager
def socat(*ends: str, there: Sequence[Path] = ()) -> Iterator[None]:
    """Two ends joined, as socat names them; waits until the links in ``there`` exist."""
    process = subprocess.Popen(["socat", *ends], stderr=subprocess.PIPE, text=True)
    try:
        end = time.monotonic() + 10
        while not all(path.exists() for path in there):
            assert process.poll() is None, process.communicate()[1]
            assert time.monotonic() < end, there
            time.sleep(0.01)
        yield
    finally:
        ended(process)


@contextmanager
def pty_pair(folder: Path) -> Iterator[tuple[Path, Path]]:
    """The two ends of a line without parity."""
    ours, theirs = folder / "ours", folder / "theirs"
    ends = [f"pty,raw,echo=0,link={path}" for path in (ours, theirs)]
    with socat(*ends, there=(ours, theirs)):
        yield ours, theirs


def free_port() -> int:
    """A TCP port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
