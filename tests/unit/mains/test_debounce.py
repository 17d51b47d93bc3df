"""A state counts after it has stayed; whatever the source does, "off" needs to have been seen that long."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.mains.debounce import Debounce, Settled

STATES = st.sampled_from([True, False, None])


def settled(hold_ms: int, *looks: bool | None) -> list[tuple[int, Settled]]:
    """A look each second; when something settled, and what."""
    held = Debounce(hold_ms)
    found = ((second, held.take(on, second * 1000)) for second, on in enumerate(looks))
    return [(second, one) for second, one in found if one is not None]


def test_the_first_state_is_a_change() -> None:
    assert settled(2000, True, True, True, True) == [(2, Settled(True, 0))]
    assert settled(2000, None, None, None) == [(2, Settled(None, 0))]


def test_a_change_counts_from_when_it_was_first_seen() -> None:
    looks = (True, True, True, False, False, False, False, True, True, True)
    assert [one for _, one in settled(2000, *looks)] == [
        Settled(True, 0),
        Settled(False, 3000),
        Settled(True, 7000),
    ]


def test_a_flicker_is_no_change() -> None:
    assert len(settled(2000, True, True, True, False, False, True, False, None, True, False, True)) == 1


def test_one_unreadable_look_is_no_change_and_no_cut_of_the_hold() -> None:
    assert len(settled(2000, True, True, True, None, True, True)) == 1
    assert settled(2000, False, False, None, False, False) == [], "it must have been seen without a break"


def test_without_a_hold_each_look_counts() -> None:
    assert [one.on for _, one in settled(0, True, False, None)] == [True, False, None]


@settings(deadline=None)
@given(st.lists(STATES, max_size=60), st.integers(0, 6))
def test_what_settled_was_seen_without_a_break(looks: list[bool | None], hold_s: int) -> None:
    last: bool | str | None = "nothing"
    for second, one in settled(hold_s * 1000, *looks):
        begun = one.since_ms // 1000
        assert second - begun >= hold_s
        assert looks[begun : second + 1] == [one.on] * (second - begun + 1)
        assert one.on is not last, "the same state settled twice"
        last = one.on
