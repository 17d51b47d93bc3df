"""Production outside the declared shifts (夜间偷产).

Transition table, one finding for each point::

    wall clock                          point      verdict
    within a shift                      anything   fine
    outside, grace_s after it lasts     anything   fine
    outside                             ON         violated, held hold_s
    outside                             OFF        fine
    outside                             UNKNOWN    unknown
    not to be trusted                   anything   unknown

A shift that begins on a free day is not worked.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from agent.rules.finding import Finding, Verdict, measured
from agent.rules.points import State
from agent.rules.world import World
from config.calendar import day_of, moment
from config.rulekinds import OffShift

KIND = "off-shift"
CODE = "SBX-RUL-011"
_DAY_MS = 86_400_000


def judge(rule: OffShift, world: World) -> Iterator[Finding]:
    """Findings keyed ``rule/point``."""
    names = rule.points or tuple(p.id for p in world.config.values() if p.role == "production")
    over_ms = None if world.utc_ms is None else _over_ms(rule, world.utc_ms, world)
    for name in names:
        if over_ms is not None and over_ms < 0:  # within a shift, as most of the time
            bridge_ms, since_ms = world.meter_of(name).fresh_ms, world.points[name].since_ms
            yield Finding(
                f"{rule.id}/{name}", Verdict.FINE, CODE, since_ms, 0, (name,), dict, bridge_ms=bridge_ms
            )
        else:
            yield _one(rule, name, over_ms, world)


def _over_ms(rule: OffShift, utc_ms: int, world: World) -> int:
    """How long ago the last shift and its grace ended; negative within."""
    today = day_of(utc_ms, world.zone)
    spans = [
        span
        for offset in (-1, 0)
        for day in (today + timedelta(days=offset),)
        if day.isoformat() not in rule.free
        for window in rule.shifts
        for span in (window.begun_on(day, world.zone),)
        if span is not None and span[0] <= utc_ms
    ]
    last_ms = max((end for _, end in spans), default=utc_ms - _DAY_MS)
    return utc_ms - last_ms - (rule.grace_s * 1000 if spans else 0)


def _one(rule: OffShift, name: str, over_ms: int | None, world: World) -> Finding:
    view = world.points[name]
    verdict, until_ms, began_ms = Verdict.FINE, None, view.since_ms
    if over_ms is None:
        verdict = Verdict.UNKNOWN
    elif over_ms >= 0:
        began_ms = max(view.since_ms, world.now_ms - over_ms)
        if view.state is State.UNKNOWN:
            verdict = Verdict.UNKNOWN
        elif view.state is State.ON and view.sure is not None:
            until_ms = view.sure.at_ms
            verdict = Verdict.VIOLATED if until_ms >= began_ms else Verdict.UNKNOWN
    return Finding(
        f"{rule.id}/{name}",
        verdict,
        CODE,
        began_ms,
        rule.hold_s * 1000,
        (name,),
        lambda: {
            "point": name,
            "power": measured(view, world.config[name]),
            "time": moment(world.utc_ms or 0, world.zone),
        },
        until_ms=until_ms,
        bridge_ms=world.meter_of(name).fresh_ms,
        record=view.since_record,
    )
