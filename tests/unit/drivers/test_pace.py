"""When a reply is looked for: learnt quickly, forgiven quickly, never far."""

import pytest

from drivers.pace import AFRESH, LONGEST_MS, Pace

KEY = ("m", 25)
CHARACTER_MS = 1.04


def looked(pace: Pace, end_ms: float) -> float:
    """One exchange whose reply ends ``end_ms`` after its wire time; gives when it was looked for."""
    looked_ms = pace.slack_ms(KEY)
    pace.learn(KEY, max(end_ms, looked_ms), CHARACTER_MS, waited=looked_ms < end_ms)
    return looked_ms


def test_the_second_reply_is_met_at_its_end() -> None:
    pace = Pace()
    assert looked(pace, 23.6) == 0
    assert looked(pace, 23.6) == 23.6


def test_a_steady_meter_is_looked_for_within_a_character() -> None:
    pace = Pace()
    looks = [looked(pace, 23.6) for _ in range(1, 200)]
    late = [one for one in looks[1:] if one > 0]
    assert len(late) >= 180
    assert all(abs(one - 23.6) <= CHARACTER_MS for one in late)


def test_one_slow_reply_moves_it_by_a_character() -> None:
    pace = Pace()
    looked(pace, 23.6)
    looked(pace, 900.0)
    assert pace.slack_ms(KEY) == pytest.approx(23.6 + CHARACTER_MS)


def test_a_meter_that_was_slow_at_first_is_forgiven() -> None:
    pace = Pace()
    looked(pace, 100.0)
    looks = [looked(pace, 10.0) for _ in range(2 * AFRESH)]
    assert 0.0 in looks
    assert looks[-1] <= 10 + CHARACTER_MS


def test_nothing_far_is_learnt() -> None:
    pace = Pace()
    looked(pace, 5_000.0)
    assert pace.slack_ms(KEY) == LONGEST_MS


def test_questions_are_apart() -> None:
    pace = Pace()
    looked(pace, 23.6)
    assert pace.slack_ms(("m", 7)) == 0
    assert pace.slack_ms(("other", 25)) == 0
