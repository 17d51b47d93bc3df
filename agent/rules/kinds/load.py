"""Treatment that runs and does not work: idling (空转), under its band (减速, 降频, 低负荷), over it.

Transition table, for a treatment point that is ON (OFF: fine; UNKNOWN: unknown), by the mean of
``average_s``, once that lies within its run (before: fine where it was seen to start, else unknown)::

    mean power                           finding rule/idle    rule/under    rule/over
    under idle_below_kw                  violated             fine          fine
    under low_kw of its band             fine                 violated      fine
    over high_kw of its band             fine                 fine          violated
    within                               fine                 fine          fine
    production reaches no band           fine                 fine          fine
    not all of the time was measured     unknown              unknown       violated if what was measured
                                                                            makes it so, else unknown

The band is the last one whose ``from_kw`` production (the points in ``by``, together) reaches; without ``by``
the first. Of production that was not measured all of the time it is known what it reached at least: that is
enough for the last band, and for idling any will do; else it is unknown. The bands are numbers that a person
confirmed (``sitebox rules learn`` proposes them from recorded days): a band that moved by itself would follow
a plant that turns its treatment down a little each week."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

from agent.rules.finding import Finding, Verdict, shown
from agent.rules.kinds.means import bridge_ms, means
from agent.rules.metering import Mean
from agent.rules.points import State
from agent.rules.world import World
from config.rulekinds import Band, Load

KIND = "load"
UNDER, OVER, IDLE = "SBX-RUL-014", "SBX-RUL-015", "SBX-RUL-016"


class _Reached(NamedTuple):
    """The band that production reaches at least, None: none; ``known``: and no other one."""

    band: Band | None
    known: bool


def judge(rule: Load, world: World) -> Iterator[Finding]:
    """Three findings at most."""
    mean = world.meter_of(rule.point).mean(rule.average_s * 1000, world.now_ms)
    reached = _reached(rule, world)
    for part, code in (("idle", IDLE), ("under", UNDER), ("over", OVER)):
        if part == "idle" and rule.idle_below_kw is None:
            continue
        verdict = _unjudged(rule, world, mean)
        if verdict is None:
            wrong = None if mean is None else _wrong(rule, part, mean, reached)
            verdict = Verdict.UNKNOWN if wrong is None else Verdict.VIOLATED if wrong else Verdict.FINE
        yield _finding(rule, part, code, verdict, (world, mean, reached.band))


def _unjudged(rule: Load, world: World, mean: Mean | None) -> Verdict | None:
    """The verdict where the power is not asked: it does not run, or has not for so long; None: it is."""
    view = world.points[rule.point]
    if view.state is State.UNKNOWN:
        return Verdict.UNKNOWN
    from_ms = world.now_ms - rule.average_s * 1000 if mean is None else mean.from_ms
    if view.state is State.OFF or (from_ms < view.since_ms and view.known is State.OFF):
        return Verdict.FINE
    return Verdict.UNKNOWN if from_ms < view.since_ms else None


def _reached(rule: Load, world: World) -> _Reached:
    if not rule.by:
        return _Reached(rule.bands[0], True)
    found = means(rule.by, rule.average_s, world)
    least = sum((mean.least for mean in found if mean is not None), Decimal(0))
    bands = [band for band in rule.bands if band.from_kw <= least]
    whole = all(mean is not None and mean.most is not None for mean in found)
    return _Reached(bands[-1] if bands else None, whole or len(bands) == len(rule.bands))


def _wrong(rule: Load, part: str, mean: Mean, reached: _Reached) -> bool | None:
    band, known = reached
    if band is None:
        return False if known else None
    idle = None
    if mean.most is not None:
        idle = rule.idle_below_kw is not None and mean.most < rule.idle_below_kw
    if part == "idle":
        return idle
    if not known:
        return None
    if part == "over" and mean.least > band.high_kw:
        return True
    return None if mean.most is None else part == "under" and mean.most < band.low_kw and not idle


def _finding(
    rule: Load, part: str, code: str, verdict: Verdict, seen: tuple[World, Mean | None, Band | None]
) -> Finding:
    world, mean, band = seen
    at_ms, least = (world.now_ms, None) if mean is None else (mean.at_ms, mean.least)
    return Finding(
        f"{rule.id}/{part}",
        verdict,
        code,
        at_ms,
        rule.hold_s * 1000,
        (rule.point,),
        lambda: {
            "point": rule.point,
            "mean": shown(least),
            "low": shown(rule.idle_below_kw if part == "idle" else band.low_kw if band else None),
            "high": shown(band.high_kw if band else None),
        },
        until_ms=at_ms,
        bridge_ms=bridge_ms((rule.point,), world),
        peak=least if verdict is Verdict.VIOLATED and part == "over" else None,
    )
