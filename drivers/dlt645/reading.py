"""One poll of a DL/T 645 meter of either edition, as a generator of exchanges, without IO or clock.

::

    block DI ---good--> its items ---------------------------+
       |  refused, or a length that does not fit: learnt,    |
       v  its items are asked for one by one, in this poll   v
    single DI -- good | refused | wrong length --------> one sample an item
       |
       v  no reply, garbled: stop; the items not read yet share that quality

In the slow class one silence behind an answer does not end the poll: some meters refuse by it. What a meter
declines there is told, and what it is known to decline is UNSUPPORTED without being asked for.

What differs between the editions stands in an `Edition`. Nothing here writes to a meter, and nothing a meter
sends makes it raise. A length that does not fit is INVALID, never cut or filled up.
"""

from __future__ import annotations

from collections.abc import Generator, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from types import MappingProxyType
from typing import Protocol

from config.profile import DltBlock, DltItem, PollClass, Profile, data_bytes
from drivers.dlt645.fetch import DECLINED, Dialect, MeterLine, Outcome
from drivers.dlt645.format import Taken, take, take_bit
from drivers.exchange import Answer, Exchange, MeterSpec, Poll, Polled
from drivers.samples import Quality, Sample
from drivers.scaling import factor, scaled


class Edition(Hashable, Protocol):
    """What a poll must know of an edition of DL/T 645. There are two, each equal to itself alone."""

    @property
    def dialect(self) -> Dialect:
        """Its reading functions."""

    @property
    def probes(self) -> tuple[str, ...]:
        """DIs that are short, and nearly everywhere, best first."""

    def size(self, di: str, item: DltItem | None) -> int | None:
        """Bytes of data of a single DI, None if neither profile nor table knows it."""

    def fits(self, di: str, data: bytes, sizes: Sequence[int]) -> bool:
        """Whether ``data`` may be that of block ``di`` whose wanted items, its first, have these sizes."""

    def masked(self, di: str) -> bool:
        """Whether the top bit of an item is no part of its number, whatever its profile says."""

    def value_bytes(self, item: DltItem, data: bytes) -> bytes:
        """The item's own bytes, without what some meters put behind."""


def _failure(outcome: Outcome) -> Quality | None:
    """The quality that says the line, not the item, is at fault."""
    return outcome if outcome is Quality.NO_REPLY or outcome is Quality.GARBLED else None


def _take(wanted: _Wanted, data: bytes) -> Taken:
    """The number of an item, from its own bytes."""
    item = wanted.item
    if item.bit is not None:
        return take_bit(data, item.bit)
    if item.of > 1:
        size = len(data) // item.of if len(data) == data_bytes(item) else 0  # what does not fit is no number
        data = data[(item.nth - 1) * size : item.nth * size]
    return take(data, item.format, signed=item.signed, masked=wanted.masked)


def _sizes(edition: Edition, profile: Profile) -> Mapping[str, int]:
    """Single DI -> bytes on the wire, of all items and all block members."""
    items = {item.di.upper(): item for item in profile.dlt}
    members = {di.upper() for block in profile.blocks for di in block.items}
    sizes = {di: edition.size(di, items.get(di)) for di in items.keys() | members}
    return MappingProxyType({di: size for di, size in sizes.items() if size is not None})


@dataclass(slots=True)
class _Reading:
    """One poll under way: what each single DI gave, and what was learnt of the meter."""

    edition: Edition
    line: MeterLine
    sizes: Mapping[str, int]
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    failed: Quality | None = None
    slow: bool = False
    unsupported: set[str] = field(default_factory=set)
    hushed: str | None = None  # the last item, unanswered where the one before was answered
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
        if isinstance(outcome, bytes) and self.edition.fits(block.di, outcome, sizes):
            self._split(names, outcome)
        elif failure is None:
            self.unsupported.add(block.di)

    def _split(self, names: Sequence[str], data: bytes) -> None:
        at = 0
        for di in names:
            self.outcomes[di] = data[at : at + self.sizes[di]]
            at += self.sizes[di]

    def single(self, di: str) -> Generator[Exchange, Answer, None]:
        """Read one DI by itself; of the slow class, learn that it is declined, by a word or by silence."""
        outcome = yield from self.line.fetch(di, self.sizes[di])
        self.outcomes[di] = outcome
        failure = _failure(outcome)
        if failure is Quality.NO_REPLY and self.slow and self.answered:
            self.answered, self.hushed = False, di
            return
        self.failed, self.answered = failure, failure is None
        if failure is None and self.slow:
            self.settle()
            if outcome in DECLINED:
                self.unsupported.add(di)

    def settle(self) -> None:
        """The meter goes on: what it was silent on it does not have."""
        if self.failed is None and self.hushed is not None:
            self.unsupported.add(self.hushed)
            self.hushed = None

    def sample(self, wanted: _Wanted) -> Sample:
        """The sample of an item; what was not read shares the reason why the poll stopped."""
        item = wanted.item
        outcome = self.outcomes.get(wanted.di, self.failed or Quality.UNSUPPORTED)
        if not isinstance(outcome, bytes):
            return Sample(item.quantity, None, outcome)
        taken = _take(wanted, self.edition.value_bytes(item, outcome))
        if taken.value is None:
            return Sample(item.quantity, None, taken.quality)
        return Sample(item.quantity, scaled(taken.value, wanted.factor), Quality.GOOD)

    def learnt(self) -> frozenset[str]:
        """Blocks not to be tried again: refused, odd, or silent where one of their items was answered."""
        silent = {b.di for b in self.unanswered if any(self._answered(di.upper()) for di in b.items)}
        return frozenset(self.unsupported | silent)

    def _answered(self, di: str) -> bool:
        return di in self.outcomes and _failure(self.outcomes[di]) is None


