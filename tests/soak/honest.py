"""Honest histories with crashes, judged by both verifiers: no false alarm.

::

    ./run soak honest [--count 1000] [--seed 1]

The same as ``tests/attacks/test_honest.py``, only longer. Signatures are checked by the second verifier as
its ``--quick`` does, of one history in twenty each of them: a start of openssl costs more than all the rest.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tests.attacks.histories import false_alarms


def main(argv: Sequence[str]) -> int:
    """See the module."""
    parser = argparse.ArgumentParser(
        prog="run soak honest", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(argv)
    begin, alarms, blocks = time.monotonic(), 0, 0
    ends: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as name:
        for one, wrong in false_alarms(options.seed, options.count, Path(name)):
            ends.update(one.ends.split())
            blocks += len(one.blocks)
            if wrong is not None:
                alarms += 1
                print(wrong, flush=True)
    spent = time.monotonic() - begin
    print(
        f"seed {options.seed}: {options.count} histories, {blocks} blocks, {dict(ends)}, "
        f"{alarms} false alarms, {spent:.0f} s"
    )
    return int(alarms > 0)
