"""No false alarm: honest histories with crashes are authentic, for both verifiers.

Longer by ``./run soak honest``.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.attacks.histories import false_alarms
from tests.support.alone import OPENSSL

SEED, HISTORIES = 20261125, 60

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not OPENSSL, reason="NOT TESTED: the second verifier needs openssl"),
]


def test_honest_crash_histories_are_authentic(tmp_path: Path) -> None:
    ends: Counter[str] = Counter()
    wrong, blocks = [], 0
    for one, said in false_alarms(SEED, HISTORIES, tmp_path):
        ends.update(one.ends.split())
        blocks += len(one.blocks)
        wrong += [] if said is None else [said]
    print(f"seed {SEED}: {HISTORIES} histories, {blocks} blocks, {dict(ends)}")
    assert wrong == []
    assert set(ends) == {"stop", "kill", "cut", "failure"}