@dataclass(frozen=True, slots=True)
class _Wanted:
    """An item, its DI in capitals, its factor, and whether its top bit is left out."""

    item: DltItem
    di: str
    factor: Decimal | None
    masked: bool


@dataclass(frozen=True, slots=True)
class _Plan:
    """What one class of a meter needs: its items, the sizes of all single DIs, the blocks that may serve, and
    the single DIs that are not asked for."""

    line: MeterLine
    wanted: tuple[_Wanted, ...]
    sizes: Mapping[str, int]
    blocks: tuple[DltBlock, ...]
    skipped: frozenset[str]
    slow: bool


@lru_cache(maxsize=512)
def _plan(edition: Edition, spec: MeterSpec, wanted: PollClass, unsupported: frozenset[str]) -> _Plan:
    """The same from poll to poll, so it is made once."""
    return _plan_of(edition, spec, [item for item in spec.profile.dlt if item.poll == wanted], unsupported)


def _plan_of(
    edition: Edition, spec: MeterSpec, items: Sequence[DltItem], unsupported: frozenset[str]
) -> _Plan:
    sizes = _sizes(edition, spec.profile)
    known = [
        block
        for block in spec.profile.blocks
        if block.di not in unsupported and {di.upper() for di in block.items} <= sizes.keys()
    ]
    wanted = [
        _Wanted(item, di, factor(item, spec.meter), edition.masked(di))
        for item, di in ((item, item.di.upper()) for item in items)
    ]
    skipped = unsupported & {one.di for one in wanted}
    if len(skipped) == len({one.di for one in wanted}):  # a meter that has nothing is asked for everything
        skipped = frozenset()
    slow = bool(items) and all(item.poll == "slow" for item in items)
    line = MeterLine(spec.meter.address, edition.dialect)
    return _Plan(line, tuple(wanted), sizes, tuple(known), skipped, slow)


def _read(edition: Edition, plan: _Plan) -> Poll:
    reading = _Reading(edition, plan.line, plan.sizes, slow=plan.slow)
    if plan.blocks:
        yield from _read_blocks(reading, plan)
    for one in plan.wanted:
        if reading.failed is None and one.di not in reading.outcomes and one.di not in plan.skipped:
            yield from reading.single(one.di)
    reading.settle()
    return Polled(tuple([reading.sample(one) for one in plan.wanted]), reading.learnt())


def _read_blocks(reading: _Reading, plan: _Plan) -> Generator[Exchange, Answer, None]:
    """Blocks that give two items at least; what one block gave, the next need not give again."""
    missing = {one.di for one in plan.wanted}
    for block in plan.blocks:
        if reading.failed is None and sum(di.upper() in missing for di in block.items) > 1:
            yield from reading.block(block)
            missing -= reading.outcomes.keys()


def poll(edition: Edition, spec: MeterSpec, wanted: PollClass, unsupported: frozenset[str]) -> Poll:
    """Read all items of one class, blocks first; samples in the profile's order."""
    return _read(edition, _plan(edition, spec, wanted, unsupported))


def probe(edition: Edition, spec: MeterSpec) -> Poll:
    """One short read: the first of the edition's probes that the profile has, else its first item. Any
    answer, a refusal too, gives another quality than NO_REPLY and GARBLED."""
    by_di = {item.di.upper(): item for item in reversed(spec.profile.dlt)}
    found = next((by_di[di] for di in edition.probes if di in by_di), None)
    items = spec.profile.dlt[:1] if found is None else (found,)
    return _read(edition, _plan_of(edition, spec, items, frozenset()))
