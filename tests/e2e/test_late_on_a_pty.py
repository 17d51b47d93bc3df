"""Three hundred exchanges on a pty with late replies: no value is booked to another request than its own.

The times of the fence are scaled: replies up to 0.45 s late against a fence of 0.45 s, where a site has 3 s.
"""

from __future__ import annotations

import heapq
import os
import random
import select
import threading
import time
import tty
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from config.site import Bus as BusConfig
from drivers.bus import Bus, Job
from drivers.ports import open_port
from drivers.samples import PollResult
from tests.support.counted import ADDRESSES, Ledger, meter, misbooked, spec
from tests.support.line import OnLine, Replies
from tests.support.specs import with_meter

pytestmark = pytest.mark.slow

EXCHANGES = 300
LATE_S = 0.45
_BURST_S = 0.005  # a request is written in one go; its bytes are read together


def moment_ms() -> float:
    return time.monotonic_ns() / 1e6


def serve(master: int, meters: Sequence[OnLine], stop: threading.Event) -> None:
    """Answer what is written to the pty, each reply at its own time."""
    due: list[tuple[float, int, bytes]] = []
    order = 0
    while not stop.is_set():
        wait = min(0.1, max(0.0, due[0][0] - moment_ms()) / 1000) if due else 0.1
        if select.select([master], [], [], wait)[0]:
            stop.wait(_BURST_S)
            request = os.read(master, 4096)
            for one in meters:
                for delay, data in one.hear(request):
                    order += 1
                    heapq.heappush(due, (moment_ms() + delay, order, data))
        while due and due[0][0] <= moment_ms():
            os.write(master, heapq.heappop(due)[2])


@contextmanager
def pty_line(meters: Sequence[OnLine]) -> Iterator[str]:
    """A pty with ``meters`` behind it; gives the path to open."""
    master, slave = os.openpty()
    tty.setraw(slave)
    stop = threading.Event()
    thread = threading.Thread(target=serve, args=(master, meters, stop))
    thread.start()
    try:
        yield os.ttyname(slave)
    finally:
        stop.set()
        thread.join()
        os.close(master)
        os.close(slave)


@pytest.mark.parametrize("seed", [1])
def test_late_replies_on_a_pty_are_never_booked_to_another_request(seed: int) -> None:
    rng = random.Random(seed)
    ledger, results, late, sent = Ledger(), list[PollResult](), 0, 0

    def fault(request: bytes, replies: Replies) -> Replies:
        nonlocal late, sent
        sent += 1
        if rng.random() < 0.7:
            return [(20, data) for _, data in replies]
        late += 1
        return [(20 + rng.uniform(0, LATE_S * 1000), data) for _, data in replies]

    def check(result: PollResult) -> None:
        results.append(result)
        assert misbooked(result, ledger) == [], f"seed {seed}: {result}"

    with pty_line([meter(name, ledger, fault) for name in ADDRESSES]) as path:
        config = BusConfig(id="b1", kind="serial", port=path, late_reply_s=LATE_S)
        specs = [with_meter(spec(name), reply_timeout_s=0.15, retries=0) for name in ADDRESSES]
        bus = Bus(config, specs, open_port(config, moment_ms), check)
        end, asked = moment_ms() + 120_000, 0
        while sent < EXCHANGES:
            assert moment_ms() < end, f"{sent} exchanges in two minutes"
            while asked < len(results) + 2 * len(specs):
                bus.submit(Job(specs[asked % len(specs)].meter.id, "read", asked, asked))
                asked += 1
            due = bus.step(int(moment_ms()))
            time.sleep(min(50, max(0, due - moment_ms())) / 1000)
        bus.close()
    values = sum(sample.value is not None for result in results for sample in result.samples)
    assert late > 0.2 * EXCHANGES
    assert values > 0.3 * EXCHANGES, f"seed {seed}: {values} values, {late} late"
