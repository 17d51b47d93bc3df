"""Every crash state of a real life: a process writes a journal with the real SQLite on the real disk, each
of its changes is recorded, and the files of every moment are built again, with and without what was not
synced.

Needs a C compiler for the recorder; without one these tests say so and do not run.
"""

from __future__ import annotations

import random
import shutil
import subprocess
from pathlib import Path

import pytest

from buffer.errors import JournalError
from buffer.fs import DISK
from tests.support import children
from tests.support.life import Promises, judge
from tests.support.powercut import Chance, Names, Step, left_by, recorded

SEED = 20261123
HERE = Path(__file__).resolve().parent

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("gcc") is None, reason="NOT TESTED: crash states of the SQLite need gcc"),
]


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, list[Step]]:
    """The steps of one real life, and its folder."""
    work = tmp_path_factory.mktemp("recorded")
    library, log, box = work / "recorder.so", work / "log", work / "box"
    box.mkdir()
    build = ["gcc", "-shared", "-fPIC", "-O2", "-o", str(library), str(HERE / "recorder.c"), "-ldl"]
    subprocess.run(build, check=True)
    env = {"LD_PRELOAD": str(library), "REC_PATH": str(box), "REC_LOG": str(log)}
    child = children.start("-m", "tests.crash.writer", str(box), "life", env=env)
    _, errors = child.communicate(timeout=60)
    assert child.returncode == 0, errors
    return str(box), recorded(log.read_bytes(), str(box), str(box / "marks"))


def found(root: str, steps: list[Step], work: Path, kind: tuple[float, Names], every: int = 1) -> list[str]:
    """The broken promises over the cuts of a life."""
    wrong = []
    for k in range(0, len(steps) + 1, every):
        keep, names = kind
        files = left_by(steps[:k], Chance(random.Random(f"{SEED} {k}"), keep, names))
        there = work / str(k)
        (there / "keys").mkdir(parents=True, mode=0o700)
        (there / "journal").mkdir()
        for path, data in files.items():
            to = there / Path(path).relative_to(root)
            to.write_bytes(data)
            to.chmod(0o600)
        try:
            said = judge(DISK, Promises.until(steps[:k]), root=there)
        except JournalError as error:
            said = f"does not start: {error!r}"
        if said is not None:
            wrong.append(f"seed {SEED}, cut before step {k} ({steps[k - 1].what}), kept {kind}: {said}")
        shutil.rmtree(there)
    return wrong


@pytest.mark.parametrize("kind", [(0.0, "none"), (1.0, "all"), (0.5, "ext4"), (0.5, "posix")])
def test_no_crash_state_loses_a_promise(
    life: tuple[str, list[Step]], tmp_path: Path, kind: tuple[float, Names]
) -> None:
    root, steps = life
    assert len([step for step in steps if step.what != "mark"]) > 150
    assert len(Promises.until(steps).rows) > 20
    assert found(root, steps, tmp_path, kind) == []


@pytest.mark.parametrize("what", ["journal.db", "tail"])
def test_the_campaign_goes_red_without_syncs_of(
    life: tuple[str, list[Step]], tmp_path: Path, what: str
) -> None:
    root, steps = life
    deaf = [step for step in steps if not (step.what == "sync" and step.args[1].endswith(what))]
    assert found(root, deaf, tmp_path, (0.0, "none"), every=5) != []
