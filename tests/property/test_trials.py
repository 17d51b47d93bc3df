"""Ten thousand exchanges on bad lines, in virtual time: late replies, damaged replies, a dead meter.

Every value that comes out is compared with what the meter gave to the newest request for that very item.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

import pytest

from config.site import Line
from drivers.backoff import METER
from drivers.bus import Bus, Job
from drivers.samples import PollResult
from tests.support.counted import ADDRESSES, Ledger, meter, misbooked, spec
from tests.support.line import FakePort, Fault, Meter645, ModbusSlave, Replies, crc, mute, run, sound
from tests.support.specs import SERIAL, VOLTAGE, dlt, item, modbus, with_meter

SEEDS = [pytest.param(n, marks=[pytest.mark.slow] if n > 1 else []) for n in range(10)]
EXCHANGES = 1_000  # of each protocol and seed: 10 000 in all
PERIOD_MS = 2_000
LINES = {"modbus-rtu": ("modbus1", "modbus2"), "dlt645-2007": ("dlt1", "dlt2"), "mixed": tuple(ADDRESSES)}


@dataclass(slots=True)
class Trial:
    """Meters polled every two seconds on one line until enough was asked."""

    names: tuple[str, ...]
    fault: Callable[[str], Fault]
    check: Callable[[PollResult, Ledger], None]
    ledger: Ledger = field(default_factory=Ledger)
    values: int = 0

    def run(self, exchanges: int) -> FakePort:
        """Poll until so many requests went out."""
        port = FakePort(*(meter(name, self.ledger, self.fault(name)) for name in self.names))
        bus = Bus(SERIAL, [spec(name) for name in self.names], port, self._take)
        while len(port.sent) < exchanges:
            now_ms = port.now()
            for name in self.names:
                bus.submit(Job(name, "fast", now_ms // PERIOD_MS, now_ms))
            run(bus, port, now_ms + PERIOD_MS)
        return port

    def _take(self, result: PollResult) -> None:
        self.values += sum(sample.value is not None for sample in result.samples)
        self.check(result, self.ledger)


def none_misbooked(result: PollResult, ledger: Ledger) -> None:
    assert misbooked(result, ledger) == [], result


@pytest.mark.parametrize("line", LINES)
@pytest.mark.parametrize("seed", SEEDS)
def test_late_replies_are_never_booked_to_another_request(seed: int, line: str) -> None:
    rng = random.Random(f"late {seed} {line}")
    late = 0

    def lateness(request: bytes, replies: Replies) -> Replies:
        nonlocal late
        if rng.random() < 0.6:
            return replies
        late += 1
        return [(delay + rng.uniform(0, 3_000), data) for delay, data in replies]

    trial = Trial(LINES[line], lambda _: lateness, none_misbooked)
    port = trial.run(EXCHANGES)
    assert late > 0.3 * EXCHANGES
    assert trial.values > 0.5 * EXCHANGES, f"seed {seed}: only {trial.values} values of {len(port.sent)}"
    for before, sent in pairwise(port.sent):
        assert sent.silence_ms > 3 or before.line != sent.line, f"seed {seed}: a request met a reply"


def damaged(data: bytes, rng: random.Random) -> bytes:
    """One to four times: a flipped bit, a lost byte or a byte too many."""
    spoilt = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(spoilt))
        kind = rng.choice(("flip", "flip", "flip", "drop", "insert"))
        if kind == "flip":
            spoilt[at] ^= 1 << rng.randrange(8)
        elif kind == "drop":
            del spoilt[at]
        else:
            spoilt.insert(at, rng.randrange(256))
    return bytes(spoilt)


def sound_numbers(data: bytes) -> set[int]:
    """Every number in a frame of ``data`` whose checksum is right; shares no code with the drivers."""
    found = set()
    for at in range(len(data)):
        rest = data[at:]
        if len(rest) >= 9 and rest[1:3] == b"\x03\x04" and crc(rest[:7]) == rest[7:9]:
            found.add(int.from_bytes(rest[3:7], "big"))
        if len(rest) >= 19 and rest[0] == rest[7] == 0x68 and rest[9] == 7 and rest[18] == 0x16:
            digits = bytes((byte - 0x33) & 0xFF for byte in rest[14:17])[::-1].hex()
            if sum(rest[:17]) & 0xFF == rest[17] and digits.isdigit():
                found.add(int(digits))
    return found


@dataclass(slots=True)
class Damage:
    """Spoils replies, and knows which wrong numbers no reader of that protocol can tell from right ones."""

    ledger: Ledger
    spoil: Callable[[bytes], bytes]
    hit: int = 0
    unseen: int = 0
    sound_and_wrong: dict[str, set[int]] = field(default_factory=lambda: {name: set() for name in ADDRESSES})

    def fault(self, name: str) -> Fault:
        def fault(request: bytes, replies: Replies) -> Replies:
            ((delay, data),) = replies
            spoilt = self.spoil(data)
            self.hit += spoilt != data
            self.sound_and_wrong[name] |= sound_numbers(spoilt) - sound_numbers(data)
            return ((delay, spoilt),)

        return fault

    def check(self, result: PollResult, ledger: Ledger) -> None:
        """A wrong value must have stood in a frame with a right checksum."""
        wrong = misbooked(result, ledger)
        assert all(n in self.sound_and_wrong[result.meter] for _, n in wrong), (result, wrong)
        self.unseen += len(wrong)
        self.sound_and_wrong[result.meter].clear()


@pytest.mark.parametrize("line", ["modbus-rtu", "dlt645-2007"])
@pytest.mark.parametrize("seed", SEEDS)
def test_damaged_replies_give_no_value_that_a_checksum_could_refuse(seed: int, line: str) -> None:
    rng = random.Random(f"damage {seed} {line}")
    damage = Damage(Ledger(), lambda data: damaged(data, rng) if rng.random() < 0.5 else data)
    trial = Trial(LINES[line], damage.fault, damage.check, damage.ledger)
    trial.run(EXCHANGES)
    assert damage.hit > 0.4 * EXCHANGES
    assert trial.values > 0.25 * EXCHANGES
    print(f"seed {seed} {line}: {damage.hit} damaged, {damage.unseen} wrong under a right checksum")
    # CRC-16 passes 1 damage in 65 536, the sum of DL/T 645 about 1 in 256 of those of the same length
    assert damage.unseen <= (1 if line == "modbus-rtu" else damage.hit // 100), f"seed {seed}"


def test_damage_that_keeps_the_sum_is_beyond_dlt645_and_counted() -> None:
    def same_sum(data: bytes) -> bytes:
        """One digit up, another down."""
        digits = data.index(b"\x68") + 14
        return (
            data[:digits]
            + bytes((data[digits] ^ 1, data[digits + 1] + (data[digits] & 1 or -1)))
            + data[digits + 2 :]
        )

    damage = Damage(Ledger(), same_sum)
    trial = Trial(LINES["dlt645-2007"], damage.fault, damage.check, damage.ledger)
    trial.run(100)
    assert damage.hit >= 100
    assert damage.unseen == trial.values > 30


START_MS, SILENT_S, BACK_S, END_S = 100_000, 60, 400, 600


def test_one_dead_meter_of_four_costs_the_others_nothing() -> None:
    """9600 baud, period 2 s: m2 falls silent after a minute and comes back."""
    port = FakePort()

    def fault(request: bytes, replies: Replies) -> Replies:
        dead = SILENT_S <= (port.now() - START_MS) / 1000 < BACK_S
        return (mute if dead else sound)(request, replies)

    data = {VOLTAGE.di: "2312"}
    port.meters = [
        Meter645("000000000001", data),
        ModbusSlave(2, {0: 7}, fault),
        Meter645("000000000003", data),
        ModbusSlave(4, {0: 9}),
    ]
    specs = [
        with_meter(dlt("m1", "000000000001", [VOLTAGE]), line=Line.parse("9600 8E1")),
        modbus("m2", 2, [item("p", 0)]),
        with_meter(dlt("m3", "000000000003", [VOLTAGE]), line=Line.parse("9600 8E1")),
        modbus("m4", 4, [item("p", 0)]),
    ]
    results: list[PollResult] = []
    bus = Bus(SERIAL, specs, port, results.append)
    for slot in range(END_S * 1000 // PERIOD_MS):
        for one in specs:
            bus.submit(Job(one.meter.id, "fast", slot, START_MS + slot * PERIOD_MS))
        run(bus, port, START_MS + (slot + 1) * PERIOD_MS)

    def good(name: str, from_s: int, to_s: int) -> float:
        """Share of the slots of a span that gave a value."""
        first, last = from_s * 1000 // PERIOD_MS, to_s * 1000 // PERIOD_MS
        mine = [r for r in results if r.meter == name and first <= r.slot < last]
        return sum(r.error is None for r in mine) / (last - first)

    for name in ("m1", "m3", "m4"):
        assert good(name, SILENT_S, SILENT_S + 60) >= 0.95, name
        assert good(name, SILENT_S + 60, END_S) >= 0.99, name
    ended = [(r.mono_ms - START_MS, r.error) for r in results if r.meter == "m2"]
    noticed = min(ms for ms, error in ended if error == "no_reply")
    assert SILENT_S * 1000 < noticed <= (SILENT_S + 10) * 1000
    asked = [s.start_ms - START_MS for s in port.sent if s.data[0] == 2]
    probes = [ms for ms in asked if noticed < ms < BACK_S * 1000]
    step_ms = min(METER.most_ms, 2 * (probes[-1] - probes[-2]))
    again = min(ms for ms, error in ended if error is None and ms > BACK_S * 1000)
    assert again <= BACK_S * 1000 + step_ms + PERIOD_MS
    assert good("m2", again // 1000 + 2, END_S) == 1
