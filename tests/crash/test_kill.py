"""SIGKILL of a real writer at random moments, on the real disk with the real SQLite. Longer by ``./run soak
kill``."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crash.campaign import kills

SEED = 20261123
ROUNDS = 20


@pytest.mark.slow
def test_kill_at_random_moments_loses_nothing(tmp_path: Path) -> None:
    rounds = list(kills(tmp_path, SEED, ROUNDS))
    assert [wrong for _, wrong in rounds if wrong is not None] == []
    assert sum(seen for seen, _ in rounds) > 10 * ROUNDS
