"""More is drawn than is approved (超产能): as mean power of the points together, or as energy of a day.

::

    limit_kw     mean of average_s above it                violated | at or below fine | not measured unknown
    limit_kwh    drawn since the plant's midnight above    violated until midnight | fine | no clock: unknown
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from agent.rules.finding import Finding, Verdict, shown
from agent.rules.kinds.energy import drawn_kwh, opened
from agent.rules.world import World
from config.calendar import day_of, day_span
from config.rulekinds import OverCapacity

KIND = "over-capacity"
POWER, ENERGY = "SBX-RUL-012", "SBX-RUL-013"


def step(
    rule: OverCapacity, world: World, held: Mapping[str, Any]
) -> tuple[tuple[Finding, ...], Mapping[str, Any]]:
    """One finding, keyed by the rule. ``held``: what had been drawn when the day began."""
    if rule.limit_kw is not None:
        means = [world.meter_of(name).mean_kw(rule.average_s * 1000, world.now_ms) for name in rule.points]
        return (_finding(rule, world, means, rule.limit_kw, POWER),), held
    assert rule.limit_kwh is not None, "config.load refuses a rule without a limit"
    if world.utc_ms is None:
        return (_finding(rule, world, [None], rule.limit_kwh, ENERGY),), held
    midnight, _ = day_span(day_of(world.utc_ms, world.zone), world.zone)
    held = opened(held or None, midnight, rule.points, world)
    drawn = [drawn_kwh(name, held, world) for name in rule.points]
    return (_finding(rule, world, drawn, rule.limit_kwh, ENERGY),), held


def _finding(
    rule: OverCapacity, world: World, parts: list[Decimal | None], limit: Decimal, code: str
) -> Finding:
    known = sum((part for part in parts if part is not None), Decimal(0))
    verdict = Verdict.UNKNOWN if None in parts else Verdict.FINE
    if known > limit:
        verdict = Verdict.VIOLATED
    unit = "kW" if code == POWER else "kWh"
    return Finding(
        rule.id,
        verdict,
        code,
        world.now_ms,
        rule.hold_s * 1000,
        rule.points,
        lambda: {
            "points": ", ".join(rule.points),
            "drawn": shown(known, unit),
            "allowed": shown(limit, unit),
        },
        peak=known if verdict is Verdict.VIOLATED else None,
    )
