"""What software this is: its version, and a digest over the program text that runs.

The digest stands in every block header (``soft``), so that a changed program can be seen in the evidence.
"""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version
from pathlib import Path

JOURNAL_FORMAT = "sitebox/block/v1"
_PACKAGES = ("agent", "buffer", "config", "drivers")


@cache
def version() -> str:
    """The version of the distribution; "0" when it runs without being installed."""
    try:
        return installed_version("sitebox")
    except PackageNotFoundError:
        return "0"


@cache
def digest() -> str:
    """SHA-256, hex, over the sorted names and contents of the program's own files."""
    root = Path(__file__).resolve().parent.parent
    total = hashlib.sha256()
    for package in _PACKAGES:
        for path in sorted((root / package).rglob("*")):
            if path.suffix in (".py", ".toml"):
                data = path.read_bytes()
                total.update(f"{path.relative_to(root).as_posix()} {len(data)}\n".encode())
                total.update(data)
    return total.hexdigest()
