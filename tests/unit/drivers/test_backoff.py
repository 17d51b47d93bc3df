"""Doubling waits."""

from __future__ import annotations

import pytest

from drivers.backoff import METER, PORT
from drivers.results import backed_off
from drivers.samples import PollError


def test_port_waits_from_one_to_thirty_seconds() -> None:
    state, waits = PORT, []
    for _ in range(8):
        state = state.failed(1_000)
        waits.append(state.until_ms - 1_000)
    assert waits == [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]
    assert state.good() == PORT


def test_meter_is_left_alone_after_the_third_failure() -> None:
    state, seen = METER, []
    for _ in range(8):
        state = state.failed(0)
        seen.append((state.active, state.until_ms))
    assert seen[:3] == [(False, 0), (False, 0), (True, 10_000)]
    assert [until for _, until in seen[3:]] == [20_000, 40_000, 80_000, 120_000, 120_000]


def test_waits_stay_bounded_for_ever() -> None:
    state = METER
    for _ in range(1_000):
        state = state.failed(0)
    assert state.until_ms == 120_000


@pytest.mark.parametrize(
    ("error", "failures"),
    [("no_reply", 3), ("garbled", 3), ("port", 2), ("refused", 0), ("overrun", 0), (None, 0)],
)
def test_how_a_poll_ended_moves_the_back_off_of_its_meter(error: PollError | None, failures: int) -> None:
    """A port that failed says nothing of the meter; one that refuses lives."""
    state = METER.failed(0).failed(0)
    assert backed_off(state, error, 0).failures == failures
