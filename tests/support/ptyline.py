"""Meters behind a pty that answer each at its own time: late ones, early ones, several under way at once.

::

    with pty_line([meter("dlt1", ledger, fault)]) as path:
        bus = Bus(config_with(path), specs, open_port(config, moment_ms), results.append)
"""

from __future__ import annotations

import heapq
import os
import select
import threading
import time
import tty
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from tests.support.line import OnLine

_BURST_S = 0.005  # a request is written in one go; its bytes are read together


def moment_ms() -> float:
    """The clock of these lines."""
    return time.monotonic_ns() / 1e6


def _serve(master: int, meters: Sequence[OnLine], stop: threading.Event) -> None:
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
    thread = threading.Thread(target=_serve, args=(master, meters, stop))
    thread.start()
    try:
        yield os.ttyname(slave)
    finally:
        stop.set()
        thread.join()
        os.close(master)
        os.close(slave)
