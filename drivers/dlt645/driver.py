"""The DL/T 645-2007 driver: one poll of one meter as a generator of exchanges, without IO or clock.

::

    block DI ---good--> its items ---------------------------+
       |  D1, or a length that does not fit: learnt, and     |
       v  its items are asked for one by one, in this poll   v
    single DI -- good | D1 | wrong length -----------> one sample an item
       |
       v  no reply, garbled: stop; the items not read yet share that quality

Nothing here writes to a meter, and nothing a meter sends makes it raise. A length that does not fit is
INVALID, never cut or filled up; the one exception is `Layout.spared`.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Context, Decimal
from types import MappingProxyType
from typing import Final

from config.profile import DltBlock, DltItem, PollClass, Profile
from config.site import Meter
from drivers.dlt645.fetch import MeterLine, Outcome
from drivers.dlt645.format import digits, take, take_digits
from drivers.dlt645.frame import (
    OVERHEAD,
    WILDCARD,
    Frame,
    Function,
    address_bytes,
    encode_read_address,
)
from drivers.dlt645.item import lookup
from drivers.dlt645.reply import Awaited
from drivers.exchange import Answer, Exchange, MeterSpec, Poll, Polled
from drivers.samples import Quality, Sample

_EXACT: Final = Context(prec=60)  # products of meter digits and ratios are never rounded
_PROBES: Final = ("02010100", "00010000")  # voltage A, forward active total: short, and nearly everywhere
_DEMAND: Final = "01"  # DI3 of the items that carry a time behind their value


def _failure(outcome: Outcome) -> Quality | None:
    """The quality that says the line, not the item, is at fault."""
    return outcome if outcome is Quality.NO_REPLY or outcome is Quality.GARBLED else None


def _wire_size(di: str, item: DltItem | None) -> int | None:
    """Bytes of data of a single DI, None if neither profile nor table knows it."""
    layout = lookup(di)
    if item is not None and (layout is None or di[:2] != _DEMAND):
        return digits(item.format)[0]
    return None if layout is None else sum(f.size for f in layout.fields[: layout.least])


def _sizes(profile: Profile) -> Mapping[str, int]:
    """Single DI -> bytes on the wire, of all items and all block members."""
    items = {item.di.upper(): item for item in profile.dlt}
    members = {di.upper() for block in profile.blocks for di in block.items}
    sizes = {di: _wire_size(di, items.get(di)) for di in items.keys() | members}
    return MappingProxyType({di: size for di, size in sizes.items() if size is not None})


@dataclass(slots=True)
class _Reading:
    """One poll under way: what each single DI gave, and what was learnt of the blocks."""

    line: MeterLine
    sizes: Mapping[str, int]
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    failed: Quality | None = None
    unsupported: set[str] = field(default_factory=set)
    answered: bool = False
    unanswered: list[DltBlock] = field(default_factory=list)

    def block(self, block: DltBlock) -> Generator[Exchange, Answer, None]:
        """Read a block; give its items their data, or learn that it is not to be tried again.

        Silence on a block of a meter that just answered something else may be the meter's way to refuse
        it: its items are asked for, and the next silence ends the poll.
        """
        names = [di.upper() for di in block.items]
        sizes = [self.sizes[di] for di in names]
        outcome = yield from self.line.fetch(block.di, sum(sizes))
        failure = _failure(outcome)
        if failure is Quality.NO_REPLY and self.answered:
            self.unanswered.append(block)
        else:
            self.failed = failure
        self.answered = failure is None
        if isinstance(outcome, bytes) and _fits(block.di, len(outcome), sizes):
            self._split(names, outcome)
        elif failure is None:
            self.unsupported.add(block.di)

    def _split(self, names: Sequence[str], data: bytes) -> None:
        at = 0
        for di in names:
            self.outcomes[di] = data[at : at + self.sizes[di]]
            at += self.sizes[di]

    def single(self, di: str) -> Generator[Exchange, Answer, None]:
        """Read one DI by itself."""
        outcome = yield from self.line.fetch(di, self.sizes[di])
        self.outcomes[di] = outcome
        self.failed = _failure(outcome)

    def learnt(self) -> frozenset[str]:
        """Blocks not to be tried again: refused, odd, or silent where one of their items was answered."""
        silent = {b.di for b in self.unanswered if any(self._answered(di.upper()) for di in b.items)}
        return frozenset(self.unsupported | silent)

    def _answered(self, di: str) -> bool:
        return di in self.outcomes and _failure(self.outcomes[di]) is None


def _fits(di: str, length: int, sizes: Sequence[int]) -> bool:
    """A block is believed only in exactly its own length; a tariff block (energy and demand with DI1 FF)
    may go on behind the items wanted, because it holds as many tariffs as the meter has set up."""
    wanted = sum(sizes)
    if di[:2] in ("00", "01") and di[4:6].upper() == "FF":
        layout = lookup(di)
        return length >= wanted and layout is not None and layout.count(length) is not None
    return length == wanted


def _value_bytes(item: DltItem, data: bytes) -> bytes:
    """The item's own bytes: without the spare byte of a voltage, without the time of a demand."""
    layout = lookup(item.di)
    if layout is None:
        return data
    if item.di.startswith(_DEMAND) and layout.count(len(data)) is not None:
        return data[: layout.fields[0].size]
    return data[:-1] if layout.spared(data) else data


