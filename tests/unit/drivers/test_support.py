"""What a meter was seen not to support: learnt late, kept, tried again, and cheap meanwhile."""

from __future__ import annotations

from dataclasses import replace

import pytest

from config.profile import DltItem
from drivers.bus import Bus, Job
from drivers.samples import PollResult, Sample
from drivers.support import FIRST_TRY_MS, NEXT_TRY_MS, Support, slow_items
from tests.support.line import FakePort, Fault, Meter645, Replies, run
from tests.support.specs import SERIAL, dlt

A, B, BLOCK = "03300D00", "03110000", "0201FF00"
NOTHING: frozenset[str] = frozenset()


def support() -> Support:
    made = Support(frozenset({A, B}))
    assert made.skip(0) == NOTHING
    return made


def poll(made: Support, *declined: str, times: int = 1, slow: bool = True) -> frozenset[str]:
    for _ in range(times):
        made.polled(frozenset(declined), slow=slow)
    return made.learnt


def test_an_item_is_learnt_when_declined_three_times_running() -> None:
    made = support()
    assert poll(made, A, times=2) == NOTHING
    assert poll(made) == NOTHING, "it was answered"
    assert poll(made, A, times=2) == NOTHING
    assert poll(made, A) == {A}
    assert made.skip(1) == {A}


def test_only_a_slow_poll_with_a_value_counts() -> None:
    made = support()
    assert poll(made, A, times=9, slow=False) == NOTHING
    assert poll(made, A, times=2) == NOTHING
    assert poll(made, slow=False) == NOTHING
    assert poll(made, A) == {A}, "a fast poll between says nothing of it"


def test_a_block_is_learnt_the_second_time_whatever_lies_between() -> None:
    made = support()
    assert poll(made, BLOCK, slow=False) == NOTHING
    assert poll(made, times=3) == NOTHING
    assert poll(made, BLOCK, slow=False) == {BLOCK}
    assert made.skip(FIRST_TRY_MS) == {BLOCK}, "a block is not tried again: its items are read"


def test_silence_is_learnt_of_blocks_alone() -> None:
    made = support()
    for _ in range(3):
        made.heard(A, silent=True)
        made.heard(BLOCK, silent=True)
    assert made.learnt == {BLOCK}
    made = support()
    made.heard(BLOCK, silent=True)
    made.heard(BLOCK, silent=False)
    made.heard(BLOCK, silent=True)
    assert made.learnt == NOTHING


def test_an_item_is_tried_again_an_hour_after_the_start_and_then_each_day() -> None:
    made = support()
    poll(made, A, B, times=3)
    assert made.skip(FIRST_TRY_MS - 1) == {A, B}
    assert made.skip(FIRST_TRY_MS) == NOTHING
    assert made.learnt == {A, B}, "what the logbook keeps does not change for a try"
    assert poll(made, slow=False) == {A, B}
    assert poll(made, A) == {A}, "B was answered, A was not"
    assert made.skip(FIRST_TRY_MS + 1) == {A}
    assert made.skip(FIRST_TRY_MS + NEXT_TRY_MS - 1) == {A}
    assert made.skip(FIRST_TRY_MS + NEXT_TRY_MS) == NOTHING
    assert poll(made) == NOTHING


def test_only_slow_items_of_a_profile_are_learnt() -> None:
    spec = dlt("m", "000000000012", ITEMS)
    assert slow_items(spec.profile) == {"00010000", A, B}


# -- on a bus, in virtual time

ITEMS = (
    DltItem(quantity="u_a", di="02010100", format="XXX.X"),
    DltItem(quantity="ep_imp", di="00010000", format="XXXXXX.XX", poll="slow"),
    DltItem(quantity="n_cover", di=A, format="XXXXXX", poll="slow"),
    DltItem(quantity="n_power_down", di=B, format="XXXXXX", poll="slow"),
)
DATA = {"02010100": "2312", "00010000": "00123456", B: "000007"}
SLOW_S = 300


class Plant:
    """One meter that is polled every five minutes."""

    def __init__(self, meter: Meter645, learnt: frozenset[str] = NOTHING) -> None:
        self.meter, self.port = meter, FakePort(meter)
        self.results: list[PollResult] = []
        self.bus = Bus(SERIAL, [dlt("m", meter.address, ITEMS)], self.port, self.results.append)
        self.bus.preset({"m": learnt})

    def polls(self, count: int) -> list[str]:
        """Slow polls in turn: the qualities of each, and how much was asked for."""
        told = []
        for slot in range(count):
            before, due = len(self.port.sent), self.port.now()
            self.bus.submit(Job("m", "slow", slot, due))
            run(self.bus, self.port, due + SLOW_S * 1000)
            said = ["good" if sample.value is not None else sample.quality for sample in self.last]
            told.append(f"{' '.join(said)}: {len(self.port.sent) - before}")
        return told

    @property
    def last(self) -> tuple[Sample, ...]:
        return self.results[-1].samples

    @property
    def learnt(self) -> frozenset[str]:
        return self.bus.unsupported()["m"]


def silent_on(di: str) -> Fault:
    """A meter that answers a data identifier it does not have by silence."""
    wire = bytes((byte + 0x33) & 0xFF for byte in bytes.fromhex(di)[::-1])

    def fault(request: bytes, replies: Replies) -> Replies:
        return () if wire in request else replies

    return fault


def test_a_refused_item_costs_no_line_time_until_the_next_day() -> None:
    plant = Plant(Meter645("000000000012", DATA))
    assert plant.polls(3) == ["good unsupported good: 3"] * 3
    assert plant.learnt == {A}
    assert plant.polls(9) == ["good unsupported good: 2"] * 9
    assert plant.polls(2) == ["good unsupported good: 3", "good unsupported good: 2"], "tried after an hour"
    assert plant.learnt == {A}
    day = NEXT_TRY_MS // 1000 // SLOW_S
    asked = plant.polls(day)
    assert [one for one in asked if not one.endswith("2")] == ["good unsupported good: 3"], "and once a day"


def test_a_wrong_learning_heals() -> None:
    plant = Plant(Meter645("000000000012", DATA | {A: "000003"}), frozenset({A, "gone"}))
    assert plant.polls(12) == ["good unsupported good: 2"] * 12, "the logbook is believed at first"
    assert plant.polls(2) == ["good good good: 3"] * 2
    assert plant.learnt == {"gone"}


def test_an_item_that_is_answered_by_silence_is_learnt_and_hides_nothing_behind_it() -> None:
    plant = Plant(Meter645("000000000012", DATA | {A: "000003"}, silent_on(A)))
    assert plant.polls(3) == ["good no_reply good: 4"] * 3, "asked twice, then the next"
    assert plant.learnt == {A}
    assert plant.polls(2) == ["good unsupported good: 2"] * 2


@pytest.mark.parametrize("missing", [{"00010000", A, B}, {"00010000", B}])
def test_a_meter_that_refuses_for_a_while_gives_its_values_again(missing: set[str]) -> None:
    data = DATA | {A: "000003"}
    plant = Plant(Meter645("000000000012", {di: text for di, text in data.items() if di not in missing}))
    told = plant.polls(6)
    plant.port.meters[:] = [replace(plant.meter, data=data)]
    if A in missing:
        assert told == ["unsupported unsupported unsupported: 3"] * 6
        assert plant.polls(1) == ["good good good: 3"]
    else:
        assert told == ["unsupported good unsupported: 3"] * 3 + ["unsupported good unsupported: 1"] * 3
        assert plant.polls(7)[-1] == "good good good: 3"
    assert plant.learnt == NOTHING
