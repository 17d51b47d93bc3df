"""What the rules cost, short and with slack: ``./run bench rules`` measures it (docs/performance.md)."""

from __future__ import annotations

import pytest

from tests.bench.rules import measure, step_ms

GOAL = 25


@pytest.mark.slow
def test_a_replay_costs_little_more_than_reading_its_json() -> None:
    cost = measure(1, 3600)
    assert cost.lines == 4320
    assert cost.ratio <= 1.6 * GOAL


@pytest.mark.slow
def test_one_step_of_all_rules_for_32_meters() -> None:
    assert step_ms(32) <= 5
