"""Treatment that runs and does not work: idling (空转), under its band (减速, 降频, 低负荷), over it.

Transition table, for a treatment point that is ON (else fine; UNKNOWN: unknown), by the mean of
``average_s``::

    mean power                       finding rule/idle    rule/under    rule/over
    under idle_below_kw              violated             fine          fine
    under low_kw of its band         fine                 violated      fine
    over high_kw of its band         fine                 fine          violated
    within                           fine                 fine          fine
    too little measured              unknown              unknown       unknown

The band is the last one whose ``from_kw`` production (the points in ``by``, together) reaches; while
production cannot be told and there is more than one band, all is unknown. The bands are numbers that a person
confirmed (``sitebox rules learn`` proposes them from recorded days): a band that moved by itself would follow
a plant that turns its treatment down a little each week."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from agent.rules.finding import Finding, Verdict, shown
from agent.rules.world import State, World
from config.rulekinds import Band, Load

KIND = "load"
UNDER, OVER, IDLE = "SBX-RUL-014", "SBX-RUL-015", "SBX-RUL-016"


def judge(rule: Load, world: World) -> Iterator[Finding]:
    """Three findings at most."""
    view = world.points[rule.point]
    mean = world.meter_of(rule.point).mean_kw(rule.average_s * 1000, world.now_ms)
    band = _band(rule, world)
    settled = world.now_ms - view.since_ms >= rule.average_s * 1000  # the mean is all of this run
    for part, code in (("idle", IDLE), ("under", UNDER), ("over", OVER)):
        if part == "idle" and rule.idle_below_kw is None:
            continue
        verdict = Verdict.FINE
        if view.state is State.UNKNOWN:
            verdict = Verdict.UNKNOWN
        elif view.state is State.ON and settled:
            wrong = None if mean is None else _wrong(rule, part, mean, band)
            verdict = Verdict.UNKNOWN if wrong is None else Verdict.VIOLATED if wrong else Verdict.FINE
        yield _finding(rule, part, code, verdict, (world, mean, band))


def _band(rule: Load, world: World) -> Band | None:
    """The band for the present production."""
    if len(rule.bands) == 1 or not rule.by:
        return rule.bands[0]
    means = [world.meter_of(name).mean_kw(rule.average_s * 1000, world.now_ms) for name in rule.by]
    known = [mean for mean in means if mean is not None]
    if len(known) < len(means):
        return None
    total = sum(known, Decimal(0))
    reached = [band for band in rule.bands if band.from_kw <= total]
    return reached[-1] if reached else rule.bands[0]


def _wrong(rule: Load, part: str, mean: Decimal, band: Band | None) -> bool | None:
    idle = rule.idle_below_kw is not None and mean < rule.idle_below_kw
    if part == "idle":
        return idle
    if band is None:
        return None
    return mean > band.high_kw if part == "over" else mean < band.low_kw and not idle


def _finding(
    rule: Load, part: str, code: str, verdict: Verdict, seen: tuple[World, Decimal | None, Band | None]
) -> Finding:
    world, mean, band = seen
    return Finding(
        f"{rule.id}/{part}",
        verdict,
        code,
        world.now_ms,
        rule.hold_s * 1000,
        (rule.point,),
        lambda: {
            "point": rule.point,
            "mean": shown(mean),
            "low": shown(rule.idle_below_kw if part == "idle" else band.low_kw if band else None),
            "high": shown(band.high_kw if band else None),
        },
        peak=mean if verdict is Verdict.VIOLATED and part == "over" else None,
    )
