"""How near a bus comes to what its line allows, and what it costs: the figures of ``docs/performance.md``.

::

    ./run bench bus [--count 60] [--rounds 9] [--json]

Prints a table of utilisation, one of CPU per exchange against other clients on the same line in the same run,
and what ours is made of. Exit 1 if a goal is missed. A busy machine shows in ``whole`` first; ``typical`` is
the median exchange.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from tests.bench import peers
from tests.bench.line import Figures, OnLine, dlt, measure, modbus, spend
from tests.bench.parts import parts

_HEAD = f"{'line':38} {'whole':>7} {'typical':>7} {'goal':>6} {'broken':>6} {'failed':>6} {'wake-ups':>8}"


@dataclass(frozen=True, slots=True)
class Case:
    """One line and the share of its limit that is to be reached."""

    name: str
    meters: tuple[OnLine, ...]
    goal: float


FAST, SLOW = "9600 8N1", "2400 8E1"
CASES = (
    *(
        Case(f"{name} {line}, meter {delay} ms", (make(line, delay_ms=delay),), goal)
        for name, make in (("Modbus RTU", modbus), ("DL/T 645", dlt))
        for line, goal in ((FAST, 0.97), (SLOW, 0.99))
        for delay in (20, 100)
    ),
    Case(f"mixed, both {FAST}", (dlt(FAST), modbus(FAST)), 0.95),
    Case(f"mixed, {SLOW} DL/T, {FAST} Modbus", (dlt(SLOW), modbus(FAST)), 0.95),
)
Peer = Callable[[str, int, int], peers.Spent]
PEERS: tuple[tuple[str, OnLine, Peer, float], ...] = (
    ("pymodbus sync", modbus(FAST), peers.pymodbus, 0.6),
    ("dlt645", dlt(FAST), peers.dlt645, 0.3),
)


@dataclass(frozen=True, slots=True)
class Cost:
    """Our CPU per exchange and a peer's, medians of the rounds."""

    peer: str
    ours_us: float
    theirs_us: float
    ratio: float
    goal: float


def run(meters: Sequence[OnLine], count: int) -> Figures:
    """One case in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        return measure(Path(folder), meters, count)


def cost(name: str, count: int, rounds: int) -> Cost:
    """Both clients on one line after each other, ``rounds`` times."""
    _, meter, peer, goal = next(row for row in PEERS if row[0] == name)
    ours, theirs = list[float](), list[float]()
    baud = int(meter.line.split()[0])
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            us = spend(
                Path(folder),
                meter,
                peers.SETTLED,
                count,
                lambda port: theirs.append(peer(port, baud, count).cpu_us),
            )
        ours.append(us)
    ratio = median(us / them for us, them in zip(ours, theirs, strict=True))
    return Cost(name, median(ours), median(theirs), ratio, goal)


def main(argv: Sequence[str]) -> int:
    """See the module."""
    parser = argparse.ArgumentParser(
        prog="run bench bus", description=__doc__.splitlines()[0] if __doc__ else ""
    )
    parser.add_argument("--count", type=int, default=60, help="exchanges of each case (60)")
    parser.add_argument("--rounds", type=int, default=9, help="rounds of the CPU comparison (9)")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    options = parser.parse_args(argv)
    lines, missed = list[dict[str, object]](), False
    say = (lambda text: None) if options.json else print
    say(_HEAD)
    for case in CASES:
        one = run(case.meters, options.count)
        ok = one.utilisation >= case.goal and not one.broken and not one.failed
        missed |= not ok
        lines.append({"case": case.name, "goal": case.goal, **asdict(one)})
        say(
            f"{case.name:38} {one.utilisation:7.3f} {one.typical:7.3f} {case.goal:6.2f} {one.broken:6} "
            f"{one.failed:6} {one.wakeups:8.1f}{'' if ok else '   MISSED'}"
        )
    say(f"\n{'CPU per exchange, ' + FAST:38} {'ours us':>7} {'theirs':>7} {'ratio':>6} {'goal':>6}")
    for name, *_ in PEERS:
        spent = cost(name, options.count, options.rounds)
        missed |= spent.ratio > spent.goal
        lines.append(asdict(spent))
        say(
            f"{'against ' + name:38} {spent.ours_us:7.0f} {spent.theirs_us:7.0f} {spent.ratio:6.2f} "
            f"{spent.goal:6.2f}{'' if spent.ratio <= spent.goal else '   MISSED'}"
        )
    for _, meter, *_ in PEERS:
        with tempfile.TemporaryDirectory() as folder:
            made = parts(Path(folder), meter, options.count, options.rounds)
        lines.append({"line": meter.id, **asdict(made)})
        say(
            f"{'made of, ' + meter.protocol:38} {made.bare_us:7.0f} bare system calls, "
            f"{made.wire_us:.0f} with the wire, {made.all_us:.0f} in all"
        )
    if options.json:
        print(json.dumps(lines))
    return int(missed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
