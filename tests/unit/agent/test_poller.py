"""The poller gives each slot once, says which were missed, and no clock step repeats or stalls a slot."""

from __future__ import annotations

import random

from agent.poller import Poller, Round


def rounds(name: str, every_s: int, slow_every_s: int = 300) -> list[Round]:
    return [Round(name, "fast", every_s), Round(name, "slow", slow_every_s)]


def test_first_poll_at_once_then_on_wall_clock_borders() -> None:
    poller = Poller(rounds("a", 10, 60), mono_ms=5_300, utc_ms=1_795_000_003_700)
    due, missed = poller.take(5_300)
    assert {slot.poll for slot in due} == {"fast", "slow"}
    assert missed == ()
    assert poller.next_due(5_300) == 5_300 + 6_300  # the wall clock shows ...10 s then
    due, missed = poller.take(11_600)
    assert [slot.poll for slot in due] == ["fast"]
    assert missed == ()


def test_a_stopped_process_says_which_slots_it_missed() -> None:
    poller = Poller(rounds("a", 10, 3600), mono_ms=0, utc_ms=0)
    first = next(slot for slot in poller.take(0)[0] if slot.poll == "fast")
    due, missed = poller.take(45_000)
    assert [slot.number for slot in missed] == [first.number + 1, first.number + 2, first.number + 3]
    assert [slot.number for slot in due] == [first.number + 4]


def test_clock_steps_never_repeat_a_slot_and_never_stall_longer_than_two_periods() -> None:
    seed = random.randrange(2**32)
    rng = random.Random(seed)
    poller = Poller(rounds("a", 10, 300), mono_ms=1_000, utc_ms=0)
    seen: set[tuple[str, int]] = set()
    last_fast = mono = 1_000
    for _ in range(3_000):
        mono += rng.randrange(100, 4_000)
        if rng.random() < 0.05:
            poller.rephase(mono, rng.randrange(4_000_000_000_000))
        due, missed = poller.take(mono)
        for slot in (*due, *missed):
            key = (slot.poll, slot.number)
            assert key not in seen, f"seed {seed}"
            seen.add(key)
        if any(slot.poll == "fast" for slot in due):
            last_fast = mono
        assert mono - last_fast <= 24_000, f"seed {seed}"
