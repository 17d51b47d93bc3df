"""The half-duplex line in virtual time: when bytes come, who stays silent, what is garbled."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from drivers.simulated.feed import Registers, start
from drivers.simulated.meter import Meter
from drivers.simulated.plantfile import MeterSpec, parse
from drivers.simulated.reply import Reply
from drivers.simulated.slave645 import encode, hunt
from drivers.simulated.slavemodbus import rtu, take_rtu
from drivers.simulated.wire import Wire, silence_ns

MS = 1_000_000
PLANT = """
bus = [{ id = "b1" }]
meter = [
  { id = "kiln", bus = "b1", protocol = "dlt645-2007", address = "000000000012", model = "dlt645-2007", line = "2400 8E1" },
  { id = "fan", bus = "b1", protocol = "dlt645-2007", address = "000000000013", model = "dlt645-2007", line = "2400 8E1", delay_ms = 40 },
  { id = "press", bus = "b1", protocol = "modbus-rtu", address = "3", model = "chint-dtsu666", line = "9600 8N1", delay_ms = 10 },
]
"""  # noqa: E501 - one meter a line
CHAR_645 = 11 * 1_000_000_000 // 2400
CHAR_RTU = 10 * 1_000_000_000 // 9600
READ_RTU = rtu(3, bytes.fromhex("0320060006"))


def read645(address: str, di: str = "02010100") -> bytes:
    return encode(bytes.fromhex(address)[::-1], 0x11, bytes.fromhex(di)[::-1], preamble=4)


def meter(spec: MeterSpec) -> Meter:
    feed = start((), phases=3, nominal_v=230, seed=0.1, base=Registers(1, 2, 3, 4))
    return Meter(spec, feed, lambda: 0.0, anchor_ms=0, utc_offset_s=28800)


@dataclass
class Rig:
    """A wire and a clock that jumps from one due time to the next; ``got``: (ns, bytes) as delivered."""

    wire: Wire
    truth: list[tuple[str, Reply, tuple[str, ...]]]
    now: int = 10**12
    got: list[tuple[int, bytes]] = field(default_factory=list)

    def say(self, data: bytes, baud: int | None) -> int:
        self.wire.hear(data, self.now, baud)
        return self.now

    def run(self, until: int | None = None) -> bytes:
        self.got.clear()
        while (due := self.wire.next_ns()) is not None and (until is None or due <= until):
            assert due > self.now or not self.got, "no busy loop"
            self.now = max(self.now, due)
            data = self.wire.step(self.now)
            if data:
                self.got.append((self.now, data))
        if until is not None:
            self.now = until
        return b"".join(data for _, data in self.got)

    def meter(self, name: str) -> Meter:
        return next(one for one in self.wire.meters if one.spec.id == name)


def rig(**options: bool) -> Rig:
    spec = parse(PLANT, Path())
    truth: list[tuple[str, Reply, tuple[str, ...]]] = []
    meters = [meter(one) for one in spec.meters]
    wire = Wire(
        meters,
        lambda one, reply, faults: truth.append((one.spec.id, reply, faults)),
        random.Random(1),
        **options,
    )
    return Rig(wire, truth)


def test_dlt645_bytes_come_in_their_time() -> None:
    line = rig()
    began = line.say(read645("000000000012"), 2400)
    reply = line.run()
    assert hunt(reply)[0] is not None
    first = began + 20 * CHAR_645 + 30 * MS
    assert [at for at, _ in line.got] == [first + (n + 1) * CHAR_645 for n in range(len(reply))]


def test_modbus_waits_for_silence_and_its_delay() -> None:
    line = rig()
    began = line.say(READ_RTU, 9600)
    reply = line.run()
    assert take_rtu(reply) is not None
    frame_end = began + len(READ_RTU) * CHAR_RTU
    last = frame_end + silence_ns(CHAR_RTU, 9600) + 10 * MS + len(reply) * CHAR_RTU
    assert line.got[-1][0] == last
    for count, (at, _) in enumerate(line.got, start=1):
        assert at >= last - (len(line.got) - count) * CHAR_RTU


def test_silence_above_19200_is_fixed() -> None:
    assert silence_ns(CHAR_RTU, 9600) == CHAR_RTU * 7 // 2
    assert silence_ns(10**9 * 10 // 115200, 115200) == 1_750_000


def test_wakes_no_more_than_once_a_millisecond() -> None:
    line = rig(check_baud=False)
    fast = MeterSpec(
        id="x",
        bus="b1",
        protocol="modbus-rtu",
        address="3",
        model="chint-dtsu666",
        line=line.meter("press").spec.line.parse("115200 8N1"),
    )
    line.wire.meters = [meter(fast)]
    line.say(rtu(3, bytes.fromhex("0320060032")), 115200)
    reply = line.run()
    assert len(reply) == 105
    assert len(line.got) <= 10
    assert line.got[-1][0] - line.got[0][0] < 105 * 10 * 10**9 / 115200


def test_meters_take_turns_on_one_line() -> None:
    line = rig()
    for address in ("000000000012", "000000000013"):
        line.say(read645(address), 2400)
        assert line.run()[4:].startswith(b"\x68" + bytes.fromhex(address)[::-1])
        line.now += 50 * MS
        line.say(READ_RTU, 9600)
        assert take_rtu(line.run()) is not None
        line.now += 50 * MS
    assert [name for name, _, _ in line.truth] == ["kiln", "press", "fan", "press"]
    assert line.wire.counters.broken_silence == 0


@pytest.mark.parametrize("baud", [1200, 4800, 9600])
def test_a_wrong_rate_is_noise(baud: int) -> None:
    line = rig()
    line.say(read645("000000000012"), baud)
    assert line.run() == b""


def test_without_rate_check_any_rate_is_heard() -> None:
    line = rig(check_baud=False)
    line.say(read645("000000000012"), 38400)
    assert hunt(line.run())[0] is not None


def test_foreign_addresses_get_silence() -> None:
    line = rig()
    line.say(read645("000000000099"), 2400)
    assert line.run() == b""
    line.say(rtu(4, bytes.fromhex("0320060006")), 9600)
    assert line.run() == b""
    assert line.truth == []


def test_a_request_too_soon_is_not_heard_by_modbus() -> None:
    line = rig()
    line.say(READ_RTU, 9600)
    line.run()
    line.now += 3 * CHAR_RTU
    line.say(READ_RTU, 9600)
    assert line.run() == b""
    assert line.wire.counters.broken_silence == 1
    line.now += 4 * CHAR_RTU
    line.say(READ_RTU, 9600)
    assert line.run() != b""


def test_silence_is_not_enforced_unless_strict() -> None:
    line = rig(strict=False)
    line.say(READ_RTU, 9600)
    line.run()
    line.now += CHAR_RTU
    line.say(READ_RTU, 9600)
    assert line.run() != b""
    assert line.wire.counters.broken_silence == 1


def test_a_request_in_pieces_is_one_frame_until_a_silence() -> None:
    line = rig()
    began = line.say(READ_RTU[:3], 9600)
    line.run(until=began + 4 * CHAR_RTU)
    line.say(READ_RTU[3:], 9600)
    assert take_rtu(line.run()) is not None
    began = line.now = line.now + 50 * MS
    line.say(READ_RTU[:3], 9600)
    line.run(until=began + 8 * CHAR_RTU)
    line.say(READ_RTU[3:], 9600)
    assert line.run() == b""
    assert line.wire.counters.noise_bytes == len(READ_RTU)


def test_dlt645_pieces_may_be_half_a_second_apart() -> None:
    line = rig()
    frame = read645("000000000012")
    for gap_ms, answered in ((450, True), (650, False)):
        began = line.say(frame[:9], 2400)
        line.run(until=began + 9 * CHAR_645 + gap_ms * MS)
        line.say(frame[9:], 2400)
        assert (line.run() != b"") is answered
        line.now += 1000 * MS


def test_two_meters_on_a_wildcard_garble_each_other() -> None:
    line = rig()
    line.say(read645("aaaaaaaaaaaa"), 2400)
    assert hunt(line.run())[0] is None
    assert line.wire.counters.collisions > 0
    assert len(line.truth) == 2
    line.meter("fan").faults.unplugged = True
    line.now += 1000 * MS
    line.say(read645("aaaaaaaaaaaa"), 2400)
    found, _ = hunt(line.run())
    assert found is not None
    assert found.address == bytes.fromhex("000000000012")[::-1]


def test_speaking_into_a_reply_spoils_both() -> None:
    line = rig()
    began = line.say(read645("000000000012", "0203FF00"), 2400)
    line.run(until=began + 30 * CHAR_645 + 30 * MS)
    line.say(read645("000000000013"), 2400)
    assert hunt(line.run())[0] is None
    assert [name for name, _, _ in line.truth] == ["kiln"]


def test_a_late_reply_comes_when_it_comes() -> None:
    line = rig()
    faults = line.meter("press").faults
    faults.late_ms, faults.late_left = 2500, 1
    began = line.say(READ_RTU, 9600)
    assert line.run(until=began + 2000 * MS) == b""
    line.say(read645("000000000012"), 2400)
    line.run()
    assert [(name, faults) for name, _, faults in line.truth] == [("kiln", ()), ("press", ("late",))]
    line.now += 50 * MS
    line.say(READ_RTU, 9600)
    line.run()
    assert line.truth[-1][2] == ()


def test_unplugged_and_without_supply() -> None:
    line = rig()
    press = line.meter("press")
    for part in ("unplugged", "silent"):
        setattr(press.faults if part == "unplugged" else press, part, True)
        line.say(READ_RTU, 9600)
        assert line.run() == b""
        setattr(press.faults if part == "unplugged" else press, part, False)
        line.now += 50 * MS
        line.say(READ_RTU, 9600)
        assert line.run() != b""
        line.now += 50 * MS


def test_the_reader_hears_itself() -> None:
    line = rig(echo=True)
    line.say(READ_RTU, 9600)
    heard = line.run()
    assert heard.startswith(READ_RTU)
    assert take_rtu(heard[len(READ_RTU) :]) is not None
    assert line.wire.counters.collisions == 0


@pytest.mark.parametrize("fault", ["flip", "noise", "drop", "cut", "double"])
def test_spoilt_replies_are_named(fault: str) -> None:
    line = rig()
    line.say(READ_RTU, 9600)
    good = line.run()
    setattr(line.meter("press").faults, fault, 1000)
    spoilt = set()
    for _ in range(20):
        line.now += 50 * MS
        line.say(READ_RTU, 9600)
        spoilt.add(line.run())
        assert line.truth[-1][2] == (fault,)
    assert good not in spoilt
    if fault == "double":
        assert spoilt == {good + good}


def test_permilles_are_shares() -> None:
    line = rig()
    line.meter("press").faults.drop = 300
    answered = 0
    for _ in range(400):
        line.say(READ_RTU, 9600)
        answered += line.run() != b""
        line.now += 50 * MS
    assert 240 <= answered <= 320


def test_a_pulled_adapter_forgets() -> None:
    line = rig()
    line.say(READ_RTU, 9600)
    line.wire.silence()
    assert line.wire.next_ns() is None
    assert line.run() == b""


@pytest.mark.parametrize("seed", range(5))
def test_noise_never_raises(seed: int) -> None:
    rng = random.Random(seed)
    line = rig()
    for _ in range(100):
        data = rng.randbytes(rng.randrange(1, 300)) if rng.random() < 0.7 else READ_RTU[: rng.randrange(1, 9)]
        line.say(data, rng.choice((2400, 9600, None)))
        line.run(until=line.now + rng.randrange(200) * MS)
    line.run()
    line.now += 1000 * MS
    line.say(READ_RTU, 9600)
    assert take_rtu(line.run()) is not None, f"seed {seed}"


def test_a_bus_without_meters_is_only_silent() -> None:
    wire = Wire((), lambda *_: None, random.Random(1))
    wire.hear(READ_RTU, 10**12, None)
    assert wire.step(10**12 + 10**9) == b""
