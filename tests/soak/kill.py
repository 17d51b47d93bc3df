"""SIGKILL of a process that writes the journal, at random moments: no promise may be broken.

::

    ./run soak kill [--rounds 200] [--seed 1]

The same as ``tests/crash/test_kill.py``, only longer. The daemon as a whole is killed in
``tests/e2e/test_main_line.py``.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.crash.campaign import kills


def main(argv: Sequence[str]) -> int:
    """See the module."""
    parser = argparse.ArgumentParser(
        prog="run soak kill", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(argv)
    begin, broken, promises = time.monotonic(), 0, 0
    with tempfile.TemporaryDirectory() as name:
        for seen, wrong in kills(Path(name), options.seed, options.rounds):
            promises += seen
            if wrong is not None:
                broken += 1
                print(wrong, flush=True)
    spent = time.monotonic() - begin
    print(f"seed {options.seed}: {options.rounds} kills, {promises} promises, {broken} broken, {spent:.0f} s")
    return int(broken > 0)
