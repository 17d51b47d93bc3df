"""Power cuts at random moments of random lives of the journal, on real files: no promise may be broken.

::

    ./run soak power [--cuts 3000] [--seed 1]

A chain as in ``tests/crash/test_power_cuts.py``, only longer: what was not synced is dropped or kept sector
by sector and name by name, and life goes on from what is left.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.crash.campaign import power_cuts
from tests.support import children
from tests.support.warm import Warm

RECORDER = Path(__file__).resolve().parents[1] / "crash" / "recorder.c"


def main(argv: Sequence[str]) -> int:
    """See the module."""
    parser = argparse.ArgumentParser(
        prog="run soak power", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--cuts", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(argv)
    begin, broken = time.monotonic(), 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with Warm(children.library(RECORDER, folder), folder) as warm:
            for wrong in power_cuts(warm, folder, options.seed, options.cuts):
                broken += 1
                print(wrong, flush=True)
    spent = time.monotonic() - begin
    print(f"seed {options.seed}: {options.cuts} power cuts, {broken} broken promises, {spent:.0f} s")
    return int(broken > 0)
