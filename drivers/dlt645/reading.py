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

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field

from config.profile import DltBlock, PollClass
from drivers.dlt645.fetch import DECLINED, MeterLine, Outcome
from drivers.dlt645.plan import Edition, Plan, Wanted, members, plan_of, sample
from drivers.dlt645.plan import plan as planned
from drivers.exchange import Answer, Exchange, MeterSpec, Poll, Polled
from drivers.samples import Quality, Sample


def _failure(outcome: Outcome) -> Quality | None:
    """The quality that says the line, not the item, is at fault."""
    return outcome if outcome is Quality.NO_REPLY or outcome is Quality.GARBLED else None


@dataclass(slots=True)
class _Reading:
    """One poll under way: what each single DI gave, and what was learnt of the meter."""

    edition: Edition
    line: MeterLine
    sizes: Mapping[str, int]
    slow: bool
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    failed: Quality | None = None
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
            self.outcomes.update(members(names, self.sizes, outcome))
        elif failure is None:
            self.unsupported.add(block.di)

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

    def sample(self, wanted: Wanted) -> Sample:
        """The sample of an item; what was not read shares the reason why the poll stopped."""
        return sample(wanted, self.outcomes.get(wanted.di, self.failed or Quality.UNSUPPORTED))

    def learnt(self) -> frozenset[str]:
        """Blocks not to be tried again: refused, odd, or silent where one of their items was answered."""
        silent = {b.di for b in self.unanswered if any(self._answered(di.upper()) for di in b.items)}
        return frozenset(self.unsupported | silent)

    def _answered(self, di: str) -> bool:
        return di in self.outcomes and _failure(self.outcomes[di]) is None


def _read(edition: Edition, plan: Plan) -> Poll:
    reading = _Reading(edition, plan.line, plan.sizes, plan.slow)
    if plan.blocks:
        yield from _read_blocks(reading, plan)
    for one in plan.wanted:
        if reading.failed is None and one.di not in reading.outcomes and one.di not in plan.skipped:
            yield from reading.single(one.di)
    reading.settle()
    return Polled(tuple([reading.sample(one) for one in plan.wanted]), reading.learnt())


def _read_blocks(reading: _Reading, plan: Plan) -> Generator[Exchange, Answer, None]:
    """Blocks that give two items at least; what one block gave, the next need not give again."""
    missing = {one.di for one in plan.wanted}
    for block in plan.blocks:
        if reading.failed is None and sum(di.upper() in missing for di in block.items) > 1:
            yield from reading.block(block)
            missing -= reading.outcomes.keys()


def poll(edition: Edition, spec: MeterSpec, wanted: PollClass, unsupported: frozenset[str]) -> Poll:
    """Read all items of one class, blocks first; samples in the profile's order."""
    return _read(edition, planned(edition, spec, wanted, unsupported))


def probe(edition: Edition, spec: MeterSpec) -> Poll:
    """One short read: the first of the edition's probes that the profile has, else its first item. Any
    answer, a refusal too, gives another quality than NO_REPLY and GARBLED."""
    by_di = {item.di.upper(): item for item in reversed(spec.profile.dlt)}
    found = next((by_di[di] for di in edition.probes if di in by_di), None)
    items = spec.profile.dlt[:1] if found is None else (found,)
    return _read(edition, plan_of(edition, spec, items, frozenset()))
