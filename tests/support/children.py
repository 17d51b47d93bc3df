"""Child processes of the crash tests, and what they promised before they died."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.support.life import Promises

REPOSITORY = Path(__file__).resolve().parents[2]


def start(*args: str, env: Mapping[str, str] | None = None, stdin: bool = False) -> subprocess.Popen[bytes]:
    """A Python child in the repository, its standard output on a pipe, its standard input on demand."""
    return subprocess.Popen(
        [sys.executable, *args],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE if stdin else None,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(REPOSITORY), **(env or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def library(source: Path, folder: Path) -> Path:
    """A library to be preloaded, built from one C file."""
    built = folder / f"{source.stem}.so"
    build = ["gcc", "-Wall", "-Werror", "-shared", "-fPIC", "-O2", "-o", str(built), str(source), "-ldl"]
    subprocess.run(build, check=True)
    return built


def take(promised: Promises, output: bytes) -> int:
    """Add the promises of a writer's whole lines; how many lines."""
    lines = output.split(b"\n")[:-1]
    for line in lines:
        what, _, rest = line.decode().partition(" ")
        key, _, value = rest.partition(" ")
        if what == "rows":
            promised.rows[int(key)] = bytes.fromhex(value)
        elif what == "blocks":
            promised.blocks[int(key)] = value
        elif what == "cursors":
            promised.cursors[key] = int(value)
        elif what == "pages":
            promised.pages[key] = int(value)
    return len(lines)
