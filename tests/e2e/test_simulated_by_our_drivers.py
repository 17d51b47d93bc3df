"""Our own buses and profiles read the simulated plant: what they say must be what was served, and under every
fault of the line a value is right or there is none. The two sides share no code, so a slip of either shows.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from config.profiles import builtin_profiles
from config.site import Bus as BusConfig
from config.site import Meter
from drivers.bus import Bus
from drivers.exchange import MeterSpec
from drivers.ports import open_port
from drivers.queue import Job
from drivers.samples import PollResult, Quality
from drivers.simulated.plant import Plant
from drivers.simulated.plantfile import MeterSpec as SimulatedMeter
from drivers.simulated.plantfile import parse
from tests.support.simulator import plant

PROFILES = {
    "dlt645-2007": "dlt645-2007-3p",
    "acrel-adl400": "acrel-adl400",
    "chint-dtsu666": "chint-dtsu666",
    "eastron-sdm630": "eastron-sdm630",
}
PLANT = """
[plant]
seed = 3
anchor = "start"
period_s = 600
[[bus]]
id = "b1"
link = "bus1"
[[bus]]
id = "t1"
kind = "tcp"
[[bus]]
id = "g1"
kind = "rtu-over-tcp"
[[load]]
id = "kiln"
kw = 300
pattern = "furnace"
[[load]]
id = "fan"
kw = 37
[[meter]]
id = "dlt"
bus = "b1"
protocol = "dlt645-2007"
address = "000000000012"
model = "dlt645-2007"
line = "9600 8E1"
loads = ["kiln"]
ct = "800/5"
[[meter]]
id = "dlt-plain"
bus = "b1"
protocol = "dlt645-2007"
address = "000000000013"
model = "dlt645-2007"
line = "9600 8E1"
loads = ["fan"]
ct = "100/5"
blocks = false
[[meter]]
id = "dlt-long"
bus = "b1"
protocol = "dlt645-2007"
address = "000000000014"
model = "dlt645-2007"
line = "9600 8E1"
loads = ["fan"]
ct = "100/5"
most_data = 12
preamble = 0
[[meter]]
id = "chint"
bus = "b1"
protocol = "modbus-rtu"
address = "3"
model = "chint-dtsu666"
line = "9600 8N1"
loads = ["fan"]
ct = "100/5"
[[meter]]
id = "acrel"
bus = "b1"
protocol = "modbus-rtu"
address = "4"
model = "acrel-adl400"
line = "19200 8N1"
loads = ["kiln"]
ct = "800/5"
pt = "10000/100"
[[meter]]
id = "eastron"
bus = "t1"
protocol = "modbus-tcp"
address = "7"
model = "eastron-sdm630"
loads = ["fan"]
[[meter]]
id = "far"
bus = "g1"
protocol = "modbus-rtu"
address = "9"
model = "eastron-sdm630"
line = "19200 8N1"
loads = ["fan"]
"""


def mono_ms() -> int:
    return time.monotonic_ns() // 1_000_000


class Reader:
    """One of our buses on a simulated one; ``late_reply_s`` short, to be quick."""

    def __init__(self, simulated: Plant, bus: str, meters: Sequence[SimulatedMeter]) -> None:
        where = simulated.ready["buses"][bus]
        self.meters = [meter for meter in meters if meter.bus == bus]
        kinds = {"b1": "serial", "t1": "tcp", "g1": "rtu-over-tcp"}
        if kinds[bus] == "serial":
            config = BusConfig(id=bus, kind="serial", port=where, late_reply_s=1.0)
        else:
            host, port = where.split(":")
            kind: Any = kinds[bus]
            config = BusConfig(id=bus, kind=kind, host=host, tcp_port=int(port), late_reply_s=1.0)
        specs = [self._spec(meter, serial=kinds[bus] == "serial") for meter in self.meters]
        self.results: list[PollResult] = []
        self.bus = Bus(config, specs, open_port(config, mono_ms), self.results.append)

    @staticmethod
    def _spec(meter: SimulatedMeter, *, serial: bool) -> MeterSpec:
        ours = Meter(
            id=meter.id,
            bus=meter.bus,
            protocol=meter.protocol,
            address=meter.address,
            profile=PROFILES[meter.model],
            line=meter.line if serial else None,
            ct=meter.ct if meter.model != "eastron-sdm630" else Decimal(1),
            pt=meter.pt,
            reply_timeout_s=1.0,  # the simulator may wait for its turn on a busy machine
            gap_ms=None if serial else 5,  # a raw line over TCP: nobody else keeps its 3.5 characters
        )
        return MeterSpec(ours, builtin_profiles()[ours.profile])

    def read(self, meter: str, *, patience_s: float = 20.0) -> PollResult:
        """All items of one meter."""
        self.bus.submit(Job(meter, "read", 0, mono_ms()))
        before, end = len(self.results), mono_ms() + patience_s * 1000
        while len(self.results) == before:
            due = self.bus.step(mono_ms())
            assert mono_ms() < end, f"{meter}: no result"
            time.sleep(max(0, min(due - mono_ms(), 50)) / 1000)
        return self.results[-1]


def truths(simulated: Plant, meter: str) -> dict[str, set[Decimal]]:
    """Every value served by a meter so far, on the primary side."""
    told: dict[str, set[Decimal]] = {}
    for line in simulated.command({"get": "served", "last": 1000, "meter": meter})["last"]:
        for name, text in line["primary"].items():
            if text != "missing" and not name.startswith("0"):
                told.setdefault(name, set()).add(Decimal(text))
    return told


@pytest.mark.slow
@pytest.mark.parametrize("bus", ["b1", "t1", "g1"])
def test_every_model_is_read_exactly(bus: str, tmp_path: Path) -> None:
    meters = parse(PLANT, tmp_path).meters
    with plant(PLANT, tmp_path) as simulated, ExitStack() as stack:
        reader = Reader(simulated, bus, meters)
        stack.callback(reader.bus.close)
        for meter in reader.meters:
            result = reader.read(meter.id)
            told = truths(simulated, meter.id)
            assert result.error is None
            for sample in result.samples:
                assert sample.quality is Quality.GOOD, f"{meter.id} {sample}"
                assert sample.value in told[sample.quantity], f"{meter.id} {sample}"
            assert len(result.samples) >= 15
        lines = simulated.command({"get": "plant"})["lines"].get(bus, {})
        assert (
            lines.get("collisions", 0) == lines.get("broken_silence", 0) == lines.get("noise_bytes", 0) == 0
        )


@pytest.mark.slow
def test_an_opened_cover_swapped_phases_and_another_meter_are_seen(tmp_path: Path) -> None:
    meters = parse(PLANT, tmp_path).meters
    with plant(PLANT, tmp_path) as simulated, ExitStack() as stack:
        reader = Reader(simulated, "b1", meters)
        stack.callback(reader.bus.close)
        assert standing(reader) == {"n_cover": "0", "phase_order": "0", "serial": "12", "n_voltage_loss": "0"}
        simulated.command({"set": "event", "meter": "dlt", "what": "cover-open"})
        simulated.command({"set": "event", "meter": "dlt", "what": "voltage-loss"})
        simulated.command({"set": "phase-order", "meter": "dlt"})
        simulated.command({"set": "number", "meter": "dlt", "number": "201500000099"})
        assert standing(reader) == {
            "n_cover": "1",
            "phase_order": "1",
            "serial": "201500000099",
            "n_voltage_loss": "1",
        }


def standing(reader: Reader) -> dict[str, str]:
    """What the first meter counts and says."""
    found = {sample.quantity: str(sample.value) for sample in reader.read("dlt").samples}
    return {name: found[name] for name in ("n_cover", "phase_order", "serial", "n_voltage_loss")}


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_no_fault_of_the_line_makes_a_wrong_value(seed: int, tmp_path: Path) -> None:
    rng = random.Random(seed)
    meters = parse(PLANT, tmp_path).meters
    quick = ("dlt", "dlt-long", "chint", "acrel")
    good = 0
    with plant(PLANT.replace("seed = 3", f"seed = {seed}"), tmp_path) as simulated, ExitStack() as stack:
        reader = Reader(simulated, "b1", meters)
        stack.callback(reader.bus.close)
        for turn in range(10):
            meter = rng.choice(quick)
            fault = rng.choice(("flip", "noise", "drop", "cut", "double", "late", "echo"))
            simulated.command(switched(fault, meter, rng.choice((150, 400)), on=True))
            result = reader.read(meter, patience_s=60)
            simulated.command(switched(fault, meter, 0, on=False))
            told = truths(simulated, meter)
            for sample in result.samples:
                if sample.value is not None:
                    good += 1
                    assert sample.value in told[sample.quantity], f"seed {seed} turn {turn} {meter} {fault}"
    assert good > 40, f"seed {seed}: the faults left {good} good values"


def switched(fault: str, meter: str, permille: int, *, on: bool) -> dict[str, object]:
    if fault == "echo":
        return {"set": "echo", "bus": "b1", "on": on}
    if fault == "late":
        return (
            {"set": "late", "meter": meter, "ms": 500, "count": 1}
            if on
            else {"set": "late", "meter": meter, "ms": 0}
        )
    return {"set": fault, "meter": meter, "permille": permille}
