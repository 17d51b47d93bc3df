"""The logbook: whole documents or the old ones, and never a reason not to start."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from buffer.logbook import AtomicStorage, Logbook
from tests.support.powercut import Chance, MemoryDisk

FOLDER = Path("/box/logbook")
FILE = "/box/logbook/alarms.json"


def test_documents_come_back() -> None:
    disk = MemoryDisk()
    book = Logbook(FOLDER, fs=disk)
    book.table("alarms").insert({"id": "a", "名": "三号厂", "since": 7})
    book.table("learnt").insert({"meter": "kiln"})
    book.close()
    again = Logbook(FOLDER, fs=disk)
    assert again.table("alarms").all() == [{"id": "a", "名": "三号厂", "since": 7}]
    assert len(again.table("learnt")) == 1
    assert disk.names(FOLDER) == ("alarms.json", "learnt.json")
    assert again.broken() == ()


def test_people_can_read_it() -> None:
    disk = MemoryDisk()
    Logbook(FOLDER, fs=disk).table("alarms").insert({"b": 1, "a": "窑"})
    text = disk.data[disk.names_[FILE]].decode()
    assert text.index('"a": "窑"') < text.index('"b": 1')
    assert text.endswith("}\n")


def test_a_cut_at_any_step_leaves_the_old_or_the_new_documents() -> None:
    disk = MemoryDisk()
    book = Logbook(FOLDER, fs=disk)
    known: list[tuple[int, list[dict[str, int]]]] = [(0, [])]
    for at in range(4):
        book.table("alarms").insert({"at": at})
        known.append((len(disk.steps), [{"at": n} for n in range(at + 1)]))
    for k in range(len(disk.steps) + 1):
        durable = max(count for count, (steps, _) in enumerate(known) if steps <= k)
        for seed in range(4):
            left = disk.after(k, Chance(random.Random(seed), 0.5, "posix"))
            found = Logbook(FOLDER, fs=left)
            documents = found.table("alarms").all()
            assert documents in [docs for _, docs in known[durable : durable + 2]], k
            assert found.broken() == ()


def test_a_failed_write_leaves_the_old_documents() -> None:
    disk = MemoryDisk()
    book = Logbook(FOLDER, fs=disk)
    book.table("alarms").insert({"at": 0})
    for step in range(3):
        disk.failures = {len(disk.steps) + step: OSError(28, "No space left on device")}
        with pytest.raises(OSError, match="No space"):
            book.table("alarms").insert({"at": 1})
        assert Logbook(FOLDER, fs=disk.reboot()).table("alarms").all() == [{"at": 0}]


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"_default": 7}', b"\xff\xfe", b'{"a": {}} x'])
def test_a_broken_file_is_moved_aside(data: bytes) -> None:
    disk = MemoryDisk()
    Logbook(FOLDER, fs=disk).table("alarms").insert({"at": 0})
    disk.data[disk.names_[FILE]][:] = data
    book = Logbook(FOLDER, fs=disk)
    assert book.table("alarms", stamp="1795000000000").all() == []
    assert book.broken() == ("alarms.json.bad-1795000000000",)
    assert disk.data[disk.names_[FILE + ".bad-1795000000000"]] == data
    book.table("alarms").insert({"at": 1})
    assert Logbook(FOLDER, fs=disk).table("alarms").all() == [{"at": 1}]


def test_the_storage_alone() -> None:
    disk = MemoryDisk()
    disk.make_folder(FOLDER, 0o750)
    storage = AtomicStorage(Path(FILE), fs=disk)
    assert storage.read() is None
    storage.write({"t": {"1": {"a": 1}}})
    assert storage.read() == {"t": {"1": {"a": 1}}}
    assert disk.modes[FILE] == 0o640
