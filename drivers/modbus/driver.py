"""The Modbus driver, RTU and TCP: one poll of one meter as a generator of exchanges, without IO or clock.

::

    merged range --good--> its items ---------------------------------+
       |  exception 1, 2, 3: learnt, and its items                    |
       v  are asked for one by one, in this poll                      v
    single item -- good | exception ------------------------> one sample an item
       |
       v  no reply, garbled: stop; the items not read yet share that quality

Reads registers (functions 3 and 4) and bits (1 and 2), nothing else. Nothing a meter sends makes it raise.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Final

from config.profile import ModbusItem, PollClass
from config.site import Meter
from drivers.exchange import Answer, ClockRead, Exchange, MeterSpec, Poll, Polled, Recall, Script
from drivers.memory import Span, Tell, TellEvent
from drivers.modbus.ask import (
    TCP,
    Ask,
    Needed,
    Wanted,
    ask_of,
    blank,
    exchange,
    filled,
    needed,
    needed_of,
    sample,
)
from drivers.modbus.pdu import Refusal
from drivers.modbus.plan import Place
from drivers.modbus.script import script
from drivers.modbus.values import WORDS
from drivers.samples import Quality, Sample
from drivers.scaling import factor

# MODBUS Application Protocol V1.1b3, 7: illegal function, data address, data value
_NO_SUCH_DATA: Final = frozenset({1, 2, 3})
# The same: gateway path unavailable, gateway target device failed to respond. The meter has said nothing.
_GATEWAY: Final = frozenset({0x0A, 0x0B})
_BUSY: Final = frozenset({5, 6})  # acknowledge, server busy: a smaller read would be declined as well
_FAILED: Final = frozenset({Quality.NO_REPLY, Quality.GARBLED})

Outcome = bytes | Quality  # the registers of a value, or why there are none


def _outcome(answer: Answer) -> Outcome:
    reply = answer.reply
    if isinstance(reply, bytes):
        return reply
    if isinstance(reply, Refusal):
        if reply.code in _GATEWAY:
            return Quality.NO_REPLY
        return Quality.UNSUPPORTED if reply.code in _NO_SUCH_DATA else Quality.REFUSED
    return Quality.GARBLED if answer.failure == "garbled" else Quality.NO_REPLY


def _busy(answer: Answer) -> bool:
    return isinstance(answer.reply, Refusal) and answer.reply.code in _BUSY


@dataclass(slots=True)
class _Reading:
    """One poll under way: the outcome of each register range that belongs to one value."""

    meter: Meter
    outcomes: dict[Place, Outcome] = field(default_factory=dict)
    failed: Quality | None = None
    unsupported: set[str] = field(default_factory=set)
    own_ratios: bool = False  # the meter's registers said them
    doubts: dict[str, Quality] = field(default_factory=dict)  # ratio -> why the meter's own is not known

    def fetch(self, ask: Ask) -> Generator[Exchange, Answer, None]:
        """Read a range; if it is declined and can be split, read its parts."""
        answer = yield ask.request or exchange(self.meter, ask.span)
        outcome = _outcome(answer)
        if isinstance(outcome, bytes):
            for where, cut in ask.cuts:
                self.outcomes[where] = outcome[cut]
        elif outcome in _FAILED:
            self.failed = outcome
        elif ask.span.merged and not _busy(answer):
            if outcome is Quality.UNSUPPORTED:
                self.unsupported.add(ask.span.label)
            for part in ask.span.split():
                if self.failed is None:
                    yield from self.fetch(ask_of(self.meter, part))
        else:
            self.outcomes.update((where, outcome) for where, _ in ask.cuts)

    def sample(self, wanted: Wanted) -> Sample:
        """The sample of an item; what was not read shares the reason why the poll stopped."""
        item = wanted.item
        outcome = self.outcomes.get(wanted.place) or self.failed or Quality.NO_REPLY
        value = wanted.take(outcome) if isinstance(outcome, bytes) else outcome
        if self.doubts and isinstance(value, Decimal):
            value = self._ratio_doubt(item) or value
        return sample(item.quantity, value, factor(item, self.meter) if self.own_ratios else wanted.factor)

    def take_ratios(self, ratios: Sequence[Wanted]) -> None:
        """Use the ratios that the meter's own registers hold. One that was not read, or that no transformer
        has, takes the number from every item that needs it: a value with a wrong ratio would be false."""
        for wanted in ratios:
            sample = self.sample(wanted)
            if sample.value is None or sample.value < 1:
                self.doubts[sample.quantity] = sample.quality if sample.value is None else Quality.INVALID
            else:
                self.meter = _with_ratio(self.meter, sample.quantity, sample.value)
                self.own_ratios = True

    def _ratio_doubt(self, item: ModbusItem) -> Quality | None:
        return next((doubt for name, doubt in self.doubts.items() if name in item.ratio), None)


def _with_ratio(meter: Meter, name: str, value: Decimal) -> Meter:
    return replace(meter, ct=value) if name == "ct" else replace(meter, pt=value)


def _poll(meter: Meter, needed: Needed) -> Poll:
    reading = _Reading(meter)
    for ask in needed.asks:
        if reading.failed is None:
            yield from reading.fetch(ask)
    reading.take_ratios(needed.ratios)
    samples = tuple([reading.sample(wanted) for wanted in needed.wanted])
    told = [outcome for outcome in reading.outcomes.values() if isinstance(outcome, bytes)]
    if any(sample.quality is Quality.MISSING for sample in samples) and blank(told):
        samples = filled(samples)
    return Polled(samples, frozenset(reading.unsupported))


class Modbus:
    """`drivers.exchange.Driver` for Modbus RTU (also through an RTU-over-TCP gateway) and Modbus TCP."""

    protocols: tuple[str, ...] = ("modbus-rtu", TCP)
    default_gap_ms: int = 0  # 3.5 characters are enough

    def poll(self, spec: MeterSpec, poll: PollClass, unsupported: frozenset[str]) -> Poll:
        """Read all items of one class, merged; samples in the profile's order."""
        return _poll(spec.meter, needed(spec, poll, unsupported))

    def script(self, spec: MeterSpec, poll: PollClass, unsupported: frozenset[str]) -> Script | None:
        """All ranges, each answered by its registers."""
        return script(needed(spec, poll, unsupported))

    def probe(self, spec: MeterSpec) -> Poll:
        """Read the shortest item. Any answer, an exception of the meter too, shows that it lives."""
        shortest = sorted(spec.profile.modbus, key=lambda item: WORDS[item.type])[:1]
        items = [replace(item, ratio="none") for item in shortest]  # one exchange: the value is not used
        return _poll(spec.meter, needed_of(spec, items, frozenset()))

    def recall(self, spec: MeterSpec, span: Span, tell: Tell) -> Recall | None:
        """None. The one public map of stored values, the days of an Acrel ADL400, leaves open which energy
        they are and by which clock (ADR 0013)."""
        return None

    def clock(self, spec: MeterSpec) -> ClockRead | None:
        """None: where its clock stands each maker decides."""
        return None

    def events(self, spec: MeterSpec, counts: Mapping[str, int], tell: TellEvent) -> Recall | None:
        """None: no common Modbus meter tells its event records under a register map that is public."""
        return None


DRIVER: Final = Modbus()
