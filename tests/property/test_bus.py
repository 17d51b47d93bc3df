"""A bad line must not give a wrong value: whatever is late, twice, cut, flipped or noisy, a value that comes
out is the one that the meter gave to the last request for that very item."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

import pytest

from config.profile import DltItem
from drivers.bus import Bus, Job
from drivers.samples import PollResult
from tests.support.line import FakePort, Fault, Meter645, ModbusSlave, Replies, run
from tests.support.specs import SERIAL, dlt, item, modbus, with_meter

SEEDS = range(10)
POLLS = 60  # of each meter and seed
PERIOD_MS = 9_000
FOUR = DltItem(quantity="a", di="02020100", format="XXX.XXX")
FIVE = DltItem(quantity="b", di="02020200", format="XXX.XXX")


@dataclass(slots=True)
class Truth:
    """Numbers its requests: item -> number of the last request for it, which is in the reply."""

    last: dict[str, int] = field(default_factory=dict)
    count: int = 0

    def ask(self, name: str) -> int:
        self.count += 1
        self.last[name] = self.count
        return self.count


class CountingSlave(ModbusSlave):
    """Each reply holds the register's address and the number of the request."""

    def __init__(self, unit: int, truth: Truth, fault: Fault) -> None:
        ModbusSlave.__init__(self, unit, {}, fault)
        self.truth = truth

    def answer(self, pdu: bytes) -> bytes:
        address = int.from_bytes(pdu[1:3], "big")
        number = self.truth.ask("a" if address == 0 else "b")
        return bytes((3, 4)) + address.to_bytes(2, "big") + number.to_bytes(2, "big")


class CountingData(dict[str, str]):
    """DI -> six digits: which item, and the number of the request."""

    def __init__(self, truth: Truth) -> None:
        super().__init__({FOUR.di: "", FIVE.di: ""})
        self.truth = truth

    def __getitem__(self, di: str) -> str:
        name = "a" if di == FOUR.di else "b"
        return f"{4 if name == 'a' else 5}{self.truth.ask(name):05d}"


def _faulty(rng: random.Random, share: float) -> Fault:
    """Each reply suffers one of these with probability ``share``."""

    def fault(request: bytes, replies: Replies) -> Replies:
        if rng.random() > share:
            return replies
        ((delay, data),) = replies
        at = rng.randrange(len(data))
        kinds: list[Replies] = [
            (),
            ((rng.uniform(900, 3_900), data),),  # late, up to the end of the fence
            ((delay, data + data),),
            ((delay, bytes(rng.randrange(256) for _ in range(rng.randrange(1, 12))) + data),),
            ((delay, data[:at]),),
            ((delay, data[:at] + bytes((data[at] ^ 1 << rng.randrange(8),)) + data[at + 1 :]),),
            ((delay, data[:at]), (delay + rng.uniform(5, 400), data[at:])),
            ((delay, data), (rng.uniform(20, 900), b"\x00" * rng.randrange(1, 5))),
        ]
        return rng.choice(kinds)

    return fault


def _value(result: PollResult, name: str) -> tuple[str, int] | None:
    """(item, number of the request) told by a good sample."""
    sample = next((s for s in result.samples if s.quantity == name), None)
    if sample is None or sample.value is None:  # a slot never asked has no samples
        return None
    if result.meter.startswith("modbus"):
        address, number = divmod(int(sample.value), 65536)
        return ("a" if address == 0 else "b"), number
    digits = f"{sample.value:f}".replace(".", "").zfill(6)
    return ("a" if digits[0] == "4" else "b"), int(digits[1:])


@pytest.mark.parametrize("echo", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
def test_no_reply_is_ever_booked_to_another_request(seed: int, echo: bool) -> None:
    rng = random.Random(seed)
    truths: Mapping[str, Truth] = {name: Truth() for name in ("modbus1", "modbus2", "dlt1", "dlt2")}
    items = [item("a", 0, "u32"), item("b", 100, "u32")]
    specs = [
        modbus("modbus1", 1, items),
        modbus("modbus2", 104, items),  # 104 is 68H, the start byte of the other protocol
        dlt("dlt1", "000000000012", [FOUR, FIVE]),
        with_meter(dlt("dlt2", "000068166801", [FOUR, FIVE]), retries=0),
    ]
    port = FakePort(
        CountingSlave(1, truths["modbus1"], _faulty(rng, 0.3)),
        CountingSlave(104, truths["modbus2"], _faulty(rng, 0.3)),
        Meter645("000000000012", CountingData(truths["dlt1"]), _faulty(rng, 0.3)),
        Meter645("000068166801", CountingData(truths["dlt2"]), _faulty(rng, 0.3)),
        echo=echo,
    )
    results: list[PollResult] = []

    def check(result: PollResult) -> None:
        """At once: the truth knows the last request of each item now."""
        results.append(result)
        if result.attempts == 0:
            return
        for name in ("a", "b"):
            told = _value(result, name)
            assert told in (None, (name, truths[result.meter].last.get(name))), (result, told)

    bus = Bus(SERIAL, specs, port, check)
    start, slot = port.now(), 0

    def submit(now_ms: int) -> int:
        nonlocal slot
        while start + slot * PERIOD_MS <= now_ms:
            for spec in specs:
                bus.submit(Job(spec.meter.id, "fast", slot, start + slot * PERIOD_MS))
            slot += 1
        return start + slot * PERIOD_MS

    run(bus, port, start + POLLS * PERIOD_MS - 1, submit)
    run(bus, port, port.now() + 30_000)

    slots = sorted((r.meter, r.slot) for r in results)
    assert slots == sorted((spec.meter.id, n) for spec in specs for n in range(POLLS))
    asked = [r for r in results if r.attempts]
    good = [r for r in asked if r.error is None]
    assert len(good) >= 0.5 * len(results)
    assert len(port.sent) >= 4 * POLLS
    counters = bus.counters().line
    assert counters.timeouts > 20
    assert (counters.echo > 0) == echo
    _silences_hold(port)


def _silences_hold(port: FakePort) -> None:
    for before, sent in pairwise(port.sent):
        assert sent.line is not None
        needed = sent.line.seconds(3.5) * 1000 if before.line == sent.line else 50.0
        assert sent.silence_ms >= round(needed, 6) - 1e-6, sent
