"""The bus in virtual time: fences, silent meters, a port that goes and comes, slots that cannot be met."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from config.profile import DltBlock, DltItem
from drivers.bus import Bus, Job
from drivers.errors import DriverError
from drivers.exchange import MeterSpec
from drivers.samples import PollResult
from tests.support.line import (
    FakePort,
    Fault,
    Meter645,
    ModbusSlave,
    Replies,
    in_turn,
    late,
    mute,
    run,
    sound,
)
from tests.support.specs import (
    CURRENT,
    ENERGY,
    MODBUS_LINE,
    SERIAL,
    VOLTAGE,
    dlt,
    item,
    modbus,
    with_meter,
)

FAST = item("u_a", 0)
SLOW = item("ep_imp", 8, "u32", poll="slow")
REGISTERS = {0: 1, 8: 0, 9: 7}


FREQUENCY = DltItem(quantity="f", di="02800002", format="XX.XX")


def spoilt(request: bytes, replies: Replies) -> Replies:
    """Damage that keeps the sum: 50.43 Hz becomes 80.13."""
    del request
    ((delay, data),) = replies
    digits = data.index(b"\x68") + 14
    changed = bytes((data[digits] - 0x30, data[digits + 1] + 0x30))
    return ((delay, data[:digits] + changed + data[digits + 2 :]),)


class Plant:
    """A bus, its line, and a poller that gives every meter a slot each period."""

    def __init__(self, port: FakePort, *specs: MeterSpec, every_ms: int = 10_000) -> None:
        self.port = port
        self.results: list[PollResult] = []
        self.bus = Bus(SERIAL, specs, port, self.results.append)
        self.every_ms = every_ms
        self.meters = [spec.meter.id for spec in specs]
        self.start = port.now()
        self._slot = 0

    def run(self, seconds: float, *, after: float = 0.0) -> list[PollResult]:
        """Let slots come for ``seconds``, then ``after`` seconds more without any."""
        end = self.port.now() + seconds * 1000
        run(self.bus, self.port, end, self.submit_due)
        run(self.bus, self.port, end + after * 1000)
        return self.results

    def of(self, meter: str) -> list[PollResult]:
        return [result for result in self.results if result.meter == meter]

    def submit_due(self, now_ms: int) -> int:
        """Submit the slots that are due; gives the next due time."""
        while (due := self.start + self._slot * self.every_ms) <= now_ms:
            for meter in self.meters:
                self.bus.submit(Job(meter, "fast", self._slot, due))
            self._slot += 1
        return due


def _meters(count: int) -> list[MeterSpec]:
    return [modbus(f"m{unit}", unit, [FAST]) for unit in range(1, count + 1)]


def _requests(port: FakePort, unit: int) -> list[float]:
    return [sent.start_ms for sent in port.sent if sent.data[0] == unit]


# -- the fence after a timeout


def test_a_meter_that_timed_out_is_not_asked_before_its_late_reply_is_over() -> None:
    slaves = [ModbusSlave(1, REGISTERS, in_turn([mute, sound])), ModbusSlave(2, REGISTERS)]
    plant = Plant(FakePort(*slaves), *_meters(2), every_ms=2_000)
    results = plant.run(12, after=10)
    first, second = _requests(plant.port, 1)[:2]
    assert second - first >= 1_000 + 3_000
    assert [r.attempts for r in plant.of("m1") if r.attempts] == [2, 1, 1, 1, 1]
    errors = [r.error for r in sorted(plant.of("m1"), key=lambda r: r.slot)]
    assert errors == [None, "no_reply", None, None, None, None]
    assert [r.error for r in plant.of("m2")] == [None] * 6
    assert len(_requests(plant.port, 2)) == 6  # the other meter went on meanwhile
    assert sorted((r.meter, r.slot) for r in results) == [(m, s) for m in ("m1", "m2") for s in range(6)]


def test_the_fence_holds_for_the_next_poll_as_well() -> None:
    spec = with_meter(_meters(1)[0], retries=0)
    plant = Plant(FakePort(ModbusSlave(1, REGISTERS, in_turn([mute, sound]))), spec, every_ms=2_000)
    plant.run(7)
    first, second = _requests(plant.port, 1)[:2]
    assert second - first >= 4_000
    assert plant.results[0].error == "no_reply"
    assert plant.results[-1].error is None


@pytest.mark.parametrize("delay", [1_100, 1_700, 2_500, 3_900])
def test_a_late_reply_is_dropped(delay: int) -> None:
    """The first item's reply comes so late that it could meet the second item's request."""
    registers = {0: 111, 40: 222}
    slave = ModbusSlave(1, registers, in_turn([late(delay), sound]))
    spec = with_meter(modbus("m1", 1, [item("a", 0), item("b", 40)]), retries=0)
    plant = Plant(FakePort(slave), spec, every_ms=4_100)
    plant.run(8, after=4)
    values = [[str(s.value) for s in r.samples] for r in plant.results]
    assert values == [["None", "None"], ["111", "222"]]
    assert plant.bus.counters().line.dropped == 7


def test_wildcard_fences_the_whole_line() -> None:
    wild = dlt("wild", "AAAAAAAAAAAA", [VOLTAGE])
    plant = Plant(FakePort(ModbusSlave(1, REGISTERS)), wild, *_meters(1), every_ms=10_000)
    plant.run(9, after=8)
    first = plant.port.sent[0]
    assert first.data.endswith(b"\x16")
    assert plant.port.sent[1].start_ms - first.end_ms >= 1_000 + 3_000


def test_wildcard_answered_fences_others_that_may_answer_too() -> None:
    wild = dlt("wild", "AAAAAAAAAAAA", [VOLTAGE])

    class Any645(Meter645):
        def hear(self, request: bytes) -> list[tuple[float, bytes]]:
            exact = request.replace(b"\xaa" * 6, bytes.fromhex(self.address)[::-1])
            fixed = exact[:-2] + bytes((sum(exact[4:-2]) & 0xFF, 0x16))
            return list(Meter645.hear(self, fixed))

    port = FakePort(Any645("000000000012", {"02010100": "2312"}), ModbusSlave(1, REGISTERS))
    plant = Plant(port, wild, *_meters(1))
    plant.run(9)
    assert [(r.meter, r.error) for r in plant.results] == [("wild", None), ("m1", None)]
    assert port.sent[1].start_ms - port.sent[0].end_ms >= 3_000


def test_a_follow_up_never_loses_its_request_to_another_poll_of_the_meter() -> None:
    """Fast and slow of one meter do not take turns by exchange; those of different meters do."""
    two = dlt("a", "000000000001", [VOLTAGE, CURRENT, ENERGY])
    data = {"02010100": "2312", "02020100": "001000", "00010000": "00001234"}
    meters = [Meter645(f"00000000000{n}", data) for n in (1, 2)]
    port = FakePort(*meters)
    other = with_meter(two, id="b", address="000000000002")
    results: list[PollResult] = []
    bus = Bus(SERIAL, [two, other], port, results.append)
    for name in ("a", "b"):
        for poll in ("slow", "fast"):
            bus.submit(Job(name, poll, 1, port.now()))
    run(bus, port, port.now() + 5_000)
    assert [r.error for r in results] == [None] * 4
    for meter in meters:
        assert meter.heard in (
            ["00010000", "02010100", "02020100"],
            ["02010100", "02020100", "00010000"],
        )


# -- silent meters


def test_dead_meter_leaves_the_others_their_schedule() -> None:
    """1 of 8 dead: the other seven keep 0.95 of their rate and more."""
    slaves = [ModbusSlave(unit, REGISTERS, mute if unit == 4 else sound) for unit in range(1, 9)]
    plant = Plant(FakePort(*slaves), *_meters(8), every_ms=1_000)
    plant.run(600)
    for unit in (1, 2, 3, 5, 6, 7, 8):
        good = [r for r in plant.of(f"m{unit}") if r.error is None]
        assert len(good) >= 0.95 * 600
    dead = plant.of("m4")
    assert len(dead) in (599, 600)
    assert {r.error for r in dead} == {"no_reply"}
    assert plant.bus.state().silent == ("m4",)


def test_probes_of_a_silent_meter_are_spaced_out() -> None:
    plant = Plant(FakePort(ModbusSlave(1, REGISTERS, mute)), *_meters(1), every_ms=1_000)
    plant.run(700)
    asked = _requests(plant.port, 1)
    gaps = [b - a for a, b in pairwise(asked[5:])]  # three polls with one retry each come first
    assert [round(gap / 10_000) for gap in gaps][:7] == [1, 2, 4, 8, 12, 12, 12]
    unasked = [r for r in plant.results if r.error == "no_reply" and r.attempts == 0]
    assert all(not r.samples and not r.frames for r in unasked)
    assert len(unasked) > 600
    assert [r.slot for r in sorted(plant.results, key=lambda r: r.slot)] == list(range(len(plant.results)))


def test_slots_of_a_silent_meter_end_at_once() -> None:
    plant = Plant(FakePort(ModbusSlave(1, REGISTERS, mute)), *_meters(1), every_ms=10_000)
    plant.run(120)
    for result in plant.results:
        if result.attempts == 0:
            assert result.mono_ms - (plant.start + result.slot * 10_000) <= 1


def test_good_probe_restores_and_runs_the_poll() -> None:
    slave = ModbusSlave(1, REGISTERS, mute)
    plant = Plant(FakePort(slave), modbus("m1", 1, [FAST, item("u_b", 8)]), every_ms=5_000)
    plant.run(100)
    assert plant.bus.state().silent == ("m1",)
    slave.fault = sound
    slave.heard.clear()
    plant.results.clear()
    plant.run(130)
    back = next(r for r in plant.results if r.error is None)
    assert back.attempts == 3  # the probe and two ranges
    assert slave.heard[:3] == [(3, 0, 1), (3, 0, 1), (3, 8, 1)]
    assert [str(s.value) for s in back.samples] == ["1", "0"]
    after = plant.results[plant.results.index(back) :]
    assert {r.error for r in after} == {None}
    assert plant.bus.state().silent == ()


def test_a_persons_read_asks_a_silent_meter_at_once() -> None:
    slave = ModbusSlave(1, REGISTERS, mute)
    plant = Plant(FakePort(slave), modbus("m1", 1, [FAST, SLOW]), every_ms=10_000)
    plant.run(60)
    slave.fault = sound
    plant.results.clear()
    plant.bus.submit(Job("m1", "read", 0, plant.port.now(), token=77))
    run(plant.bus, plant.port, plant.port.now() + 5_000)
    (read,) = [r for r in plant.results if r.poll == "read"]
    assert (read.token, read.error, [str(s.value) for s in read.samples]) == (77, None, ["1", "7"])
    assert plant.bus.state().silent == ()


def test_refusals_are_a_sign_of_life() -> None:
    plant = Plant(FakePort(ModbusSlave(1, {})), *_meters(1), every_ms=1_000)
    results = plant.run(10)
    assert {r.error for r in results} == {"refused"}
    assert plant.bus.state().silent == ()


# -- a person's read


def test_read_goes_first_and_reads_both_classes() -> None:
    slaves = [ModbusSlave(unit, REGISTERS) for unit in range(1, 5)]
    specs = [modbus(f"m{unit}", unit, [FAST, SLOW]) for unit in range(1, 5)]
    plant = Plant(FakePort(*slaves), *specs, every_ms=60_000)
    plant.bus.step(plant.port.now())
    plant.submit_due(plant.port.now())
    plant.bus.submit(Job("m4", "read", 0, plant.port.now(), token=5))
    plant.run(2)
    first = plant.results[0]
    assert (first.meter, first.poll, first.token) == ("m4", "read", 5)
    assert [s.quantity for s in first.samples] == ["u_a", "ep_imp"]
    assert first.attempts == 2


def test_read_obeys_the_fence() -> None:
    slave = ModbusSlave(1, REGISTERS, in_turn([mute, sound]))
    plant = Plant(FakePort(slave), with_meter(_meters(1)[0], retries=0))
    plant.run(1.2)
    assert plant.results[0].error == "no_reply"
    plant.bus.submit(Job("m1", "read", 0, plant.port.now()))
    run(plant.bus, plant.port, plant.port.now() + 5_000)
    first, second = _requests(plant.port, 1)
    assert second - first >= 4_000


def test_read_of_a_dead_meter_gives_up_after_the_first_class() -> None:
    slave = ModbusSlave(1, REGISTERS, mute)
    plant = Plant(FakePort(slave), modbus("m1", 1, [FAST, SLOW]))
    plant.bus.submit(Job("m1", "read", 0, plant.port.now()))
    run(plant.bus, plant.port, plant.port.now() + 15_000)
    (read,) = plant.results
    assert (read.error, read.attempts) == ("no_reply", 2)
    assert {s.quantity: s.quality.value for s in read.samples} == {"u_a": "no_reply", "ep_imp": "no_reply"}


# -- slots that cannot be met


def test_overrun_ends_the_older_slot() -> None:
    plant = Plant(FakePort(ModbusSlave(1, REGISTERS, delay_ms=700)), *_meters(1), every_ms=300)
    results = plant.run(6, after=2)
    assert [r.slot for r in sorted(results, key=lambda r: r.slot)] == list(range(20))
    errors = [r.error for r in results]
    assert errors.count("overrun") > 5
    assert errors.count(None) > 5
    assert all(r.attempts == 0 for r in results if r.error == "overrun")


def test_a_slow_line_is_shared_fairly() -> None:
    """Twice as much as the line can carry: each meter gets its half, none starves."""
    count = 10
    slaves = [ModbusSlave(unit, REGISTERS, delay_ms=180) for unit in range(1, count + 1)]
    plant = Plant(FakePort(*slaves), *_meters(count), every_ms=1_000)
    plant.run(120)
    good = [sum(r.error is None for r in plant.of(meter)) for meter in plant.meters]
    assert min(good) >= 0.8 * max(good)
    assert max(good) < 0.6 * 120


def test_slots_submitted_early_wait_for_their_time() -> None:
    port = FakePort(ModbusSlave(1, REGISTERS))
    results: list[PollResult] = []
    bus = Bus(SERIAL, _meters(1), port, results.append)
    start = port.now()
    for slot in range(5):
        bus.submit(Job("m1", "fast", slot, start + slot * 1_000))
    run(bus, port, start + 5_000)
    assert [r.error for r in results] == [None] * 5
    assert [round((r.mono_ms - start) / 1_000) for r in results] == [0, 1, 2, 3, 4]


def test_the_queue_is_bounded() -> None:
    port = FakePort(ModbusSlave(1, REGISTERS))
    results: list[PollResult] = []
    bus = Bus(SERIAL, _meters(1), port, results.append)
    for token in range(100):
        bus.submit(Job("m1", "read", 0, port.now(), token))
    bus.step(port.now())
    assert [(r.token, r.error) for r in results[:-1]] == [(token, "overrun") for token in range(68)]


def test_jobs_for_strangers_are_refused() -> None:
    bus = Bus(SERIAL, _meters(1), FakePort(), lambda result: None)
    with pytest.raises(DriverError, match="no meter m9"):
        bus.submit(Job("m9", "fast", 0, 0))
    with pytest.raises(DriverError, match="no driver"):
        Bus(SERIAL, [with_meter(_meters(1)[0], protocol="pigeon")], FakePort(), lambda result: None)


# -- the port


def test_vanished_port_ends_what_is_due_and_is_opened_again() -> None:
    port = FakePort(ModbusSlave(1, REGISTERS), ModbusSlave(2, REGISTERS))
    plant = Plant(port, *_meters(2), every_ms=1_000)
    plant.run(5)
    port.gone = True
    plant.run(20)
    state = plant.bus.state()
    assert (state.open, state.code, dict(state.facts)) == (
        False,
        "SBX-SER-001",
        {"port": "fake", "reason": "gone"},
    )
    port.gone = False
    plant.run(30, after=5)
    for meter in ("m1", "m2"):
        errors = [r.error for r in plant.of(meter)]
        lost = errors.count("port")
        assert 20 <= lost <= 40
        assert set(errors[:5]) == {None}
        assert errors[5 : 5 + lost] == ["port"] * lost
        assert set(errors[5 + lost :]) == {None}
        assert len(errors) == 55
    assert plant.bus.state().open
    assert plant.bus.state().code == ""
    assert plant.bus.counters().reopen == 1
    assert port.asked == [MODBUS_LINE] * 2, "a port opened again has lost its settings"


def test_an_exchange_makes_the_waits_begin_anew() -> None:
    port = FakePort(ModbusSlave(1, REGISTERS))
    plant = Plant(port, *_meters(1), every_ms=1_000)
    gaps = []
    for _ in range(3):
        plant.run(5)
        port.gone = True
        while plant.bus.state().open:
            plant.run(0.1)
        gone_ms = port.now()
        port.gone = False
        while not plant.bus.state().open:
            plant.run(0.1)
        gaps.append(port.now() - gone_ms)
    assert 900 <= min(gaps) <= max(gaps) <= 1_100, gaps


def test_waits_between_attempts_to_open_grow() -> None:
    port = FakePort()
    port.gone = True
    tried: list[int] = []
    plain = port.open

    def count() -> None:
        tried.append(port.now())
        plain()

    port.open = count  # type: ignore[method-assign]  # the test listens at the door
    plant = Plant(port, *_meters(1))
    plant.run(150)
    gaps = [b - a for a, b in pairwise(tried)]
    assert gaps[:6] == [1_000, 2_000, 4_000, 8_000, 16_000, 30_000]
    assert max(gaps) == 30_000
    assert {r.error for r in plant.results} == {"port"}


def test_port_lost_in_an_exchange() -> None:
    port = FakePort(ModbusSlave(1, REGISTERS, mute))
    plant = Plant(port, *_meters(1))
    port.vanish_at = port.now() + 500
    plant.run(1)
    (result,) = plant.results
    assert (result.error, result.attempts, [f.way for f in result.frames]) == ("port", 1, [">"])
    assert [s.quality.value for s in result.samples] == ["no_reply"]


def test_what_was_read_before_the_port_went_counts() -> None:
    port = FakePort(ModbusSlave(1, {0: 1, 40: 2}))
    plant = Plant(port, modbus("m1", 1, [item("a", 0), item("b", 40)]))
    port.vanish_at = port.now() + 110
    plant.run(1)
    (result,) = plant.results
    assert (result.error, [s.quality.value for s in result.samples]) == (None, ["good", "no_reply"])


def _until_the_port_goes(items: list[DltItem], *faults: Fault) -> tuple[PollResult, list[str]]:
    """A poll whose port goes with the request behind these: its result, and the qualities of its samples."""

    def pulled(request: bytes, replies: Replies) -> Replies:
        del request
        port.gone = True
        return replies

    told = {"02010100": "2312", "02800002": "5043"}
    port = FakePort(Meter645("000000000012", told, in_turn([*faults, pulled])))
    (result,) = Plant(port, dlt("kiln", "000000000012", items)).run(1)
    return result, [sample.quality.value for sample in result.samples]


def test_a_port_that_goes_in_a_second_read_leaves_what_was_not_doubted() -> None:
    result, qualities = _until_the_port_goes([VOLTAGE, FREQUENCY], sound, spoilt)
    assert (result.error, result.attempts, qualities) == (None, 3, ["good", "invalid"])


def test_a_doubted_value_is_not_believed_because_the_port_went() -> None:
    result, qualities = _until_the_port_goes([FREQUENCY, VOLTAGE], spoilt)
    assert (result.error, result.attempts, qualities) == ("port", 2, ["invalid", "no_reply"])


def test_a_poll_behind_its_fence_ends_with_the_port() -> None:
    port = FakePort(ModbusSlave(1, REGISTERS, mute), ModbusSlave(2, REGISTERS))
    plant = Plant(port, *_meters(2), every_ms=2_000)
    plant.run(1.5)  # m1 timed out and waits
    port.gone = True
    plant.run(1)
    assert [r.error for r in plant.of("m1")] == ["port", "port"]


def test_refused_settings_close_the_port() -> None:
    port = FakePort(ModbusSlave(1, REGISTERS))
    port.refuse_settings = True
    plant = Plant(port, *_meters(1))
    plant.run(1)
    assert (plant.bus.state().code, plant.results[0].error) == ("SBX-SER-006", "port")
    port.refuse_settings = False
    plant.results.clear()
    plant.run(20)
    assert [r.error for r in plant.results] == [None, None]


def test_a_port_that_opens_and_fails_again_is_tried_less_and_less() -> None:
    port = FakePort(ModbusSlave(1, REGISTERS))
    port.refuse_settings = True
    plant = Plant(port, *_meters(1), every_ms=1_000)
    plant.run(300)
    assert port.opens <= 16


def test_port_faults_do_not_make_a_meter_silent() -> None:
    port = FakePort(ModbusSlave(1, REGISTERS))
    port.gone = True
    plant = Plant(port, *_meters(1), every_ms=1_000)
    plant.run(60)
    assert plant.bus.state().silent == ()


# -- what was learnt, what is shown


def test_declined_blocks_are_learnt_and_may_be_preset() -> None:
    slave = ModbusSlave(1, {0: 1, 1: 2}, holes=frozenset())
    spec = modbus("m1", 1, [item("a", 0), item("hole", 1), item("b", 2)])
    plant = Plant(FakePort(slave), spec)
    plant.run(25)
    assert plant.bus.unsupported() == {"m1": {"03:0x0000+3"}}
    assert [count for _, _, count in slave.heard] == [3, 1, 1, 1] * 2 + [1, 1, 1], "refused twice: learnt"
    again = Plant(FakePort(slave), spec)
    again.bus.preset({"m1": frozenset({"03:0x0000+3"}), "gone": frozenset({"x"})})
    slave.heard.clear()
    again.run(1)
    assert [count for _, _, count in slave.heard] == [1, 1, 1]


def test_a_block_refused_once_is_asked_for_again() -> None:
    """A damaged reply may look like a refusal."""
    slave = ModbusSlave(1, REGISTERS | {0: 1, 1: 2, 2: 3})
    whole = dict(slave.registers)
    slave.registers = {0: 1, 2: 3}
    spec = modbus("m1", 1, [item("a", 0), item("hole", 1), item("b", 2)])
    plant = Plant(FakePort(slave), spec)
    plant.run(5)
    slave.registers = whole
    slave.heard.clear()
    plant.run(25)
    assert [count for _, _, count in slave.heard] == [3, 3]
    assert plant.bus.unsupported() == {"m1": frozenset()}


def _silent_on(*dis: str) -> Fault:
    """A meter that says nothing, and not D1, when it is asked for one of these."""
    unknown = {bytes((byte + 0x33) & 0xFF for byte in bytes.fromhex(di)[::-1]) for di in dis}

    def fault(request: bytes, replies: Replies) -> Replies:
        return () if request.lstrip(b"\xfe")[10:14] in unknown else replies

    return fault


def test_a_meter_that_is_silent_on_its_first_block_is_read_item_by_item() -> None:
    data = {"02010100": "2301", "02010200": "2302", "02010300": "2303"}
    device = Meter645("000000000077", data, _silent_on("0201FF00"))
    volts = [DltItem(quantity=f"u_{p}", di=f"02010{n}00", format="XXX.X") for n, p in enumerate("abc", 1)]
    spec = dlt("d", "000000000077", volts)
    block = DltBlock(di="0201FF00", items=("02010100", "02010200", "02010300"))
    spec = MeterSpec(spec.meter, replace(spec.profile, blocks=(block,)))
    plant = Plant(FakePort(device), spec)
    plant.run(300)
    assert plant.bus.unsupported() == {"d": {"0201FF00"}}
    errors = [result.error for result in plant.results]
    assert errors[0] == "no_reply"
    assert errors[-10:] == [None] * 10
    assert [str(sample.value) for sample in plant.results[-1].samples] == ["230.1", "230.2", "230.3"]


def test_a_meter_that_comes_and_goes_keeps_its_blocks() -> None:
    """Silence of the whole meter says nothing of its blocks."""
    data = {"0201FF00": "230323022301", "02010100": "2301"}
    volts = [DltItem(quantity=f"u_{p}", di=f"02010{n}00", format="XXX.X") for n, p in enumerate("abc", 1)]
    spec = dlt("d", "000000000077", volts)
    block = DltBlock(di="0201FF00", items=("02010100", "02010200", "02010300"))
    spec = MeterSpec(spec.meter, replace(spec.profile, blocks=(block,)))
    device = Meter645("000000000077", data)
    plant = Plant(FakePort(device), spec)
    for _ in range(6):
        plant.run(30)
        device.fault = mute
        plant.run(30)
        device.fault = sound
    assert plant.bus.unsupported() == {"d": frozenset()}


def test_state_and_counters() -> None:
    slaves = [ModbusSlave(1, REGISTERS), ModbusSlave(2, REGISTERS, mute)]
    plant = Plant(FakePort(*slaves), *_meters(2))
    plant.run(8)
    state, counters = plant.bus.state(), plant.bus.counters()
    assert (state.open, state.code, state.notice) == (True, "", "")
    assert dict(state.last_good_ms) == {"m1": plant.of("m1")[0].mono_ms}
    assert counters.meters["m1"] == replace(counters.meters["m1"], good=1, timeouts=0)
    assert (counters.meters["m2"].good, counters.meters["m2"].timeouts) == (0, 2)
    assert (counters.line.good, counters.line.timeouts, counters.reopen) == (1, 2, 0)


def test_meter_without_items_of_a_class_ends_its_slot() -> None:
    plant = Plant(FakePort(ModbusSlave(1, REGISTERS)), modbus("m1", 1, [SLOW]))
    plant.run(1)
    assert [(r.error, r.attempts, r.samples) for r in plant.results] == [(None, 0, ())]


# -- values that cannot be


def test_a_value_that_cannot_be_is_read_once_more_in_the_same_poll() -> None:
    """One result, with both replies."""
    meter = Meter645("000000000012", {"02800002": "5043"}, in_turn([spoilt, sound]))
    plant = Plant(FakePort(meter), dlt("kiln", "000000000012", [FREQUENCY]))
    (result,) = plant.run(9)
    assert [str(sample.value) for sample in result.samples] == ["50.43"]
    assert (result.error, result.attempts, len(plant.port.sent)) == (None, 2, 2)
    assert plant.bus.counters().meters["kiln"].doubted == 1


def test_what_the_first_read_was_declined_the_second_does_not_ask_for() -> None:
    volts = [f"0201{n:02}00" for n in (1, 2, 3)]
    items = [
        *(
            DltItem(quantity=f"u_{phase}", di=di, format="XXX.X")
            for phase, di in zip("abc", volts, strict=True)
        ),
        FREQUENCY,
    ]
    known = dlt("kiln", "000000000012", items)
    block = DltBlock(di="0201FF00", items=tuple(volts))
    spec = replace(known, profile=replace(known.profile, blocks=(block,)))
    told = dict.fromkeys(volts, "2312") | {"02800002": "5043"}
    meter = Meter645("000000000012", told, in_turn([*[sound] * 4, spoilt, sound]))
    plant = Plant(FakePort(meter), spec)
    (result,) = plant.run(9)
    assert [str(sample.value) for sample in result.samples] == ["231.2", "231.2", "231.2", "50.43"]
    assert meter.heard == ["0201FF00", *volts, "02800002", *volts, "02800002"]
