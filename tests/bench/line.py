"""One measured case: our bus reads simulated meters on a pty whose bytes take their real time.

::

    limit of an exchange = silence | request | meter | reply            what physics and DESIGN 5 demand
    utilisation          = sum of limits / time from the first request to the last reply

The silence is the one required: 3.5 characters of the meter that is asked, or 50 ms where the line changes
protocol; ``gap_ms`` is 0. The meter's delay is what the simulated meter takes: ``delay_ms``, and for Modbus
the 3.5 characters by which a slave knows that the request has ended. All bytes heard count, wake-up FE too.
The simulated line runs in a process of its own: CPU figures are the reader's alone. Judges nothing.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median

from config.profile import DltItem, ModbusItem, Profile
from config.site import Bus as BusConfig
from config.site import Line, Meter
from drivers.bus import Bus, Job
from drivers.exchange import MeterSpec
from drivers.ports import open_port
from drivers.samples import PollResult, WireFrame
from drivers.wire import MIXED_MS, SILENT_CHARACTERS
from tests.support.simulator import simulator

PLANT = '[plant]\nanchor = "start"\n[[bus]]\nid = "b1"\nlink = "b1"\n[[load]]\nid = "kiln"\nkw = 300\n'
DELAY_MS = 20  # of the meters, unless a case says otherwise
WARM_UP = 2  # exchanges of each meter before measuring begins
_GRAIN_MS = 1  # instants of frames are whole ms: each is cut by less than this

ENERGY = DltItem(quantity="ep_imp", di="00010000", format="XXXXXX.XX")
REGISTERS = tuple(  # five floats of the Chint map: one read of ten registers
    ModbusItem(quantity=name, address=0x2006 + 2 * at, type="f32")
    for at, name in enumerate(("u_a", "u_b", "u_c", "i_a", "i_b"))
)
_PROFILES = {
    "dlt645-2007": Profile(id="d", title="d", family="dlt645-2007", sources=(), dlt=(ENERGY,), phases=1),
    "modbus-rtu": Profile(id="m", title="m", family="modbus", sources=(), modbus=REGISTERS, phases=1),
}
_MODELS = {"dlt645-2007": "dlt645-2007", "modbus-rtu": "chint-dtsu666"}


@dataclass(frozen=True, slots=True)
class OnLine:
    """One meter of a case."""

    id: str
    protocol: str
    address: str
    line: str
    delay_ms: int = DELAY_MS

    @property
    def plant(self) -> str:
        """Its part of the simulator's plant file."""
        return (
            f'[[meter]]\nid = "{self.id}"\nbus = "b1"\nprotocol = "{self.protocol}"\n'
            f'address = "{self.address}"\nmodel = "{_MODELS[self.protocol]}"\nline = "{self.line}"\n'
            f'loads = ["kiln"]\ndelay_ms = {self.delay_ms}\n'
        )

    @property
    def spec(self) -> MeterSpec:
        """The same meter as our bus is told of it: all gaps at their minimum."""
        profile = _PROFILES[self.protocol]
        meter = Meter(
            id=self.id,
            bus="b1",
            protocol=self.protocol,
            address=self.address,
            profile=profile.id,
            line=Line.parse(self.line),
            gap_ms=0,
        )
        return MeterSpec(meter, profile)


@dataclass(frozen=True, slots=True)
class Figures:
    """What one case gave."""

    exchanges: int
    utilisation: float  # of the whole run
    typical: float  # of the median exchange: what the machine's other work does not touch
    broken: int  # silences cut short, as the simulated line and the frames' instants show
    failed: int  # polls without all their values
    wakeups: float  # per exchange


def mono_ms() -> int:
    """The clock given to the bus."""
    return time.monotonic_ns() // 1_000_000


def moment_ms() -> float:
    """The clock given to the port."""
    return time.monotonic() * 1000.0


def dlt(line: str, *, delay_ms: int = DELAY_MS, number: int = 12) -> OnLine:
    """A DL/T 645-2007 meter."""
    return OnLine(f"dlt{number}", "dlt645-2007", f"{number:012d}", line, delay_ms)


def modbus(line: str, *, delay_ms: int = DELAY_MS, unit: int = 3) -> OnLine:
    """A Modbus RTU meter."""
    return OnLine(f"modbus{unit}", "modbus-rtu", str(unit), line, delay_ms)


