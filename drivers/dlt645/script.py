"""A poll of a DL/T 645 meter that answers each request in one frame: `drivers.exchange.Script`. Pure.

Asks and gives the same as `drivers.dlt645.reading` does as long as nothing goes wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from config.profile import PollClass
from drivers.dlt645.fetch import MeterLine
from drivers.dlt645.plan import Edition, Wanted, sample
from drivers.dlt645.plan import plan as planned
from drivers.exchange import Exchange, MeterSpec, Polled, Script
from drivers.samples import Quality, Sample

_UNSUPPORTED: Final = Quality.UNSUPPORTED  # a member of an enum by its name costs a search each time


@dataclass(frozen=True, slots=True)
class _Asked:
    """One request of a script: a block with the sizes of its members, or a single DI without."""

    di: str
    sizes: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class _Script:
    """`drivers.exchange.Script`: each block and each single DI is answered by one sound frame."""

    exchanges: tuple[Exchange, ...]
    asked: tuple[_Asked, ...]
    wanted: tuple[tuple[Wanted, int, slice], ...]  # each item, which reply it is in (-1: none), and where
    edition: Edition
    line: MeterLine

    def take(self, at: int, reply: object) -> bytes | None:
        """The data behind the DI, all of it in this frame."""
        data, asked = self.line.whole(reply), self.asked[at]
        if data is not None and asked.sizes and not self.edition.fits(asked.di, data, asked.sizes):
            return None
        return data

    def read(self, parts: Sequence[bytes]) -> Polled:
        """All items."""
        samples: list[Sample] = []
        for wanted, at, cut in self.wanted:
            samples.append(sample(wanted, parts[at][cut] if at >= 0 else _UNSUPPORTED))
        return Polled(tuple(samples))


def script(
    edition: Edition, spec: MeterSpec, wanted: PollClass, unsupported: frozenset[str]
) -> Script | None:
    """The poll of a meter that answers all that it is asked; None if nothing is."""
    plan = planned(edition, spec, wanted, unsupported)
    asked: list[_Asked] = []
    places: dict[str, tuple[int, slice]] = {}
    missing = {one.di for one in plan.wanted}
    for block in plan.blocks:
        names = [di.upper() for di in block.items]
        if sum(di in missing for di in names) > 1:
            ends = [0, *accumulate(plan.sizes[di] for di in names)]
            places |= {di: (len(asked), slice(*ends[n : n + 2])) for n, di in enumerate(names)}
            asked.append(_Asked(block.di, tuple(plan.sizes[di] for di in names)))
            missing -= places.keys()
    for one in plan.wanted:
        if one.di not in places and one.di not in plan.skipped:
            places[one.di] = (len(asked), slice(None))
            asked.append(_Asked(one.di))
    if not asked:
        return None
    return _Script(
        tuple(plan.line.read(one.di, sum(one.sizes) or plan.sizes[one.di]) for one in asked),
        tuple(asked),
        tuple((one, *places.get(one.di, (-1, slice(0)))) for one in plan.wanted),
        edition,
        plan.line,
    )
