"""Mean power of points together against a limit, for kinds that judge it. No kind of rule itself.

::

    at least so much was drawn: what was not measured counts as nothing    verdict
    above the limit                                                        violated
    not above it, nor the mean of what was measured, which is most         fine
    else                                                                   unknown

So readings that are missing can hide a violation and never make one. What a mean says holds up to the newest
readings that it is of.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import NamedTuple

from agent.rules.finding import Verdict
from agent.rules.metering import COVERED, TRAIL_STEP_MS, Mean, MeterView, Sum
from agent.rules.world import World


class Judged(NamedTuple):
    """The verdict; what was drawn at least, kW; the stretch that is judged: from the oldest moment that
    counts to the newest that counts for all."""

    verdict: Verdict
    kw: Decimal
    from_ms: int
    at_ms: int


def means(names: Iterable[str], over_s: int, world: World) -> list[Mean | None]:
    """Of each of these points."""
    return [world.meter_of(name).mean(over_s * 1000, world.now_ms) for name in names]


def bridge_ms(names: tuple[str, ...], world: World) -> int:
    """How far apart two sights of a mean may be: a reading is waited for as long as a value speaks for its
    meter, and only then is the mean one up to now."""
    return 2 * world.slowest_ms(names)


def above(names: Iterable[str], limit_kw: Decimal | None, over_s: int, world: World) -> Judged:
    """Whether the points together drew more than ``limit_kw`` on average over ``over_s``; None: that is not
    known, and neither is the verdict."""
    found = means(names, over_s, world)
    known = [mean for mean in found if mean is not None]
    measured = [mean.kw for mean in known if mean.kw is not None]
    least = sum((mean.least for mean in known), Decimal(0))
    verdict = Verdict.UNKNOWN
    if limit_kw is None:
        pass
    elif least > limit_kw:
        verdict = Verdict.VIOLATED
    elif len(measured) == len(found) and sum(measured, Decimal(0)) <= limit_kw:
        verdict = Verdict.FINE
    from_ms = min((mean.from_ms for mean in known), default=world.now_ms)
    at_ms = min((mean.at_ms for mean in known), default=world.now_ms)
    return Judged(verdict, least, from_ms, at_ms)


def measured_together(views: Sequence[MeterView], over_s: int) -> list[Decimal] | None:
    """What each of these meters drew on average in the time of the last ``over_s`` in which all of them were
    measured, kW; None where that is too little."""
    end_ms = min(view.sum.at_ms for view in views)
    works = [Decimal(0)] * len(views)
    steps, measured = max(1, over_s * 1000 // TRAIL_STEP_MS), 0
    later = [view.sum_at(end_ms) for view in views]
    for step in range(1, steps + 1):
        earlier = [view.sum_at(end_ms - step * TRAIL_STEP_MS) for view in views]
        drawn = [_drawn(*pair) for pair in zip(earlier, later, strict=True)]
        known = [one for one in drawn if one is not None]
        if len(known) == len(views):
            measured += 1
            works = [work + one for work, one in zip(works, known, strict=True)]
        later = earlier
    if measured < COVERED * steps:
        return None
    return [work / (measured * TRAIL_STEP_MS) for work in works]


def _drawn(earlier: Sum | None, later: Sum | None) -> Decimal | None:
    """kW ms, where all the time between was measured."""
    if earlier is None or later is None:
        return None
    whole = later.covered_ms - earlier.covered_ms == later.at_ms - earlier.at_ms
    return later.work - earlier.work if whole else None
