"""One exchange on the line, in virtual time: settings, silence, echo, noise, wake-ups."""

from __future__ import annotations

import pytest

from config.site import Line
from drivers.bus import Bus, Job
from drivers.exchange import MeterSpec
from drivers.samples import PollResult, WireFrame
from tests.support.line import FakePort, Fault, Meddler, Meter645, ModbusSlave, TcpSlave, flipped, led_by
from tests.support.specs import (
    DLT_LINE,
    MODBUS_LINE,
    SERIAL,
    TCP,
    VOLTAGE,
    dlt,
    item,
    modbus,
    with_meter,
)

SPEC = modbus("kiln", 5, [item("u_a", 0), item("u_b", 1)])
REGISTERS = {0: 2312, 1: 2298}


class Bench:
    """A bus on a fake line and what it emitted."""

    def __init__(self, port: FakePort, *specs: MeterSpec) -> None:
        self.port = port
        self.results: list[PollResult] = []
        self.trace: list[tuple[str, WireFrame]] = []
        config = SERIAL if port.serial_line else TCP
        self.bus = Bus(config, specs, port, self.results.append, lambda m, f: self.trace.append((m, f)))

    def poll(self, *meters: str) -> list[PollResult]:
        """Poll each meter in turn, each until its result is there."""
        for slot, meter in enumerate(meters):
            before = len(self.results)
            self.bus.submit(Job(meter, "fast", slot, self.port.now()))
            for _ in range(50):
                due = self.bus.step(self.port.now())
                if len(self.results) > before:
                    break
                self.port.advance(due)
        return self.results


def _values(result: PollResult) -> list[str]:
    return [str(sample.value) for sample in result.samples]


def test_a_good_exchange() -> None:
    slave = ModbusSlave(5, REGISTERS)
    bench = Bench(FakePort(slave), SPEC)
    (result,) = bench.poll("kiln")
    assert (result.error, result.attempts, _values(result)) == (None, 1, ["2312", "2298"])
    assert [frame.way for frame in result.frames] == [">", "<"]
    assert result.frames[0].data == bench.port.sent[0].data
    assert bench.trace == [("kiln", frame) for frame in result.frames]
    assert result.mono_ms == bench.port.now()
    assert bench.port.asked == [MODBUS_LINE]


def test_reply_costs_few_wakeups() -> None:
    """Sleep until the rest is due, not byte by byte: 60 registers are 125 characters."""
    items = [item(f"q{n}", n) for n in range(60)]
    slave = ModbusSlave(5, dict.fromkeys(range(60), 1))
    bench = Bench(FakePort(slave), modbus("kiln", 5, items))
    bench.poll("kiln")
    bench.port.wakeups = 0
    bench.poll("kiln")
    assert bench.port.wakeups <= 4


def test_line_is_used_to_its_limit() -> None:
    """A transaction takes its wire time, the meter's delay and the silence, and hardly more."""
    slave = ModbusSlave(5, REGISTERS)
    bench = Bench(FakePort(slave), SPEC)
    bench.poll("kiln")
    start = bench.port.sent[0].start_ms
    bench.poll(*["kiln"] * 50)
    spent = (bench.port.sent[-1].start_ms - start) / 50
    limit = MODBUS_LINE.seconds(8 + 9 + 3.5) * 1000 + 20
    assert limit - 1e-6 <= spent <= limit / 0.985


def test_silence_is_never_shorter_than_asked_for() -> None:
    slave = ModbusSlave(5, REGISTERS, fault=led_by(b"\0"))
    bench = Bench(FakePort(slave), SPEC, with_meter(SPEC, id="slow", gap_ms=35))
    bench.poll(*["kiln", "slow", "slow", "kiln"] * 5)
    three_and_a_half = round(MODBUS_LINE.seconds(3.5) * 1000, 6)
    assert min(sent.silence_ms for sent in bench.port.sent[1:]) >= three_and_a_half
    slow = [s.silence_ms for s, r in zip(bench.port.sent, bench.results, strict=True) if r.meter == "slow"]
    assert min(slow) >= 35


@pytest.mark.parametrize(("baud", "silence"), [(9600, 3.64), (19200, 1.82), (38400, 1.75), (115200, 1.75)])
def test_silence_by_baud(baud: int, silence: float) -> None:
    """MODBUS over Serial Line V1.02, 2.5.1.1: 3.5 characters, 1.75 ms above 19200 baud."""
    spec = with_meter(SPEC, line=Line(baud, 8, "N", 1))
    bench = Bench(FakePort(ModbusSlave(5, REGISTERS)), spec)
    bench.poll(*["kiln"] * 4)
    silences = [sent.silence_ms for sent in bench.port.sent[1:]]
    assert silence <= min(silences)
    assert max(silences) < silence + 1.5


def test_mixed_line_changes_settings_and_keeps_quiet() -> None:
    meter = Meter645("000000000012", {"02010100": "2312"})
    other = dlt("press", "000000000012", [VOLTAGE])
    bench = Bench(FakePort(ModbusSlave(5, REGISTERS), meter), SPEC, other)
    results = bench.poll("kiln", "press", "press", "kiln", "kiln")
    assert [r.error for r in results] == [None] * 5
    assert [sent.line for sent in bench.port.sent] == [
        MODBUS_LINE,
        DLT_LINE,
        DLT_LINE,
        MODBUS_LINE,
        MODBUS_LINE,
    ]
    assert bench.port.asked == [MODBUS_LINE, DLT_LINE, MODBUS_LINE]  # only when they change
    silences = [sent.silence_ms for sent in bench.port.sent]
    assert silences[1] >= 50
    assert 20 <= silences[2] < 45  # the driver allows for four FE before a reply
    assert silences[3] >= 50
    assert silences[4] < 6


