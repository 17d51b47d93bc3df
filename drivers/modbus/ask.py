"""What a Modbus meter is asked in one class, and how its items are taken from what it answers. Pure.

The same from poll to poll, so it is planned once; only a request over TCP is made anew, for its number.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Final

from config.profile import ModbusItem, PollClass, ratio_items
from config.site import Meter
from drivers.exchange import Exchange, MeterSpec
from drivers.modbus import mbap, rtu
from drivers.modbus.pdu import PduError, data_bytes, encode
from drivers.modbus.plan import Place, Range, place, plan
from drivers.modbus.values import Taker, taker
from drivers.samples import Quality, Sample
from drivers.scaling import factor, scaled

_GOOD: Final = Quality.GOOD  # a member of an enum by its name costs a search each time

TCP: Final = "modbus-tcp"
_MAX_UNIT: Final = {
    TCP: 255,
    "modbus-rtu": 247,
}  # V1.02, 2.2 and TCP guide V1.0b, 4.4.2.2: 255 is a TCP server itself

_transactions = itertools.count(1)  # of this process; next() on it is atomic


def exchange(meter: Meter, span: Range) -> Exchange:
    """The request for ``span`` and the rule of its reply. Raises `PduError` for a unit that cannot be."""
    unit = int(meter.address) if meter.address.isascii() and meter.address.isdigit() else -1
    lowest = 0 if meter.protocol == TCP else 1  # 0 is the broadcast on a line
    if not lowest <= unit <= _MAX_UNIT[meter.protocol]:
        raise PduError(f"meter {meter.id}: unit {meter.address!r}")
    pdu = encode(span.fc, span.address, span.count)
    size = data_bytes(span.fc, span.count)
    if meter.protocol == TCP:
        request = mbap.frame(next(_transactions) & 0xFFFF, unit, pdu)
        awaited = mbap.Awaited(request, span.fc, span.count)
        return Exchange(request, awaited.scan, mbap.HEADER + 2 + size, label=span.label)
    request = rtu.frame(unit, pdu)
    rule = rtu.Awaited(request, unit, span.fc, span.count)
    return Exchange(request, rule.scan, rule.size, rule.sole, label=span.label)


@dataclass(frozen=True, slots=True)
class Ask:
    """A range, its request (None over TCP, where each has its own number), and whose its bytes are."""

    span: Range
    request: Exchange | None
    cuts: tuple[tuple[Place, slice], ...]


def ask_of(meter: Meter, span: Range) -> Ask:
    """Of one range."""
    return Ask(span, None if meter.protocol == TCP else exchange(meter, span), span.cuts())


@dataclass(frozen=True, slots=True)
class Wanted:
    """An item, where the meter keeps it, how it is taken, and its factor by the site's ratios."""

    item: ModbusItem
    place: Place
    take: Taker
    factor: Decimal | None


def _wanted(item: ModbusItem, meter: Meter) -> Wanted:
    return Wanted(item, place(item), taker(item), factor(item, meter))


@dataclass(frozen=True, slots=True)
class Needed:
    """What one class of a meter needs: its items, the ratio registers read along, the requests for both."""

    wanted: tuple[Wanted, ...]
    ratios: tuple[Wanted, ...]
    asks: tuple[Ask, ...]


def needed_of(spec: MeterSpec, items: Sequence[ModbusItem], unsupported: frozenset[str]) -> Needed:
    """For these items."""
    meter, profile = spec.meter, spec.profile
    ratios = ratio_items(profile, items)
    read = [*items, *(item for item in ratios if item not in items)]
    spans = plan(read, profile.max_registers, profile.max_gap, unsupported)
    return Needed(
        tuple(_wanted(item, meter) for item in items),
        tuple(_wanted(item, meter) for item in ratios),
        tuple(ask_of(meter, span) for span in spans),
    )


@lru_cache(maxsize=512)
def needed(spec: MeterSpec, poll: PollClass, unsupported: frozenset[str]) -> Needed:
    """The same from poll to poll, so it is made once."""
    return needed_of(spec, [item for item in spec.profile.modbus if item.poll == poll], unsupported)


def sample(name: str, value: Decimal | Quality, by: Decimal | None) -> Sample:
    """What was taken for an item, times its factor."""
    if isinstance(value, Decimal):
        return Sample(name, value if by is None else scaled(value, by), _GOOD)
    return Sample(name, None, value)


def blank(told: Iterable[bytes]) -> bool:
    """Whether the meter sent nothing but FF."""
    return not any(data.strip(b"\xff") for data in told)


def filled(samples: Iterable[Sample]) -> tuple[Sample, ...]:
    """Beside a value that is fill, -1 of a signed register is fill as well; alone it is -1."""
    return tuple(
        Sample(name, None, Quality.MISSING if quality is Quality.GOOD else quality)
        for name, _, quality in samples
    )
