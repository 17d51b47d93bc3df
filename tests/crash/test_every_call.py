"""One call of a real life goes wrong, for every call: killed before it and after it, torn, failing, short,
lying. Real files, the real SQLite; a warmed process forks for each life (``tests.crash.warmed``).

Kills are tried at every call, the other faults at every fifth here and at every one by ``./run soak calls``.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.campaign import FAULTS, calls, every_call
from tests.support import children
from tests.support.warm import Warm

HERE = Path(__file__).resolve().parent
EVERY = 5

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("gcc") is None, reason="NOT TESTED: faults at every call need gcc"),
]


@pytest.fixture(scope="module")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warm]:
    """A warmed process under the library of faults."""
    work = tmp_path_factory.mktemp("calls")
    with Warm(children.library(HERE / "faults.c", work), work) as process:
        yield process


@pytest.mark.parametrize("name", FAULTS)
def test_no_call_that_goes_wrong_breaks_a_promise(warm: Warm, name: str) -> None:
    fault = FAULTS[name]
    most = calls(warm, fault)
    assert most > (60 if fault.writes or fault.syncs else 200)
    step = 1 if fault.how in "ba" else EVERY
    assert list(every_call(warm, fault, range(len(name) % step, most, step))) == []


def test_a_fault_is_met_and_said(warm: Warm) -> None:
    """The campaign's own proof: a failing sync ends a life with its code, a kill kills."""
    failing = {"do": "live", "how": "E", "k": 20, "count": 0, "error": 5}
    assert warm.ask(failing)["end"] == "SBX-JNL-002"
    assert warm.ask({**failing, "how": "b"})["end"] == "killed"
