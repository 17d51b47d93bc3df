"""What the rules cost, short and with slack: ``./run bench rules`` measures it (docs/performance.md)."""

from __future__ import annotations

import json
import time

import pytest

from tests.bench.rules import lines, measure, plant, step_ms

GOAL = 25


@pytest.mark.slow
def test_a_replay_costs_little_more_than_reading_its_json() -> None:
    cost = measure(1, 3600)
    assert cost.lines == 4320
    assert cost.ratio <= 1.6 * GOAL


@pytest.mark.slow
def test_one_step_costs_little_more_than_reading_the_readings_behind_it() -> None:
    """Of every kind, 32 meters, against ``json.loads`` of their 32 lines: some 3 times on a quiet machine."""
    round_of_lines = list(lines(plant(32), 0, 10))
    assert len(round_of_lines) == 32
    took = []
    for _ in range(200):
        begin = time.process_time()
        for line in round_of_lines:
            json.loads(line)
        took.append(time.process_time() - begin)
    assert step_ms(32) <= 12 * sorted(took)[100] * 1000
