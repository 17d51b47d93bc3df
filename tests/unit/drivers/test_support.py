"""What a meter was seen not to support: learnt late, kept, tried again, and cheap meanwhile."""

from __future__ import annotations

from dataclasses import replace

import pytest

from config.profile import DltBlock, DltItem
from drivers.bus import Bus, Job
from drivers.samples import PollResult, Sample
from drivers.support import FIRST_TRY_MS, NEXT_TRY_MS, Support, slow_items
from tests.support.line import FakePort, Fault, Meter645, ModbusSlave, Replies, run
from tests.support.specs import SERIAL, dlt, item, modbus

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
    assert made.skip(1) == {BLOCK}


def tried(now_ms: int = FIRST_TRY_MS) -> Support:
    """What an earlier run learnt of a block, at the time of the try."""
    made = Support(frozenset({A, B}), learnt=frozenset({BLOCK}))
    assert made.skip(0) == {BLOCK}
    assert made.skip(now_ms - 1) == {BLOCK}
    assert made.skip(now_ms) == NOTHING
    return made


def test_a_block_is_tried_again_an_hour_after_the_start_and_then_each_day() -> None:
    made = tried()
    assert made.attentive
    made.heard(BLOCK, silent=False)
    assert poll(made, BLOCK, slow=False) == {BLOCK}, "answered, with a refusal"
    assert made.skip(FIRST_TRY_MS + 1) == {BLOCK}
    assert made.skip(FIRST_TRY_MS + NEXT_TRY_MS) == NOTHING
    assert made.learnt == {BLOCK}, "what the logbook keeps does not change for a try"
    made.heard(BLOCK, silent=False)
    assert made.skip(FIRST_TRY_MS + NEXT_TRY_MS + 1) == NOTHING
    assert made.learnt == NOTHING, "another meter: it has the block"
    assert not made.attentive
    assert poll(made, BLOCK, slow=False) == NOTHING, "and once is not enough again"
    assert poll(made, BLOCK, slow=False) == {BLOCK}


def test_a_try_ends_with_the_first_silence() -> None:
    made = tried()
    made.heard(BLOCK, silent=True)
    assert made.skip(FIRST_TRY_MS + 1) == {BLOCK}
    assert made.learnt == {BLOCK}
    assert not made.silences


def test_a_try_waits_until_the_block_is_asked_for() -> None:
    """A block of the other class, or of a meter that is silent for a while."""
    made = tried()
    made.heard("02010100", silent=False)
    assert poll(made, slow=True) == {BLOCK}
    assert made.skip(FIRST_TRY_MS + 1) == NOTHING


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

    def __init__(
        self, meter: Meter645, learnt: frozenset[str] = NOTHING, blocks: tuple[DltBlock, ...] = ()
    ) -> None:
        self.meter, self.port = meter, FakePort(meter)
        self.results: list[PollResult] = []
        spec = dlt("m", meter.address, ITEMS)
        spec = replace(spec, profile=replace(spec.profile, blocks=blocks))
        self.bus = Bus(SERIAL, [spec], self.port, self.results.append)
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


COUNTS = DltBlock(di="0330FF00", items=("00010000", A, B))
WHOLE = DATA | {A: "000003", "0330FF00": "000007" + "000003" + "00123456"}


def test_after_a_swap_the_block_of_the_new_meter_is_read_within_a_day() -> None:
    single = {di: text for di, text in WHOLE.items() if di != COUNTS.di}
    plant = Plant(Meter645("000000000012", single), blocks=(COUNTS,))
    assert plant.polls(4) == ["good good good: 4"] * 2 + ["good good good: 3"] * 2
    assert plant.learnt == {COUNTS.di}
    assert [one for one in plant.polls(12) if not one.endswith("3")] == ["good good good: 4"], "tried in vain"
    plant.port.meters[:] = [replace(plant.meter, data=WHOLE)]
    day = NEXT_TRY_MS // 1000 // SLOW_S
    asked = plant.polls(day)
    assert set(asked) == {"good good good: 3", "good good good: 1"}
    assert asked.index("good good good: 1") > 0
    assert asked[-1] == "good good good: 1"
    assert plant.learnt == NOTHING


def test_a_block_that_is_answered_by_silence_costs_one_poll_a_day() -> None:
    single = {di: text for di, text in WHOLE.items() if di != COUNTS.di}
    plant = Plant(Meter645("000000000012", single, silent_on(COUNTS.di)), frozenset({COUNTS.di}), (COUNTS,))
    asked = plant.polls(3 + (FIRST_TRY_MS + 2 * NEXT_TRY_MS) // 1000 // SLOW_S)
    assert plant.learnt == {COUNTS.di}
    failed = [one for one in asked if one != "good good good: 3"]
    assert len(failed) == 3, "an hour after the start, and once each day"
    assert {one.partition(":")[0] for one in failed} == {"no_reply no_reply no_reply"}


def test_registers_of_a_new_meter_are_merged_again() -> None:
    spec = modbus("m", 1, [item("u_a", 0), item("u_b", 1), item("u_c", 2)])
    slave = ModbusSlave(1, {0: 2301, 1: 2302, 2: 2303}, holes=frozenset({0}))
    port, results = FakePort(Merging(slave)), list[PollResult]()
    bus = Bus(SERIAL, [spec], port, results.append)

    def reads(slot: int) -> int:
        before = len(port.sent)
        bus.submit(Job("m", "fast", slot, port.now()))
        run(bus, port, port.now() + SLOW_S * 1000)
        assert [sample.value for sample in results[-1].samples] == [2301, 2302, 2303]
        return len(port.sent) - before

    assert [reads(slot) for slot in range(4)] == [4, 4, 3, 3]
    assert bus.unsupported()["m"] == {"03:0x0000+3"}
    port.meters[:] = [replace(slave, holes=frozenset())]
    asked = [reads(slot) for slot in range(4, 20)]
    assert asked == sorted(asked, reverse=True)
    assert asked[-1] == 1
    assert bus.unsupported()["m"] == NOTHING


class Merging:
    """A slave that declines what spans more than one register."""

    def __init__(self, slave: ModbusSlave) -> None:
        self.whole, self.single = slave, replace(slave, holes=frozenset())

    def hear(self, request: bytes) -> Replies:
        return (self.single if request[5] == 1 else self.whole).hear(request)
