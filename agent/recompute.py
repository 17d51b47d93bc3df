"""Do the bus frames kept beside a reading say what the reading says? The poll is played again from them.

::

    driver.poll --request--> was it sent? --> the reply that was taken --> driver ... --> values == record?

The driver is the one that read the meter, with profile and ratios of the configuration in force: of a reading
under any other configuration nobody here can tell. A poll that was doubted was read twice; then each
value must be that of one of the two. Asks no meter, opens no port.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from typing import Any, Final

from agent.accepted import Accepted
from buffer.raw import RawFrame
from config.profile import PollClass
from drivers.exchange import Answer, Driver, Exchange, MeterSpec, Poll, Polled
from drivers.registry import drivers

Record = Mapping[str, Any]
_CLASSES: Final[Mapping[str, PollClass]] = {"f": "fast", "s": "slow"}
_MOST: Final = 512  # exchanges of one poll
_TCP: Final = "modbus-tcp"
_SILENT, _GARBLED = Answer(failure="no_reply"), Answer(failure="garbled")


class Recompute:
    """``buffer.verify`` calls it with the digest of the configuration in force, a reading and its frames."""

    def __init__(self, accepted: Accepted) -> None:
        self._digest = accepted.loaded.digest
        self._specs = {
            meter.id: MeterSpec(meter, accepted.profiles[meter.profile])
            for meter in accepted.loaded.config.meters
        }

    def __call__(self, cfg: str | None, record: Record, frames: Sequence[RawFrame]) -> bool | None:
        """Whether they say the same; None: that cannot be told."""
        spec = self._specs.get(str(record.get("m")))
        poll = _CLASSES.get(str(record.get("s", ""))[:1])
        if cfg != self._digest or spec is None or poll is None or record.get("src") != "live":
            return None
        reads = _Reads(spec, frames)
        first = reads.played(poll)
        second = reads.played(poll) if first is not None and reads.again else None
        return None if first is None else _same(record["v"], first, second)


def _same(told: Mapping[str, str], first: Polled, second: Polled | None) -> bool | None:
    """Of one read everything must be as told, of two each value that of one of them."""
    reads = [_good(one) for one in (first, second) if one is not None]
    for name, text in told.items():
        values = [read[name] for read in reads if name in read]
        if values and text not in values:
            return False
        if not values:
            return None
    return None if second is None and reads[0].keys() != told.keys() else True


def _good(polled: Polled) -> dict[str, str]:
    return {sample.quantity: f"{sample.value:f}" for sample in polled.samples if sample.value is not None}


class _Reads:
    """The frames of one record, as what was sent and what was taken for it."""

    def __init__(self, spec: MeterSpec, frames: Sequence[RawFrame]) -> None:
        self._spec = spec
        self._driver: Driver = drivers()[spec.meter.protocol]
        self._told: dict[bytes, deque[bytes]] = defaultdict(deque)
        self._noise: set[bytes] = set()
        asked = b""
        for frame in frames:
            if frame.way == ">":
                asked = self._key(frame.data)
                self._told[asked]
            elif frame.way == "<":
                self._told[asked].append(frame.data)
            else:
                self._noise.add(asked)
        self._unsupported: frozenset[str] = frozenset()
        self._asked: set[bytes] = set()

    @property
    def again(self) -> bool:
        """Whether something that was read is there once more."""
        return any(self._told[key] for key in self._asked)

    def played(self, poll: PollClass) -> Polled | None:
        """One read from the first request on. What was not sent as a block was known not to be supported."""
        kept = {key: deque(replies) for key, replies in self._told.items()}
        for _ in range(_MOST):
            self._told = defaultdict(deque, {key: deque(replies) for key, replies in kept.items()})
            found = self._play(self._driver.poll(self._spec, poll, self._unsupported))
            if not isinstance(found, str):
                return found
            self._unsupported |= {found}
        return None

    def _play(self, course: Poll) -> Polled | str | None:
        """To its end; the label of a request that was never sent, which is then left out."""
        try:
            exchange = next(course)
            for _ in range(_MOST):
                key = self._key(exchange.request)
                if key not in self._told and exchange.label not in self._unsupported:
                    return exchange.label
                self._asked.add(key)
                exchange = course.send(self._answer(exchange, key))
        except StopIteration as stop:
            polled: Polled = stop.value
            return polled
        return None

    def _answer(self, exchange: Exchange, key: bytes) -> Answer:
        replies = self._told.get(key)
        if not replies:
            return _GARBLED if key in self._noise else _SILENT
        data = replies.popleft()
        if self._spec.meter.protocol == _TCP:  # each request had a number of its own
            data = exchange.request[:2] + data[2:]
        reply = exchange.scan(data).reply
        return _GARBLED if reply is None else Answer(reply=reply)

    def _key(self, request: bytes) -> bytes:
        return request[2:] if self._spec.meter.protocol == _TCP else request
