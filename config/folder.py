"""Reads configuration files from a folder: the only module of this package that opens a file of the site.

At most MAX_BYTES + 1 of each are read, so that parsing can say which is too long. Never skips in silence what
it may not read.
"""

from __future__ import annotations

from pathlib import Path

from config.errors import ConfigInvalid, Problem
from config.source import MAX_BYTES

Files = list[tuple[str, bytes]]


def read_toml(folder: Path, called: str) -> Files:
    """``folder/*.toml`` sorted by name, each named ``called/<file>``; nothing without such a folder.

    Raises ConfigInvalid for what cannot be read."""
    try:
        names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".toml"))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise ConfigInvalid([_unreadable(str(folder), error)]) from error
    return read_files([(f"{called}/{name}", folder / name) for name in names])


def read_files(paths: list[tuple[str, Path]]) -> Files:
    """Named files; raises ConfigInvalid for all that cannot be read."""
    files: Files = []
    problems: list[Problem] = []
    for name, path in paths:
        try:
            with path.open("rb") as file:
                files.append((name, file.read(MAX_BYTES + 1)))
        except FileNotFoundError:
            problems.append(Problem("SBX-CFG-007", str(path), 0, "", {"file": name}))
        except OSError as error:
            problems.append(_unreadable(str(path), error))
    if problems:
        raise ConfigInvalid(problems)
    return files


def _unreadable(path: str, error: OSError) -> Problem:
    return Problem("SBX-CFG-001", path, 0, "", {"reason": error.strerror or str(error)})
