"""Every call of a life of the journal goes wrong once, in every way: no promise may be broken.

::

    ./run soak calls [--fault eio-once]

The same as ``tests/crash/test_every_call.py``, with no call left out for any fault.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.crash.campaign import FAULTS, calls, every_call
from tests.support import children
from tests.support.warm import Warm

LIBRARY = Path(__file__).resolve().parents[1] / "crash" / "faults.c"


def main(argv: Sequence[str]) -> int:
    """See the module."""
    parser = argparse.ArgumentParser(
        prog="run soak calls", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--fault", choices=sorted(FAULTS), action="append")
    options = parser.parse_args(argv)
    broken = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with Warm(children.library(LIBRARY, folder), folder) as warm:
            for fault in options.fault or FAULTS:
                begin, before = time.monotonic(), broken
                most = calls(warm, FAULTS[fault])
                for wrong in every_call(warm, FAULTS[fault], range(most)):
                    broken += 1
                    print(wrong, flush=True)
                print(
                    f"{fault:20} {most:4} lives, {broken - before} broken, {time.monotonic() - begin:.0f} s",
                    flush=True,
                )
    return int(broken > 0)
