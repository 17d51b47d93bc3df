"""What an exchange is made of: the bare system calls, `drivers.wire` with them, and all of the bus.

Each in turn on the same line, with the same request. Judges nothing.
"""

from __future__ import annotations

import os
import select
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import serial

from config.site import Bus as BusConfig
from drivers.course import plan
from drivers.exchange import Exchange
from drivers.ports import open_port
from drivers.registry import drivers
from drivers.samples import PollResult
from drivers.wire import Heard, Manner, Wire
from tests.bench.line import PLANT, OnLine, moment_ms, on_line, poll_all
from tests.bench.peers import SETTLED
from tests.support.simulator import simulator

_SILENCE_S = 0.004  # a little more than 3.5 characters of 9600 baud
_MORE = 12  # characters: silence at the meter, FE before its reply, and some to be sure
_QUIET_S = 0.2  # between two of the three


@dataclass(frozen=True, slots=True)
class Parts:
    """CPU per exchange, us: medians of the rounds."""

    bare_us: float
    wire_us: float
    all_us: float


def parts(folder: Path, meter: OnLine, count: int, rounds: int) -> Parts:
    """Of the first request of ``meter``'s fast class, which must be all of it."""
    found = list[tuple[float, float, float]]()
    with simulator(PLANT + meter.plant, folder) as plant:
        port = plant.ready["buses"]["b1"]
        for _ in range(rounds):
            found.append((_bare(port, meter, count), _wire(port, meter, count), _all(port, meter, count)))
    return Parts(*(median(column) for column in zip(*found, strict=True)))


def _request(meter: OnLine) -> Exchange:
    script = plan(drivers()[meter.protocol], meter.spec, "fast", frozenset()).script
    assert script is not None
    (exchange,) = script.exchanges
    return exchange


def _spent_us(once: Callable[[], None], count: int) -> float:
    for _ in range(SETTLED):
        once()
    began = time.process_time_ns()
    for _ in range(count):
        once()
    return (time.process_time_ns() - began) / 1000 / count


def _bare(port: str, meter: OnLine, count: int) -> float:
    """Wait, write, wait until the reply must be there, read: as little as can be."""
    exchange, line = _request(meter), meter.spec.meter.line
    assert line is not None
    opened = serial.Serial(port, line.baud, timeout=0)
    fd = opened.fileno()
    due_s = line.seconds(len(exchange.request) + exchange.reply_bytes + _MORE) + meter.delay_ms / 1000

    def once() -> None:
        select.select((fd,), (), (), _SILENCE_S)
        os.write(fd, exchange.request)
        select.select((), (), (), due_s)
        heard = len(os.read(fd, 4096))
        while heard < exchange.reply_bytes:  # the machine was busy elsewhere
            assert select.select((fd,), (), (), 1.0)[0], "no reply"
            heard += len(os.read(fd, 4096))

    try:
        return _spent_us(once, count)
    finally:
        opened.close()
        time.sleep(_QUIET_S)


def _wire(port: str, meter: OnLine, count: int) -> float:
    exchange, spec = _request(meter), meter.spec
    opened = open_port(BusConfig(id="b1", kind="serial", port=port), moment_ms)
    opened.open()
    wire = Wire(opened)
    wire.opened()
    manner = Manner(meter.id, spec.meter.line, 0, 1000, drivers()[meter.protocol])

    def once() -> None:
        heard = Heard()
        wire.exchange(manner, exchange, heard)
        assert heard.failure is None

    try:
        return _spent_us(once, count)
    finally:
        opened.close()
        time.sleep(_QUIET_S)


def _all(port: str, meter: OnLine, count: int) -> float:
    results = list[PollResult]()
    with on_line(port, [meter], results.append, None) as bus:
        poll_all(bus, [meter], results, SETTLED)
        began = time.process_time_ns()
        poll_all(bus, [meter], results, count)
        return (time.process_time_ns() - began) / 1000 / count
