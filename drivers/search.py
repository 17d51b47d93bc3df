"""What a search for meters is made of: its plan, its requests, what it has found. No IO, no clock.

`Search` is the state that ``drivers.scan645`` and ``drivers.scanmodbus`` share; `drivers.scan` runs them. An
`Ask` says how and what to send, whoever owns the line sends it. Never builds a request itself.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from config.profile import Profile
from config.site import Line, Meter
from drivers.exchange import Answer, Driver, Exchange, MeterSpec, Poll
from drivers.registry import drivers
from drivers.samples import Quality, Sample
from drivers.wire import Manner

LATE_MS: Final = 3000  # a device that failed is not asked again before: its late reply would be misbooked
TIMEOUT_645_MS: Final = 550.0  # a meter's reply delay is 500 ms at most (DL/T 645-2007, reply delay)
TIMEOUT_MODBUS_MS: Final = 500.0
OWNER: Final = "scan"  # in the place of a meter's id
UNITS: Final = tuple(range(1, 11))


@dataclass(frozen=True, slots=True)
class Ask:
    """One exchange. ``rest_ms``: leave the line alone for so long before it; ``follows``: it goes on with the
    exchange before, and its meter must be asked nothing else between."""

    manner: Manner
    exchange: Exchange
    rest_ms: int = 0
    follows: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """A meter that answered. ``profile``: the best that fits, or None; ``others`` fit as well; ``values``:
    what it showed through that profile; ``confirmed``: it answered under its exact address as well;
    ``timeout_s``: it may take so long to answer, in seconds; None: no longer than usual."""

    protocol: str
    address: str
    line: Line | None
    profile: str | None
    others: tuple[str, ...] = ()
    values: tuple[Sample, ...] = ()
    confirmed: bool = True
    timeout_s: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to try. ``lines``: protocol -> settings, ``(None,)`` where the line has none of its own;
    ``known``: (protocol, address) of meters that are not to be asked; ``deep``: ask silent Modbus units
    for every known model's registers, not for register 0 alone; ``patient``: wait for late answers too, which
    keeps the line longer than polls beside it may bear."""

    lines: Mapping[str, Sequence[Line | None]]
    profiles: Mapping[str, Profile]
    units: tuple[int, ...] = UNITS
    known: frozenset[tuple[str, str]] = frozenset()
    deep: bool = False
    patient: bool = True


Exchanges = Generator[Ask, Answer, None]


@dataclass(slots=True)
class Search:
    """A search under way; its fields may be read at any time."""

    plan: Plan
    found: list[Found] = field(default_factory=list)
    noisy: list[str] = field(default_factory=list)  # where everything seemed to answer
    unclear: list[str] = field(default_factory=list)  # where somebody answered who could not be told apart
    nameless: list[str] = field(default_factory=list)  # where somebody answered who told no address
    where: str = ""  # what is being tried
    asked: int = 0
    ahead_ms: float = 0.0  # time for what is planned still, if nobody answers

    def knows(self, protocol: str, address: str) -> bool:
        """True for a meter found already, or not to be asked. Both editions of DL/T 645 have one space of
        addresses: a meter that speaks both is one meter."""
        space = protocol.partition("-")[0]
        return (protocol, address) in self.plan.known or any(
            one.address == address
            and (one.protocol == protocol or (one.confirmed and one.protocol.startswith(space)))
            for one in self.found
        )

    def send(self, ask: Ask) -> Generator[Ask, Answer, Answer]:
        """One exchange, counted."""
        self.asked += 1
        return (yield ask)

    def poll(
        self, spec: MeterSpec, rest_ms: int = 0, timeout_ms: float | None = None
    ) -> Generator[Ask, Answer, tuple[Sample, ...]]:
        """The fast items of ``spec`` through its own driver; after a failure the next request waits."""
        spoken = manner(spec.meter.protocol, spec.meter.line, timeout_ms)
        driver = drivers()[spec.meter.protocol]
        poll: Poll = driver.poll(spec, "fast", frozenset())
        try:
            exchange = next(poll)
            while True:
                answer = yield from self.send(Ask(spoken, exchange, rest_ms))
                rest_ms = 0 if answer.failure is None else LATE_MS
                exchange = poll.send(answer)
        except StopIteration as stop:
            samples: tuple[Sample, ...] = stop.value.samples
            return samples


def manner(protocol: str, line: Line | None, timeout_ms: float | None = None) -> Manner:
    """How the search speaks a protocol; ``timeout_ms``: not as long as usual, but so long."""
    driver: Driver = drivers()[protocol]
    usual = TIMEOUT_645_MS if protocol.startswith("dlt645") else TIMEOUT_MODBUS_MS
    return Manner(OWNER, line, driver.default_gap_ms, usual if timeout_ms is None else timeout_ms, driver)


def spec(protocol: str, address: str, line: Line | None, profile: Profile) -> MeterSpec:
    """A meter as the search asks it: no ratios, no retries."""
    meter = Meter(id=OWNER, bus=OWNER, protocol=protocol, address=address, profile=profile.id, line=line)
    return MeterSpec(meter, profile)


def failed(samples: Sequence[Sample]) -> bool:
    """True if the meter did not answer to the last."""
    return any(sample.quality in (Quality.NO_REPLY, Quality.GARBLED) for sample in samples)


def silent_ms_of(protocol: str, line: Line | None, request: int, reply: int) -> float:
    """Time of one exchange that nobody answers; ``request`` and ``reply`` in bytes."""
    spoken = manner(protocol, line)
    return spoken.wire_ms(request + reply) + spoken.timeout_ms + max(50.0, spoken.gap_ms, spoken.silence_ms)
