"""SIGKILL of a real writer at random moments, on the real disk with the real SQLite."""

from __future__ import annotations

import random
import select
import shutil
from pathlib import Path

import pytest

from buffer.fs import DISK
from tests.support import children
from tests.support.life import Promises, judge

SEED = 20261123
ROUNDS = 20


@pytest.mark.slow
def test_kill_at_random_moments_loses_nothing(tmp_path: Path) -> None:
    rng = random.Random(SEED)
    promised = Promises()
    live = tmp_path / "live"
    seen = 0
    for boot in range(1, ROUNDS + 1):
        child = children.start("-m", "tests.crash.writer", str(live), str(boot))
        assert child.stdout is not None
        until = rng.uniform(0.0, 0.4)
        first, _, _ = select.select([child.stdout], [], [], 30)
        assert first, "the writer never promised anything"
        select.select([], [], [], until)
        child.kill()
        output, errors = child.communicate()
        assert child.returncode == -9, errors
        seen += children.take(promised, output)
        copy = tmp_path / f"copy-{boot}"
        shutil.copytree(live, copy)
        wrong = judge(DISK, promised, boot + 1, root=copy)
        assert wrong is None, f"seed {SEED}, round {boot}: {wrong}"
        shutil.rmtree(copy)
    assert seen > 10 * ROUNDS
