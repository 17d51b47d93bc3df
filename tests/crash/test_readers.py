"""Reading without the daemon's rights, as another user: beside the running daemon, after a clean stop, after
SIGKILL, and without SQLite's -shm file; and with a WAL that was never emptied.

Only root can become other users. As anybody else these tests say so and do not run.
"""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from buffer.errors import JournalLocked, JournalUnreadable
from buffer.fs import DISK
from buffer.reader import JournalReader, is_running
from tests.support.life import Box
from tests.support.uids import DAEMON, READER, STRANGER, become, run_as

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0, reason="NOT TESTED: reading the journal as another user needs root to become one"
)
NAMES = ("journal.db", "journal.db-wal", "journal.db-shm")


@pytest.fixture
def root() -> Iterator[Path]:
    """A state folder of the daemon's user; pytest's own would shut the others out."""
    path = Path(tempfile.mkdtemp(prefix="sitebox-"))
    os.chown(path, *DAEMON)
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


class Daemon:
    """A child that writes a block and two records behind it, then waits for what is to happen to it."""

    def __init__(self, root: Path, boot: int = 1, stuck: bool = False) -> None:
        ready, self._ready = os.pipe()
        self._orders, orders = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            _serve(root, boot, stuck, self._ready, self._orders)
        os.close(self._ready)
        os.close(self._orders)
        self._go = orders
        assert os.read(ready, 5) == b"ready"
        os.close(ready)

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self._go)

    def stop(self) -> None:
        os.write(self._go, b"stop")
        _, status = os.waitpid(self.pid, 0)
        assert status == 0
        os.close(self._go)


def _serve(root: Path, boot: int, stuck: bool, ready: int, orders: int) -> None:
    status = 1
    try:
        become(DAEMON)
        box = Box(DISK, boot, root)
        if stuck:  # a reader in the middle of a read: the WAL cannot be emptied
            db = sqlite3.connect(root / "journal" / "journal.db", isolation_level=None)
            db.execute("BEGIN")
            db.execute("SELECT count(*) FROM blocks").fetchone()
        box.read(0)
        box.seal()
        box.read(1)
        box.read(2)
        box.commit()
        os.write(ready, b"ready")
        os.read(orders, 4)
        box.close()
        status = 0
    finally:
        os._exit(status)


def look(root: Path) -> Callable[[], dict[str, Any]]:
    """What a reader finds."""

    def task() -> dict[str, Any]:
        reader = JournalReader(root / "journal")
        blocks = list(reader.blocks())
        found = {
            "running": is_running(root / "journal"),
            "head": reader.head().n,
            "bodies": [block.body is not None for block in blocks],
            "records": [record["k"] for record in reader.records(1)],
            "tail": [record["k"] for record in reader.tail_records()],
            "boot": reader.last_boot()[0],
        }
        reader.close()
        return found

    return task


LIVE = {
    "running": True,
    "head": 1,
    "bodies": [True, True],
    "records": ["reading"],
    "tail": ["reading", "reading"],
    "boot": 1,
}
DEAD = {**LIVE, "running": False}
STOPPED = {
    **DEAD,
    "head": 2,
    "bodies": [True] * 3,
    "records": ["reading"] * 3,
    "tail": [],
}


@pytest.fixture(params=[DAEMON, READER], ids=["daemon's user", "other user"])
def who(request: pytest.FixtureRequest) -> tuple[int, int]:
    """Who looks."""
    return request.param  # type: ignore[no-any-return]  # one of the two above


def test_beside_the_daemon(root: Path, who: tuple[int, int]) -> None:
    daemon = Daemon(root)
    assert run_as(who, look(root)) == LIVE
    daemon.stop()


def test_after_a_clean_stop(root: Path, who: tuple[int, int]) -> None:
    Daemon(root).stop()
    assert not (root / "journal" / NAMES[1]).exists()
    assert run_as(who, look(root)) == STOPPED


def test_after_sigkill(root: Path, who: tuple[int, int]) -> None:
    Daemon(root).kill()
    assert (root / "journal" / NAMES[2]).exists()
    assert run_as(who, look(root)) == DEAD


def test_without_the_shm_file(root: Path, who: tuple[int, int]) -> None:
    Daemon(root).kill()
    (root / "journal" / NAMES[2]).unlink()
    assert run_as(who, look(root)) == DEAD


@pytest.mark.parametrize("shm", [True, False])
def test_a_wal_that_was_never_emptied(root: Path, who: tuple[int, int], shm: bool) -> None:
    """The block stands in the WAL alone."""
    Daemon(root, stuck=True).kill()
    assert (root / "journal" / NAMES[1]).stat().st_size > 0
    if not shm:
        (root / "journal" / NAMES[2]).unlink()
    assert run_as(who, look(root)) == DEAD


def test_a_reader_changes_nothing(root: Path, who: tuple[int, int]) -> None:
    """The daemon starts again after others have looked, and finds what it left."""
    Daemon(root).kill()
    run_as(who, look(root))
    daemon = Daemon(root, boot=2)
    found = run_as(READER, look(root))
    assert found["head"] == 3
    assert found["records"][:4] == ["reading", "reading", "reading", "recovered"]
    daemon.stop()


def test_a_quiet_reader_notices_a_daemon(root: Path) -> None:
    """Opened without a daemon, the next question is answered from what the daemon writes now."""
    Daemon(root).stop()

    def task() -> list[int]:
        reader = JournalReader(root / "journal")
        before = reader.head().n
        os.write(asked, b"x")
        os.read(answered, 1)
        return [before, reader.head().n]

    ask, asked = os.pipe()
    answered, answer = os.pipe()
    other = os.fork()
    if other == 0:
        os.read(ask, 1)
        daemon = Daemon(root, boot=2)
        os.write(answer, b"x")
        os.read(ask, 1)
        daemon.kill()
        os._exit(0)
    assert run_as(READER, task) == [2, 3]
    os.write(asked, b"x")
    os.waitpid(other, 0)


def test_a_stranger_is_told(root: Path) -> None:
    Daemon(root).kill()

    def task() -> str:
        with pytest.raises(JournalUnreadable) as error:
            JournalReader(root / "journal")
        return error.value.code

    assert run_as(STRANGER, task) == "SBX-JNL-004"


def test_two_daemons(root: Path) -> None:
    daemon = Daemon(root)

    def task() -> str:
        with pytest.raises(JournalLocked) as error:
            Box(DISK, 2, root)
        return error.value.code

    assert run_as(DAEMON, task) == "SBX-JNL-001"
    daemon.stop()
    assert run_as(DAEMON, lambda: Box(DISK, 3, root).journal.head.n) == 2
