"""The ratchet turns once an hour and after each start of the machine; the chain names each key in advance."""

from __future__ import annotations

import hashlib

import pytest

from buffer.block import decode_header
from buffer.header import Header, ratchet_counter
from buffer.note import decode
from buffer.verify import BlockData, verify
from tests.support.life import BOX, HOUR_MS, Box, blocks_of
from tests.support.powercut import MemoryDisk


def counters(blocks: list[BlockData]) -> list[tuple[str, int | None]]:
    """Of each block: the key that signed it, the counter of the key it names."""
    notes = [decode(block.note) for block in blocks]
    headers: list[Header] = [decode_header(note.text) for note in notes]
    signed = [note.signatures[1].name.rpartition("/")[2] for note in notes]
    return [(by, ratchet_counter(BOX, h.next_key)) for by, h in zip(signed, headers, strict=True)]


def test_once_an_hour() -> None:
    box = Box(MemoryDisk(), 1)
    for slot in range(12):
        box.now(HOUR_MS // 4)
        box.read(slot)
        box.seal()
    blocks = blocks_of(box.journal._store)
    names = [named for _, named in counters(blocks)]
    assert names[-1] == 3
    assert [by for by, _ in counters(blocks)][1:] == [f"r{n}" for n in names[:-1]]
    report = verify(blocks, identity=box.keys.identity.verifier)
    assert report.exit_code() == 0, report.findings
    keys = [record for record in box.journal_records() if record["k"] == "key"]
    assert [one["vkey"].partition("+")[0] for one in keys if one["op"] == "ratchet"] == [
        f"{BOX}/r{n}" for n in range(4)
    ]


def test_after_a_start_of_the_machine_and_not_of_the_daemon_alone() -> None:
    disk = MemoryDisk()
    box = Box(disk, 1)
    box.read(0)
    box.seal()
    box.close()
    box = Box(disk, 2)
    box.read(0)
    box.seal()
    assert counters(blocks_of(box.journal._store))[-1] == ("r0", 1)


def test_a_large_sealing_names_the_next_key_in_its_last_block() -> None:
    box = Box(MemoryDisk(), 1)
    box.now(HOUR_MS)
    for slot in range(500):
        box.append("note", {"text": 2 * hashlib.sha256(bytes((slot % 251, slot // 251))).hexdigest()})
    box.seal()
    found = counters(blocks_of(box.journal._store))
    assert len(found) > 2
    assert {by for by, _ in found} == {"r0"}
    assert [named for _, named in found] == [0] * (len(found) - 1) + [1]


def test_a_key_file_that_cannot_be_written_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    disk = MemoryDisk()
    box = Box(disk, 1)
    create = disk.create

    def full(path: object, mode: int) -> object:
        if str(path).endswith("/keys/next.new"):
            raise OSError(28, "No space left on device")
        return create(path, mode)  # type: ignore[arg-type]  # as it came

    monkeypatch.setattr(disk, "create", full)
    box.now(HOUR_MS)
    box.read(0)
    box.seal()
    assert "No space left" in box.journal.ratchet.fault
    monkeypatch.undo()
    box.now(60_000)
    box.read(1)
    box.seal()
    assert box.journal.ratchet.fault == ""
    assert counters(blocks_of(box.journal._store))[-1] == ("r0", 1)


def test_a_turn_never_takes_the_number_of_a_record() -> None:
    """The tail is full while a record is appended, and a turn is due: each number has one content."""
    box = Box(MemoryDisk(), 1)
    box.now(HOUR_MS)
    for slot in range(3000):
        box.read(slot)
        if slot % 50 == 0:
            box.commit()
    box.seal()
    numbers = [record["i"] for record in box.journal_records()]
    assert numbers == list(range(1, len(numbers) + 1))
    report = verify(blocks_of(box.journal._store), identity=box.keys.identity.verifier)
    assert report.exit_code() == 0, report.findings