class _Watch:
    """Notes every frame with a fine clock; limits are computed when the run is over."""

    def __init__(self, meters: Sequence[OnLine]) -> None:
        self.meters = {meter.id: meter for meter in meters}
        self.seen: list[tuple[str, WireFrame, int]] = []

    def tap(self, meter: str, frame: WireFrame) -> None:
        """`drivers.bus.Bus`'s tap."""
        self.seen.append((meter, frame, time.monotonic_ns()))

    def exchanges(self) -> tuple[list[tuple[float, float]], int]:
        """(limit ms, end of the reply ms) of each; how many silences at a change of protocol were short."""
        found, broken, size = list[tuple[float, float]](), 0, 0
        before: tuple[OnLine, int] | None = None  # who spoke last, and the instant of its last byte
        changed = False
        for name, frame, at_ns in self.seen:
            one = self.meters[name]
            if frame.way == ">":
                size = 0
                changed = before is not None and before[0].protocol != one.protocol
                broken += changed and before is not None and frame.mono_ms - before[1] < MIXED_MS - _GRAIN_MS
            size += len(frame.data)
            if frame.way == "<":
                found.append((_limit_ms(one, size, changed=changed), at_ns / 1e6))
                before = (one, frame.mono_ms)
        return found, broken


def _limit_ms(one: OnLine, size: int, *, changed: bool) -> float:
    """The least time of an exchange of ``size`` bytes both ways."""
    line = Line.parse(one.line)
    quiet_ms = line.seconds(SILENT_CHARACTERS) * 1000
    meter_ms = one.delay_ms + (quiet_ms if one.protocol == "modbus-rtu" else 0.0)
    silence_ms = max(quiet_ms, MIXED_MS) if changed else quiet_ms
    return silence_ms + line.seconds(size) * 1000 + meter_ms


def measure(folder: Path, meters: Sequence[OnLine], count: int) -> Figures:
    """Read ``meters`` in turn, ``count`` exchanges in all."""
    watch, results = _Watch(meters), list[PollResult]()
    with simulator(PLANT + "".join(meter.plant for meter in meters), folder) as plant:
        with on_line(plant.ready["buses"]["b1"], meters, results.append, watch.tap) as bus:
            poll_all(bus, meters, results, WARM_UP * len(meters))
            del results[:]
            slept = _switches()
            poll_all(bus, meters, results, count)
            wakeups = (_switches() - slept) / count
        line = plant.command({"get": "plant"})["lines"]["b1"]
    exchanges, broken = watch.exchanges()
    exchanges = exchanges[-count - 1 :]  # the last one of the warm-up is where the time begins
    wall = [b[1] - a[1] for a, b in pairwise(exchanges)]
    limits = [limit for limit, _ in exchanges[1:]]
    return Figures(
        exchanges=len(limits),
        utilisation=sum(limits) / sum(wall),
        typical=median(limit / took for limit, took in zip(limits, wall, strict=True)),
        broken=broken + line["broken_silence"] + line["collisions"],
        failed=sum(not _whole(result) for result in results),
        wakeups=wakeups,
    )


def spend(folder: Path, meter: OnLine, settled: int, count: int, peer: Callable[[str], None]) -> float:
    """CPU of an exchange with ``meter``, us, behind ``settled`` that are not counted: all of the bus, decode
    and result included. ``peer`` is then given the same line."""
    results = list[PollResult]()
    with simulator(PLANT + meter.plant, folder) as plant:
        port = plant.ready["buses"]["b1"]
        with on_line(port, [meter], results.append, None) as bus:
            poll_all(bus, [meter], results, settled)
            began = time.process_time_ns()
            poll_all(bus, [meter], results, count)
            cpu_us = (time.process_time_ns() - began) / 1000 / count
        peer(port)
    assert all(map(_whole, results)), "a value is missing"
    return cpu_us


@contextmanager
def on_line(
    port: str,
    meters: Sequence[OnLine],
    emit: Callable[[PollResult], None],
    tap: Callable[[str, WireFrame], None] | None,
) -> Iterator[Bus]:
    """Our bus on a port, closed at the end."""
    config = BusConfig(id="b1", kind="serial", port=port)
    bus = Bus(config, [meter.spec for meter in meters], open_port(config, moment_ms), emit, tap)
    try:
        yield bus
    finally:
        bus.close()


def _switches() -> int:
    """How often this process has gone to sleep."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_nvcsw


def _whole(result: PollResult) -> bool:
    return bool(result.samples) and all(sample.value is not None for sample in result.samples)


def poll_all(bus: Bus, meters: Sequence[OnLine], results: list[PollResult], count: int) -> None:
    """Step ``bus`` through ``count`` polls; each meter has one queued, so that the line never waits."""
    end = mono_ms() + 120_000 + 2_000 * count
    first_ms = mono_ms() - 1_000 * (count + 1)  # seconds apart and long due: asked in this order and no other
    jobs = [Job(meters[at % len(meters)].id, "fast", at, first_ms + 1_000 * at) for at in range(count)]
    for job in jobs[: len(meters)]:
        bus.submit(job)
    start = len(results)
    for done in range(1, count + 1):
        while len(results) - start < done:
            now_ms = mono_ms()
            assert now_ms < end, "the line stands still"
            due_ms = bus.step(now_ms)
            if due_ms > now_ms:
                time.sleep((due_ms - now_ms) / 1000)
        if done - 1 + len(meters) < count:
            bus.submit(jobs[done - 1 + len(meters)])