def test_echo_is_removed() -> None:
    bench = Bench(FakePort(ModbusSlave(5, REGISTERS), echo=True), SPEC)
    results = bench.poll(*["kiln"] * 3)
    assert [_values(r) for r in results] == [["2312", "2298"]] * 3
    counters = bench.bus.counters().meters["kiln"]
    assert (counters.echo, counters.good, counters.dropped) == (3, 3, 0)
    assert [frame.way for frame in results[0].frames] == [">", "?", "<"]


@pytest.mark.parametrize("unit", [1, 2, 5, 12, 20, 128, 247])
@pytest.mark.parametrize("junk", [b"\x00", b"\xff", b"\x00\xff\x00", b"\x68\x16\xfe"])
def test_glitch_bytes_do_not_cost_the_reply(unit: int, junk: bytes) -> None:
    spec = modbus("kiln", unit, [item("u_a", 0)])
    bench = Bench(FakePort(ModbusSlave(unit, REGISTERS, fault=led_by(junk))), spec)
    (result,) = bench.poll("kiln")
    assert (result.error, result.attempts) == (None, 1)
    assert [(f.way, f.data) for f in result.frames[1:2]] == [("?", junk)]
    assert bench.bus.counters().line.dropped == len(junk)


def test_foreign_frames_are_counted_and_dropped() -> None:
    bench = Bench(FakePort(Meddler(), ModbusSlave(5, REGISTERS, delay_ms=40)), SPEC)
    (result,) = bench.poll("kiln")
    assert (_values(result), bench.bus.counters().meters["kiln"].foreign) == (["2312", "2298"], 1)


def _garbled() -> list[tuple[Fault, str]]:
    return [
        (flipped(), "garbled"),
        (lambda request, replies: [(20.0, b"\x00")], "no_reply"),  # the turn-round of a dead line
        (lambda request, replies: [(20.0, b"\x00\xff" * 6)], "garbled"),
        (lambda request, replies: [(d, r[:5]) for d, r in replies], "garbled"),
        (lambda request, replies: (), "no_reply"),
    ]


@pytest.mark.parametrize(("fault", "error"), _garbled())
def test_silence_and_noise_are_told_apart(fault: Fault, error: str) -> None:
    bench = Bench(FakePort(ModbusSlave(5, REGISTERS, fault=fault)), SPEC)
    (result,) = bench.poll("kiln")
    assert (result.error, result.attempts) == (error, 2)
    assert {sample.quality.value for sample in result.samples} == {error}


def test_bytes_from_before_never_meet_a_request() -> None:
    """A sound frame that lies in the buffer when the request goes out is nobody's reply."""
    slave = ModbusSlave(5, REGISTERS)
    bench = Bench(FakePort(slave), SPEC)
    bench.poll("kiln")
    old = bench.results[0].frames[-1].data
    bench.port.say(1.0, old.replace(b"\x09\x08", b"\x00\x00"))
    bench.port.say(2.0, old)
    bench.port.advance(bench.port.now() + 1_000)
    (_, result) = bench.poll("kiln")
    assert (result.error, _values(result)) == (None, ["2312", "2298"])
    assert bench.bus.counters().line.dropped == 18
    assert bench.bus.counters().meters["kiln"].dropped == 0
    assert [frame.way for frame in result.frames] == ["?", ">", "<"]


def test_a_line_that_never_falls_silent_gets_no_request() -> None:
    bench = Bench(FakePort(ModbusSlave(5, REGISTERS)), SPEC)
    bench.poll("kiln")
    bench.port.say(0, b"\x55" * 9_000)
    (_, result) = bench.poll("kiln")
    assert (result.error, result.attempts, len(bench.port.sent)) == ("garbled", 0, 1)


def test_a_reply_under_way_at_the_timeout_is_heard_to_its_end() -> None:
    """The length of a DL/T 645 reply is only a guess: a longer one may end after the time is up."""
    spec = with_meter(dlt("press", "000000000012", [VOLTAGE]), reply_timeout_s=0.1)
    meter = Meter645("000000000012", {"02010100": "2312"}, delay_ms=95, preamble=b"\xfe" * 30)
    bench = Bench(FakePort(meter), spec)
    (result,) = bench.poll("press")
    assert (result.error, result.attempts) == (None, 1)


def test_tcp_needs_no_silence_and_no_settings() -> None:
    spec = modbus("kiln", 5, [item("u_a", 0)], protocol="modbus-tcp")
    bench = Bench(FakePort(TcpSlave(ModbusSlave(5, REGISTERS)), serial_line=False), spec)
    results = bench.poll(*["kiln"] * 5)
    assert [r.error for r in results] == [None] * 5
    assert max(sent.silence_ms for sent in bench.port.sent[1:]) == 0
    assert bench.port.asked == []
