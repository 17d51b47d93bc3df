"""A chain of power cuts at random moments of random lives, on real files with the real SQLite: what was not
synced is dropped or kept sector by sector, name by name, and life goes on from what is left.

Longer by ``./run soak power``.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.crash.campaign import power_cuts
from tests.support import children
from tests.support.warm import Warm

HERE = Path(__file__).resolve().parent
SEED, CUTS = 20261125, 60

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("gcc") is None, reason="NOT TESTED: power cuts need gcc"),
]


def test_no_power_cut_breaks_a_promise(tmp_path: Path) -> None:
    with Warm(children.library(HERE / "recorder.c", tmp_path), tmp_path) as warm:
        assert list(power_cuts(warm, tmp_path, SEED, CUTS)) == []
