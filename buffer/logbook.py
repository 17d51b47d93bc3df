"""The logbook: small documents that people read and that change rarely, in TinyDB files.

::

    logbook/alarms.json   learnt.json   commissioning.json        one table a file, under ~500 documents

A view, never the evidence: the journal comes first and everything here can be made again from it. Written
whole and atomically (temp, fsync, rename, fsync folder). A file that cannot be read is moved aside, never
deleted, and never stops a start.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final, cast

from tinydb import TinyDB
from tinydb.storages import Storage
from tinydb.table import Table

from buffer.fs import DISK, FileSystem, write_whole

MOST: Final = 8 * 1024 * 1024  # bytes of one file
MODE: Final = 0o640

Tables = dict[str, dict[str, Any]]


class AtomicStorage(Storage):
    """A TinyDB storage: after a crash the file holds all of the old or all of the new documents."""

    def __init__(self, path: Path, *, fs: FileSystem = DISK) -> None:
        self._path = path
        self._fs = fs

    def read(self) -> Tables | None:
        """The documents; None when there is no file. ValueError for one that holds none."""
        try:
            data = self._fs.read(self._path, MOST)
        except FileNotFoundError:
            return None
        tables = json.loads(data)
        if not isinstance(tables, dict) or not all(isinstance(one, dict) for one in tables.values()):
            raise ValueError(f"{self._path}: no tables")
        return cast(Tables, tables)

    def write(self, data: Tables) -> None:
        """Put the documents, durably. OSError: the old ones are still there."""
        text = json.dumps(data, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
        write_whole(self._fs, self._path, text.encode(), MODE)


class Logbook:
    """The folder. The daemon alone writes; anybody may read at any time, for renaming is atomic."""

    def __init__(self, folder: Path, *, fs: FileSystem = DISK) -> None:
        fs.make_folder(folder, 0o750)
        self._folder = folder
        self._fs = fs
        self._tables: dict[str, TinyDB] = {}

    def table(self, name: str, stamp: str = "unread") -> Table:
        """The table in ``<name>.json``. A broken file is moved to ``<name>.json.bad-<stamp>`` first."""
        if name not in self._tables:
            path = self._folder / f"{name}.json"
            self._mend(path, stamp)
            self._tables[name] = TinyDB(path, fs=self._fs, storage=AtomicStorage)
        return self._tables[name].table(name)

    def broken(self) -> tuple[str, ...]:
        """Names of the files that were moved aside."""
        return tuple(name for name in self._fs.names(self._folder) if ".bad-" in name)

    def close(self) -> None:
        """Let go of the files; nothing is unwritten."""
        for table in self._tables.values():
            table.close()
        self._tables.clear()

    def _mend(self, path: Path, stamp: str) -> None:
        try:
            AtomicStorage(path, fs=self._fs).read()
        except ValueError:
            self._fs.rename(path, path.with_name(f"{path.name}.bad-{stamp}"))
            self._fs.sync_folder(self._folder)
