"""The Modbus driver, RTU and TCP: one poll of one meter as a generator of exchanges, without IO or clock.

::

    merged range --good--> its items ---------------------------------+
       |  exception 1, 2, 3: learnt, and its items                    |
       v  are asked for one by one, in this poll                      v
    single item -- good | exception ------------------------> one sample an item
       |
       v  no reply, garbled: stop; the items not read yet share that quality

Reads registers and nothing else (functions 3 and 4). Nothing a meter sends makes it raise.
"""

from __future__ import annotations

import itertools
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import lru_cache
from typing import Final

from config.profile import ModbusItem, PollClass, ratio_items
from config.site import Meter
from drivers.exchange import Answer, Exchange, MeterSpec, Poll, Polled
from drivers.modbus import mbap, rtu
from drivers.modbus.pdu import PduError, Refusal, Registers, encode
from drivers.modbus.plan import Range, label, plan
from drivers.modbus.values import WORDS, take
from drivers.samples import Quality, Sample
from drivers.scaling import primary

# MODBUS Application Protocol V1.1b3, 7: illegal function, data address, data value
_NO_SUCH_DATA: Final = frozenset({1, 2, 3})
# The same: gateway path unavailable, gateway target device failed to respond. The meter has said nothing.
_GATEWAY: Final = frozenset({0x0A, 0x0B})
_BUSY: Final = frozenset({5, 6})  # acknowledge, server busy: a smaller read would be declined as well
_FAILED: Final = frozenset({Quality.NO_REPLY, Quality.GARBLED})
_TCP: Final = "modbus-tcp"
_MAX_UNIT: Final = {
    _TCP: 255,
    "modbus-rtu": 247,
}  # V1.02, 2.2 and TCP guide V1.0b, 4.4.2.2: 255 is a TCP server itself

_transactions = itertools.count(1)  # of this process; next() on it is atomic

Outcome = tuple[int, ...] | Quality
Exchanges = Generator[Exchange, Answer, Outcome]


def exchange(meter: Meter, span: Range) -> Exchange:
    """The request for ``span`` and the rule of its reply. Raises `PduError` for a unit that cannot be."""
    unit = int(meter.address) if meter.address.isascii() and meter.address.isdigit() else -1
    lowest = 0 if meter.protocol == _TCP else 1  # 0 is the broadcast on a line
    if not lowest <= unit <= _MAX_UNIT[meter.protocol]:
        raise PduError(f"meter {meter.id}: unit {meter.address!r}")
    if meter.protocol == _TCP:
        pdu = encode(span.fc, span.address, span.count)
        request = mbap.frame(next(_transactions) & 0xFFFF, unit, pdu)
        awaited = mbap.Awaited(request, span.fc, span.count)
        return Exchange(request, awaited.scan, mbap.HEADER + 2 + 2 * span.count, label=span.label)
    return _rtu(unit, span.fc, span.address, span.count)


@lru_cache(maxsize=4096)
def _rtu(unit: int, fc: int, address: int, count: int) -> Exchange:
    """The same question is asked for years: it is put together once."""
    request = rtu.frame(unit, encode(fc, address, count))
    scan = rtu.Awaited(request, unit, fc, count).scan
    return Exchange(request, scan, 5 + 2 * count, label=label(fc, address, count))


