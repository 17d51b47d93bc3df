"""Programs of other people that tests and benchmarks measure us against."""

from __future__ import annotations

import fcntl
import subprocess
import sys
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
