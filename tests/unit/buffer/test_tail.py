"""The tail: one write and one sync a commit, no sector written twice in a generation, halves in turn."""

from __future__ import annotations

from pathlib import Path

from buffer.frame import PAGE, Frame, follow
from buffer.tail import HALF, Found, Tail, create_tail
from tests.support.powercut import MemoryDisk

FOLDER = Path("/box")
SEED = bytes(32)


def opened(disk: MemoryDisk) -> Tail:
    """The tail of a disk, made when missing."""
    if not disk.names(FOLDER):
        create_tail(disk, FOLDER)
    return Tail(disk.open(FOLDER / "tail"))


def write(tail: Tail, generation: int, count: int, rows: int = 100) -> bytes:
    """``count`` frames of one record each; the running hash after them."""
    running, first = SEED, 1
    for at in range(count):
        frame = Frame(generation, first + at, 1, b"r" * rows, b"", b"")
        running = follow(running, frame)
        tail.write(Frame(generation, first + at, 1, b"r" * rows, b"", running))
    return running


def test_created_whole_zeroed_and_durable() -> None:
    disk = MemoryDisk()
    tail = opened(disk)
    assert tail.is_whole()
    assert tail.newest() == -1
    assert tail.halves() == (bytes(HALF), bytes(HALF))
    assert [step.what for step in disk.steps] == ["create", "write", "write", "sync", "rename", "sync_folder"]


def test_a_commit_is_one_write_and_one_sync_and_never_touches_an_earlier_frame() -> None:
    disk = MemoryDisk()
    tail = opened(disk)
    tail.begin()
    before = len(disk.steps)
    write(tail, 1, 20, rows=5000)
    steps = disk.steps[before:]
    assert [step.what for step in steps] == ["write", "sync"] * 20
    written: set[int] = set()
    for step in steps[::2]:
        _, offset, data = step.args
        assert offset % PAGE == len(data) % PAGE == 0
        sectors = set(range(offset // 512, (offset + len(data)) // 512))
        assert not sectors & written
        written |= sectors
    assert tail.room == HALF - 20 * 2 * PAGE
    assert tail.is_whole()


def test_generations_take_the_halves_in_turn() -> None:
    disk = MemoryDisk()
    tail = opened(disk)
    for generation in range(1, 6):
        tail.begin()
        write(tail, generation, generation)
        again = Tail(disk.open(FOLDER / "tail"))
        assert again.newest() == generation
        assert len(again.read(generation, SEED).frames) == generation
        if generation > 1:
            assert len(again.read(generation - 1, SEED).frames) == generation - 1
    again.begin()
    write(again, 6, 1)
    assert len(again.read(5, SEED).frames) == 5, "the start took the wrong half"


def test_frames_that_do_not_follow_are_not_taken() -> None:
    tail = opened(MemoryDisk())
    tail.begin()
    write(tail, 1, 3)
    assert tail.read(1, bytes([1]) * 32).frames == ()
    assert tail.read(2, SEED) == Found((), 0, False)


def test_a_torn_frame_ends_the_generation() -> None:
    disk = MemoryDisk()
    tail = opened(disk)
    tail.begin()
    write(tail, 1, 3)
    disk.data[disk.names_["/box/tail"]][2 * PAGE + 1000] ^= 1
    found = tail.read(1, SEED)
    assert (len(found.frames), found.promised, found.torn) == (2, 0, True)


def test_a_rotten_frame_with_others_behind_it_is_a_loss() -> None:
    disk = MemoryDisk()
    tail = opened(disk)
    tail.begin()
    write(tail, 1, 5)
    disk.data[disk.names_["/box/tail"]][PAGE + 1000] ^= 1
    found = tail.read(1, SEED)
    assert (len(found.frames), found.promised) == (1, 5)
    disk.data[disk.names_["/box/tail"]][1000] ^= 1
    found = tail.read(1, SEED)
    assert (len(found.frames), found.promised) == (0, 5)