def _outcome(answer: Answer) -> Outcome:
    reply = answer.reply
    if isinstance(reply, Registers):
        return reply.values
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
    outcomes: dict[tuple[int, int, int], Outcome] = field(default_factory=dict)
    failed: Quality | None = None
    unsupported: set[str] = field(default_factory=set)
    doubts: dict[str, Quality] = field(default_factory=dict)  # ratio -> why the meter's own is not known

    def fetch(self, span: Range) -> Poll:
        """Read ``span``; if it is declined and can be split, read its parts."""
        answer = yield exchange(self.meter, span)
        outcome = _outcome(answer)
        if not isinstance(outcome, Quality):
            self._book(span, outcome)
        elif outcome in _FAILED:
            self.failed = outcome
        elif span.merged and not _busy(answer):
            if outcome is Quality.UNSUPPORTED:
                self.unsupported.add(span.label)
            for part in span.split():
                if self.failed is None:
                    yield from self.fetch(part)
        else:
            self._book(span, outcome)
        return Polled(())

    def _book(self, span: Range, outcome: Outcome) -> None:
        for item in span.items:
            words = WORDS[item.type]
            at = item.address - span.address
            part = outcome if isinstance(outcome, Quality) else outcome[at : at + words]
            self.outcomes[(span.fc, item.address, words)] = part

    def sample(self, item: ModbusItem) -> Sample:
        """The sample of ``item``; what was not read shares the reason why the poll stopped."""
        missed = self.failed or Quality.NO_REPLY
        outcome = self.outcomes.get((item.fc, item.address, WORDS[item.type]), missed)
        if isinstance(outcome, Quality):
            return Sample(item.quantity, None, outcome)
        value = take(outcome, item)
        if isinstance(value, Quality):
            return Sample(item.quantity, None, value)
        doubt = self._ratio_doubt(item) if self.doubts else None
        if doubt is not None:
            return Sample(item.quantity, None, doubt)
        return Sample(item.quantity, primary(value, item, self.meter), Quality.GOOD)

    def take_ratios(self, items: Sequence[ModbusItem]) -> None:
        """Use the ratios that the meter's own registers hold. One that was not read, or that no transformer
        has, takes the number from every item that needs it: a value with a wrong ratio would be false."""
        for item in items:
            sample = self.sample(item)
            if sample.value is None or sample.value < 1:
                self.doubts[item.quantity] = sample.quality if sample.value is None else Quality.INVALID
            else:
                self.meter = _with_ratio(self.meter, item.quantity, sample.value)

    def _ratio_doubt(self, item: ModbusItem) -> Quality | None:
        return next((doubt for name, doubt in self.doubts.items() if name in item.ratio), None)


def _with_ratio(meter: Meter, name: str, value: Decimal) -> Meter:
    return replace(meter, ct=value) if name == "ct" else replace(meter, pt=value)


@dataclass(frozen=True, slots=True)
class _Plan:
    """What one class of a meter needs: its items, the ratio registers read along, and the ranges of both."""

    items: tuple[ModbusItem, ...]
    ratios: tuple[ModbusItem, ...]
    spans: tuple[Range, ...]


@lru_cache(maxsize=512)
def _plan(spec: MeterSpec, wanted: PollClass, unsupported: frozenset[str]) -> _Plan:
    """The same from poll to poll, so it is made once."""
    return _plan_of(spec, [item for item in spec.profile.modbus if item.poll == wanted], unsupported)


def _plan_of(spec: MeterSpec, items: Sequence[ModbusItem], unsupported: frozenset[str]) -> _Plan:
    profile = spec.profile
    ratios = ratio_items(profile, items)
    all_items = [*items, *(item for item in ratios if item not in items)]
    spans = plan(all_items, profile.max_registers, profile.max_gap, unsupported)
    return _Plan(tuple(items), ratios, spans)


def _poll(spec: MeterSpec, wanted: _Plan) -> Poll:
    reading = _Reading(spec.meter)
    for span in wanted.spans:
        if reading.failed is None:
            yield from reading.fetch(span)
    reading.take_ratios(wanted.ratios)
    samples = tuple([reading.sample(item) for item in wanted.items])
    return Polled(samples, frozenset(reading.unsupported))


class Modbus:
    """`drivers.exchange.Driver` for Modbus RTU (also through an RTU-over-TCP gateway) and Modbus TCP."""

    protocols: tuple[str, ...] = ("modbus-rtu", _TCP)
    default_gap_ms: int = 0  # 3.5 characters are enough

    def poll(self, spec: MeterSpec, poll: PollClass, unsupported: frozenset[str]) -> Poll:
        """Read all items of one class, merged; samples in the profile's order."""
        return _poll(spec, _plan(spec, poll, unsupported))

    def probe(self, spec: MeterSpec) -> Poll:
        """Read the shortest item. Any answer, an exception of the meter too, shows that it lives."""
        shortest = sorted(spec.profile.modbus, key=lambda item: WORDS[item.type])[:1]
        items = [replace(item, ratio="none") for item in shortest]  # one exchange: the value is not used
        return _poll(spec, _plan_of(spec, items, frozenset()))


DRIVER: Final = Modbus()
