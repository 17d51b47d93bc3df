"""A store that has rotted in its past: the daemon is built, tells no tales, and says what it met."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from agent.axis import Axis
from agent.build import build
from agent.history import alarms_up, newest_first
from agent.log import Log
from agent.offline import alarm_history, status
from agent.paths import Paths
from agent.rot import SoundReader
from buffer.fs import DISK
from buffer.instant import Instant
from tests.support.life import Box
from tests.support.sites import site

ALARM = {
    "id": "a",
    "rule": "r",
    "state": "raised",
    "level": "warning",
    "code": "SBX-ALM-001",
    "subjects": [],
    "facts": {},
    "since_i": 6,
    "since_t": 0,
}
NEWEST = "(SELECT max(n) FROM blocks)"
ROT = {
    "the body of an alarm's block": "UPDATE blocks SET body = x'00' WHERE alarms > 0",
    "its header": "UPDATE blocks SET note = x'00' WHERE alarms > 0",
    "other rows": "UPDATE blocks SET body = (SELECT body FROM blocks WHERE n = 1) WHERE alarms > 0",
    "the last body but one": f"UPDATE blocks SET body = x'00' WHERE n = {NEWEST} - 1",
}


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    """A site, and a journal with an alarm that was not stopped cleanly."""
    etc = tmp_path / "etc"
    etc.mkdir()
    (etc / "sitebox.toml").write_text(site().replace('id = "T1"', 'id = "SB-TEST-1"'), encoding="utf-8")
    box = Box(DISK, 1, tmp_path)
    for slot in range(10):
        box.read(slot, frames=2)
        if slot == 3:
            box.append("alarm", ALARM)
        if slot % 2:
            box.seal()
    box.read(10)
    box.commit()
    box.journal._release()
    return Paths(etc, tmp_path, tmp_path / "run")


def spoil(paths: Paths, sql: str) -> None:
    with closing(sqlite3.connect(paths.journal / "journal.db", isolation_level=None)) as db:
        db.execute(sql)


def losses(paths: Paths) -> list[tuple[str, str, int]]:
    with closing(SoundReader(paths.journal)) as reader:
        found = [record for record in newest_first(reader) if record["k"] == "loss"]
    return [(one["what"], one["reason"], one["count"]) for one in found]


@pytest.mark.parametrize("what", ROT)
def test_the_daemon_is_built_and_says_what_rotted(what: str, paths: Paths) -> None:
    spoil(paths, ROT[what])
    service = build(paths, Log("en", plain=True))
    service._control._listener.close()
    recorder = service._recorder
    recorder.step(Instant(1_795_100_000_000, 1, "R", 9, "boot-9"))
    assert len(recorder.snapshot.rot) == 1, "named, and counted by a signed record"
    recorder.close(Instant(1_795_100_000_000, 2, "R", 9, "boot-9"))
    part = "headers" if "header" in what else "bodies"
    assert [(kind, reason) for kind, reason, _ in losses(paths)] == [(part, "rotten")]


def test_without_a_daemon_too(paths: Paths) -> None:
    spoil(paths, ROT["the body of an alarm's block"])
    assert status(paths)["daemon"] is False
    assert alarm_history(paths, 10) == []


def test_a_rotten_index_of_alarms_is_done_without(paths: Paths) -> None:
    with closing(sqlite3.connect(paths.journal / "journal.db", isolation_level=None)) as db:
        (page,) = db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'alarm_blocks'").fetchone()
    data = bytearray((paths.journal / "journal.db").read_bytes())
    data[(page - 1) * 4096 : (page - 1) * 4096 + 512] = b"\x55" * 512
    (paths.journal / "journal.db").write_bytes(data)
    now = Instant(1_795_100_000_000, 1, "R", 9, "boot-9")
    with closing(SoundReader(paths.journal)) as reader:
        assert list(alarms_up(reader, Axis.begin(now))) == ["a"]
