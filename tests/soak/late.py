"""Replies 0 to 3 s late on a pty, each protocol: no value may be booked to another request than its own.

::

    ./run soak late [--count 300] [--late 3] [--seed 1] [--line modbus-rtu|dlt645-2007|mixed]

Nothing is scaled: the fence is that of a site (``late_reply_s`` 3), three replies of ten are late. The lines
run side by side, each on a pty of its own. ``tests/e2e/test_late_on_a_pty.py`` is the same, scaled to 0.45 s.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from config.site import Bus as BusConfig
from config.site import Line
from drivers.bus import Bus, Job
from drivers.ports import open_port
from drivers.samples import PollResult
from tests.support.counted import ADDRESSES, Ledger, meter, misbooked, spec
from tests.support.line import Replies
from tests.support.ptyline import moment_ms, pty_line
from tests.support.specs import with_meter

LINES = {"modbus-rtu": ("modbus1", "modbus2"), "dlt645-2007": ("dlt1", "dlt2"), "mixed": tuple(ADDRESSES)}
LATE_S = 3.0
COUNT = 300
TIMEOUT_SHARE = 1 / 3  # of the lateness: most late replies come after the reader gave them up
_FAST = Line(9600, 8, "N", 1)  # a pty has no baud; the reader still waits for the bytes' time


@dataclass(slots=True)
class Figures:
    """What came out of one trial."""

    exchanges: int = 0
    late: int = 0
    values: int = 0
    failed: int = 0  # polls without a value
    wrong: list[tuple[str, int]] = field(default_factory=list)
    seconds: float = 0.0


class Trial:
    """Meters of one line, replies up to ``late_s`` late, read until ``count`` requests went out.
    ``fence_s``: how long a meter that timed out is left alone; less than ``late_s`` is a broken bus."""

    def __init__(self, names: Sequence[str], late_s: float, seed: int, fence_s: float | None = None) -> None:
        self._names = tuple(names)
        self._late_s = late_s
        self._fence_s = late_s if fence_s is None else fence_s
        self._rng = random.Random(seed)
        self._ledger = Ledger()
        self._ended = 0
        self.figures = Figures()

    def run(self, count: int) -> Figures:
        """Read both items of each meter in turn; raises `TimeoutError` if it takes absurdly long."""
        begin = moment_ms()
        with pty_line([meter(name, self._ledger, self._fault) for name in self._names]) as path:
            config = BusConfig(id="b1", kind="serial", port=path, late_reply_s=self._fence_s)
            timeout_s = self._late_s * TIMEOUT_SHARE
            changes = {"reply_timeout_s": timeout_s, "retries": 0, "line": _FAST}
            specs = [with_meter(spec(name), **changes) for name in self._names]
            bus = Bus(config, specs, open_port(config, moment_ms), self._take)
            asked = 0
            while self.figures.exchanges < count:
                if moment_ms() - begin > count * 1000 * (self._late_s + 1):
                    raise TimeoutError(f"{self.figures} after {moment_ms() - begin:.0f} ms")
                while asked < self._ended + 2 * len(specs):
                    bus.submit(Job(self._names[asked % len(specs)], "read", asked, asked))
                    asked += 1
                due = bus.step(int(moment_ms()))
                time.sleep(min(50, max(0, due - moment_ms())) / 1000)
            bus.close()
        self.figures.seconds = (moment_ms() - begin) / 1000
        return self.figures

    def _fault(self, request: bytes, replies: Replies) -> Replies:
        self.figures.exchanges += 1
        if self._rng.random() < 0.7:
            return [(20, data) for _, data in replies]
        self.figures.late += 1
        return [(20 + self._rng.uniform(0, self._late_s * 1000), data) for _, data in replies]

    def _take(self, result: PollResult) -> None:
        good = sum(sample.value is not None for sample in result.samples)
        self._ended += 1
        self.figures.values += good
        self.figures.failed += not good
        self.figures.wrong += misbooked(result, self._ledger)


def trials(lines: Sequence[str], count: int, late_s: float, seed: int) -> Mapping[str, Figures]:
    """A trial of each line, side by side."""
    with ThreadPoolExecutor(len(lines)) as pool:
        runs = [pool.submit(Trial(LINES[line], late_s, seed).run, count) for line in lines]
        return {line: run.result() for line, run in zip(lines, runs, strict=True)}


def main(argv: Sequence[str]) -> int:
    """See the module."""
    parser = argparse.ArgumentParser(prog="run soak late", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--count", type=int, default=COUNT, help=f"exchanges of each line ({COUNT})")
    parser.add_argument("--late", type=float, default=LATE_S, help=f"most lateness and fence, s ({LATE_S})")
    parser.add_argument("--seed", type=int, default=1, help="of the lateness (1)")
    parser.add_argument("--line", choices=tuple(LINES), help="this one alone")
    options = parser.parse_args(argv)
    lines = [options.line] if options.line else list(LINES)
    found = trials(lines, options.count, options.late, options.seed)
    print(f"{'line':<14}{'exchanges':>10}{'late':>6}{'values':>8}{'wrong':>7}{'seconds':>9}")
    for line, got in found.items():
        row = (
            f"{line:<14}{got.exchanges:>10}{got.late:>6}{got.values:>8}{len(got.wrong):>7}{got.seconds:>9.0f}"
        )
        print(row, *got.wrong)
    print(f"seed {options.seed}")
    return int(any(got.wrong for got in found.values()))
