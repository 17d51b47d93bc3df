"""Every crash state of a real life: a process writes a journal with the real SQLite on the real disk, each
of its changes is recorded, and the files of every moment are built again, with and without what was not
synced.

Needs a C compiler for the recorder; without one these tests say so and do not run.
"""

from __future__ import annotations

import json
import random
import shutil
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from buffer.errors import JournalError
from buffer.fs import DISK
from buffer.rows import Record, decode_body, encode_row
from tests.support import children
from tests.support.life import Box, Promises, judge
from tests.support.powercut import Chance, Names, Step, left_by, recorded

SEED = 20261123
HERE = Path(__file__).resolve().parent

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("gcc") is None, reason="NOT TESTED: crash states of the SQLite need gcc"),
]


Life = tuple[str, list[Step]]


@pytest.fixture(scope="module")
def recorder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library that notes what a process does to its files."""
    return children.library(HERE / "recorder.c", tmp_path_factory.mktemp("library"))


def lived(recorder: Path, work: Path, *wrong: str) -> Life:
    """The steps of one real life, and its folder; ``wrong``: what is wrong with it, see ``writer``."""
    log, box = work / "log", work / "box"
    box.mkdir()
    env = {"LD_PRELOAD": str(recorder), "REC_PATH": str(box), "REC_LOG": str(log)}
    child = children.start("-m", "tests.crash.writer", str(box), "life", *wrong, env=env)
    _, errors = child.communicate(timeout=60)
    assert child.returncode == 0, errors
    return str(box), recorded(log.read_bytes(), str(box / "marks"))


@pytest.fixture(scope="module")
def life(recorder: Path, tmp_path_factory: pytest.TempPathFactory) -> Life:
    """One honest life."""
    return lived(recorder, tmp_path_factory.mktemp("recorded"))


def test_the_recorder_saw_everything(life: Life) -> None:
    """With all of it kept, the rebuilt files are those that the process left."""
    root, steps = life
    files = left_by(steps, Chance(random.Random(SEED), 1.0, "all"))
    assert {Path(path).name for path in files} >= {"tail", "journal.db", "identity", "ratchet", "alarms.json"}
    for path, data in files.items():
        assert data == Path(path).read_bytes(), path
    there = {str(path) for path in Path(root).rglob("*") if path.is_file()}
    assert {path for path in there if not path.endswith(("-shm", "marks"))} == set(files)


def rebuilt(root: str, files: dict[str, bytes], there: Path) -> Path:
    """What a cut left, as files in a folder of their own."""
    for name in ("keys", "journal", "logbook"):
        (there / name).mkdir(parents=True, mode=0o700)
    for path, data in files.items():
        to = there / Path(path).relative_to(root)
        to.write_bytes(data)
        to.chmod(0o600)
    return there


def found(
    root: str, steps: list[Step], work: Path, kind: tuple[float, Names], every: int = 1
) -> Iterator[str]:
    """The broken promises over the cuts of a life, every so many steps."""
    keep, names = kind
    for k in range(0, len(steps) + 1, every):
        there = rebuilt(
            root, left_by(steps[:k], Chance(random.Random(f"{SEED} {k}"), keep, names)), work / str(k)
        )
        try:
            said = judge(DISK, Promises.until(steps[:k]), root=there)
        except JournalError as error:
            said = f"does not start: {error!r}"
        shutil.rmtree(there)
        if said is not None:
            yield f"seed {SEED}, cut before step {k} ({steps[k - 1].what}), kept {kind}: {said}"


@pytest.mark.parametrize("kind", [(0.0, "none"), (1.0, "all"), (0.5, "ext4"), (0.5, "posix")])
def test_no_crash_state_loses_a_promise(life: Life, tmp_path: Path, kind: tuple[float, Names]) -> None:
    root, steps = life
    assert len([step for step in steps if step.what != "mark"]) > 150
    assert len(Promises.until(steps).rows) > 20
    assert list(found(root, steps, tmp_path, kind)) == []


@pytest.mark.parametrize("what", ["journal.db", "tail", "/box/journal", "/box/logbook"])
def test_the_campaign_goes_red_without_syncs_of(life: Life, tmp_path: Path, what: str) -> None:
    """Files, and folders of files."""
    root, steps = life
    deaf = [step for step in steps if not (step.what.startswith("sync") and step.args[-1].endswith(what))]
    assert len(deaf) < len(steps)
    assert next(found(root, deaf, tmp_path, (0.0, "none"), every=5), None) is not None


def test_a_store_that_lied_is_found_out(life: Life, tmp_path: Path) -> None:
    """From some moment on no sync of the store is one, then the power goes: what is lost is said, what is
    sound is kept beside the new epoch, and no number is signed again in the old one."""
    root, steps = life
    epoch, lost = "", 0
    for j in range(60, len(steps), 40):
        lied = [step for at, step in enumerate(steps) if not (at >= j and _sync_of_store(step))]
        for k in range(j, len(lied) + 1, 23):
            left = left_by(lied[:k], Chance(random.Random(SEED), 0.0, "none"))
            there = rebuilt(root, left, tmp_path / f"{j}-{k}")
            box = Box(DISK, 9, there)
            box.seal()
            epoch = epoch or box.journal.head.epoch
            rows = _rows(there / "journal")
            promised = Promises.until(lied[:k]).rows
            gone = [i for i, row in promised.items() if i not in rows or encode_row(rows[i]) != row]
            if gone:
                lost += 1
                said = [record["count"] for record in rows.values() if record["k"] == "loss"]
                assert sum(said) >= len(gone), (j, k)
                assert box.journal.head.epoch != epoch, (j, k)
            box.close()
    assert lost > 10, "no lie cost anything: nothing was tried"


def _rows(journal: Path) -> dict[int, Record]:
    """The records of the store, and of one that was set aside."""
    rows: dict[int, Record] = {}
    for path in journal.glob("journal.db*"):
        if not path.name.endswith(("-wal", "-shm")):
            with closing(sqlite3.connect(path)) as db:
                bodies = [body for (body,) in db.execute("SELECT body FROM blocks WHERE body IS NOT NULL")]
            rows |= {r["i"]: r for body in bodies for r in decode_body(zlib.decompress(body))}
    return rows


def _sync_of_store(step: Step) -> bool:
    return step.what == "sync" and Path(step.args[1]).name in ("journal.db", "journal.db-wal")


@pytest.mark.parametrize("wrong", ["normal", "cursor"])
def test_the_campaign_goes_red_for(recorder: Path, tmp_path: Path, wrong: str) -> None:
    """SQLite with synchronous=NORMAL and its own checkpoints (with ours alone NORMAL would not show: each
    seal empties the WAL, and that waits for the disk); a cursor that moves before its receipt."""
    root, steps = lived(recorder, tmp_path, wrong)
    assert next(found(root, steps, tmp_path, (0.0, "none")), None) is not None


def test_the_campaign_goes_red_for_tinydb_as_the_queue(recorder: Path, tmp_path: Path) -> None:
    """Its file is rewritten in place: cuts leave it unreadable, or without what it had promised."""
    _, steps = lived(recorder, tmp_path, "tinydb")
    broken = 0
    for k in range(len(steps) + 1):
        files = left_by(steps[:k], Chance(random.Random(f"{SEED} {k}"), 0.5, "ext4"))
        newest = Promises.until(steps[:k]).cursors.get("queue")
        text = next((data for path, data in files.items() if path.endswith("queue.json")), b"")
        try:
            rows = json.loads(text)["_default"].values() if text else ()
        except ValueError:
            broken += 1
            continue
        broken += newest is not None and newest not in {row["i"] for row in rows}
    assert broken > 0
