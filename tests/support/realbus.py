"""One of our buses on a real port, stepped by a test until a poll has ended.

::

    with RealBus(config, specs) as bus:
        result = bus.read("m")            # all items, as a technician's read
        values(result)                    # {"p": "12.5", "f": "unsupported"}
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Literal, Self

from config.site import Bus as BusConfig
from drivers.bus import Bus, Job
from drivers.exchange import MeterSpec
from drivers.ports import open_port
from drivers.samples import PollResult


def mono_ms() -> int:
    """The clock of these buses."""
    return time.monotonic_ns() // 1_000_000


class RealBus:
    """See the module."""

    def __init__(self, config: BusConfig, specs: Sequence[MeterSpec]) -> None:
        self.results: list[PollResult] = []
        self.bus = Bus(config, specs, open_port(config, mono_ms), self.results.append)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.bus.close()

    def read(
        self, meter: str, poll: Literal["fast", "slow", "read"] = "read", *, within_s: float = 20
    ) -> PollResult:
        """One poll of a meter, to its end."""
        self.bus.submit(Job(meter, poll, 0, mono_ms()))
        before, end = len(self.results), mono_ms() + within_s * 1000
        while len(self.results) == before:
            due = self.bus.step(mono_ms())
            assert mono_ms() < end, f"{meter}: no result; {self.bus.state()}"
            time.sleep(max(0, min(due - mono_ms(), 50)) / 1000)
        return self.results[-1]


def values(result: PollResult) -> dict[str, str]:
    """Quantity -> its digits, or the quality that says why there are none."""
    return {s.quantity: s.quality.value if s.value is None else f"{s.value:f}" for s in result.samples}


def requests(result: PollResult) -> list[bytes]:
    """What was sent for a result, in order."""
    return [frame.data for frame in result.frames if frame.way == ">"]