def _sample(item: DltItem, meter: Meter, outcome: Outcome) -> Sample:
    if isinstance(outcome, Quality):
        return Sample(item.quantity, None, outcome)
    taken = take(_value_bytes(item, outcome), item.format, signed=item.signed)
    if taken.value is None:
        return Sample(item.quantity, None, taken.quality)
    return Sample(item.quantity, _primary(taken.value, item, meter), Quality.GOOD)


def _primary(value: Decimal, item: DltItem, meter: Meter) -> Decimal:
    """Scale, then apply the ratios; trailing zeros kept, ones leave the digits alone."""
    factors = [item.scale]
    if item.ratio in ("ct", "ptct"):
        factors.append(meter.ct)
    if item.ratio in ("pt", "ptct"):
        factors.append(meter.pt)
    for factor in factors:
        if factor != 1:
            value = _EXACT.multiply(value, factor)
    exponent = value.as_tuple().exponent
    return value.quantize(Decimal(1), context=_EXACT) if isinstance(exponent, int) and exponent > 0 else value


def _blocks(
    profile: Profile, wanted: set[str], skip: frozenset[str], known: Mapping[str, int]
) -> Iterator[DltBlock]:
    """Blocks worth asking for: at least two wanted items, all lengths known, not learnt to fail.

    ``wanted`` may shrink while the caller goes on: what one block gave, the next need not give again.
    """
    for block in profile.blocks:
        members = {di.upper() for di in block.items}
        if block.di not in skip and len(members & wanted) > 1 and members <= known.keys():
            yield block


def _poll(spec: MeterSpec, items: Sequence[DltItem], unsupported: frozenset[str]) -> Poll:
    sizes = _sizes(spec.profile)
    reading = _Reading(MeterLine(spec.meter.address), sizes)
    wanted = {item.di.upper() for item in items}
    for block in _blocks(spec.profile, wanted, unsupported, sizes):
        yield from reading.block(block)
        wanted -= reading.outcomes.keys()
        if reading.failed is not None:
            break
    for item in items:
        di = item.di.upper()
        if reading.failed is None and di not in reading.outcomes:
            yield from reading.single(di)
    rest = reading.failed or Quality.NO_REPLY
    samples = (_sample(item, spec.meter, reading.outcomes.get(item.di.upper(), rest)) for item in items)
    return Polled(tuple(samples), reading.learnt())


def find_address(address: str = WILDCARD) -> Generator[Exchange, Answer, str | None]:
    """13H: the address of the meter that ``address`` (AA for any byte) selects; None without a sound reply.

    Two meters that answer at once garble each other: that too is None.
    """
    request = encode_read_address(address)
    awaited = Awaited(request, address_bytes(address), Function.READ_ADDRESS)
    answer = yield Exchange(
        request=request,
        scan=awaited.scan,
        reply_bytes=OVERHEAD + 6,
        wildcard=True,
        label="address",
    )
    reply = answer.reply
    if not isinstance(reply, Frame) or reply.refusal:
        return None
    return take_digits(reply.data)[0]


class Dlt645:
    """`drivers.exchange.Driver` for DL/T 645-2007."""

    protocols: tuple[str, ...] = ("dlt645-2007",)
    default_gap_ms: int = 20  # a meter's reply delay Td is 20 ms at least (DL/T 645-2007, reply delay)

    def poll(self, spec: MeterSpec, poll: PollClass, unsupported: frozenset[str]) -> Poll:
        """Read all items of one class, blocks first; samples in the profile's order."""
        return _poll(spec, [item for item in spec.profile.dlt if item.poll == poll], unsupported)

    def probe(self, spec: MeterSpec) -> Poll:
        """One short read: voltage A, else the energy total, else the first item. Any answer, a refusal
        too, gives another quality than NO_REPLY and GARBLED."""
        by_di = {item.di: item for item in reversed(spec.profile.dlt)}
        found = next((by_di[di] for di in _PROBES if di in by_di), None)
        items = spec.profile.dlt[:1] if found is None else (found,)
        return _poll(spec, items, frozenset())


DRIVER: Final = Dlt645()
