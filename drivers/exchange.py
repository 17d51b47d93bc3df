"""The seam between protocols and the bus: a protocol is a generator of exchanges, without IO or clock.

::

    driver.poll(meter, "fast", learnt)          bus
      yield Exchange(request, scan, reply_bytes) --->  silence, write, collect bytes
      answer = Answer(reply | failure)           <---  scan(buffer) until a reply or the timeout
      return Polled(samples, unsupported)

The bus owns time, silence, retry, fence and counters; the protocol owns bytes and meaning. A generator
must not raise on anything a meter can send.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple, Protocol

from config.profile import PollClass, Profile
from config.site import Meter
from drivers.memory import Ended, Span, Tell, TellEvent
from drivers.samples import Sample


@dataclass(frozen=True, slots=True, eq=False)
class MeterSpec:
    """A declared meter and its profile. Compared by identity, so that what a driver prepares for a meter is
    found again in no time."""

    meter: Meter
    profile: Profile


class Scan(NamedTuple):
    """What a hunt through the receive buffer found.

    ``reply`` is the protocol's own decoded frame if the awaited one is in the buffer; ``rest`` is what must
    be kept and handed in again with the next bytes (bounded: never longer than one largest frame).
    """

    reply: object | None
    rest: bytes
    frame: bytes = b""  # the reply's exact bytes
    foreign: int = 0  # sound frames of another address, function, DI or register count
    echo: int = 0  # our own request heard
    checksum: int = 0  # candidates with a wrong checksum
    dropped: int = 0  # bytes that belong to no frame


def never(buffer: bytes) -> None:
    """A `Exchange.sole` that leaves everything to the scan."""
    del buffer


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and the rule by which its reply is known.

    ``sole`` is the scan's short cut: of a buffer that is the awaited reply and nothing that counts, as it
    nearly always is, the decoded reply and its exact bytes, which end the buffer; None of any other.
    """

    request: bytes
    scan: Callable[[bytes], Scan]
    reply_bytes: int  # expected length of a good reply: when the rest is due
    sole: Callable[[bytes], tuple[object, bytes] | None] = never
    wildcard: bool = False  # any meter may answer: fences the whole line
    label: str = ""  # for people: "0201FF00", "03 0x2006+6"
    follows: bool = False  # it goes on with the exchange before: nothing else may be asked between


Failure = Literal["no_reply", "garbled", "port"]


@dataclass(slots=True)
class Answer:
    """Exactly one of the two is set."""

    reply: object | None = None
    failure: Failure | None = None


class Polled(NamedTuple):
    """Samples in the profile's order; ``unsupported``: blocks, and items of the slow class, that this meter
    was found not to know; ``doubted``: values that could not be, so that all was read once more."""

    samples: tuple[Sample, ...]
    unsupported: frozenset[str] = frozenset()
    doubted: int = 0


class Script(Protocol):
    """A poll of which every request is known before it begins, one at least."""

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        """The requests, in order."""

    def take(self, at: int, reply: object) -> bytes | None:
        """The part that the reply to request ``at`` gives; None of a reply that is not as foreseen."""

    def read(self, parts: Sequence[bytes]) -> Polled:
        """What was read when all requests were answered as foreseen."""


Poll = Generator[Exchange, Answer, Polled]
Recall = Generator[Exchange, Answer, Ended]  # what a meter stored, told record by record
ClockRead = Generator[Exchange, Answer, datetime | None]  # a meter's own date and time


class Driver(Protocol):
    """One protocol family. A folder under ``drivers/`` that holds ``DRIVER`` is found by itself."""

    protocols: tuple[str, ...]  # names as in the site file
    default_gap_ms: int  # silence before a request beyond 3.5 characters

    def poll(self, spec: MeterSpec, poll: PollClass, unsupported: frozenset[str]) -> Poll:
        """Read all items of one class, blocks first. ``unsupported``: blocks and items not to ask for."""

    def script(self, spec: MeterSpec, poll: PollClass, unsupported: frozenset[str]) -> Script | None:
        """The same poll as long as nothing goes wrong; None where a request depends on an answer."""

    def probe(self, spec: MeterSpec) -> Poll:
        """One short exchange that shows whether the meter lives."""

    def recall(self, spec: MeterSpec, span: Span, tell: Tell) -> Recall | None:
        """What the meter stored of itself in ``span``, each record told once; None if its kind stores nothing
        that can be asked for."""

    def clock(self, spec: MeterSpec) -> ClockRead | None:
        """The meter's date and time, by the exchange it ends with; None if its kind has none."""

    def events(self, spec: MeterSpec, counts: Mapping[str, int], tell: TellEvent) -> Recall | None:
        """Of each counter that many of its newest event records, as far as the meter has them; None if its
        kind keeps none that can be asked for."""
