"""More is drawn than is approved (超产能): as mean power of the points together, or as energy of a day.

::

    limit_kw     mean of average_s above it                violated | at or below fine | else unknown
    limit_kwh    drawn since the plant's midnight above    violated until midnight | fine | no clock: unknown

What was not measured counts as nothing drawn (``agent.rules.kinds.means``).
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from agent.rules.finding import Finding, Verdict, shown
from agent.rules.kinds.energy import drawn_kwh, opened
from agent.rules.kinds.means import above, bridge_ms
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
        judged = above(rule.points, rule.limit_kw, rule.average_s, world)
        found = _finding(rule, POWER, judged.verdict, judged.at_ms, (judged.kw, rule.limit_kw, "kW"))
        return (found._replace(until_ms=judged.at_ms, bridge_ms=bridge_ms(rule.points, world)),), held
    assert rule.limit_kwh is not None, "config.load refuses a rule without a limit"
    drawn: list[Decimal | None] = [None]
    if world.utc_ms is not None:
        midnight, _ = day_span(day_of(world.utc_ms, world.zone), world.zone)
        held = opened(held or None, midnight, rule.points, world)
        drawn = [drawn_kwh(name, held, world) for name in rule.points]
    known = sum((part for part in drawn if part is not None), Decimal(0))
    verdict = Verdict.UNKNOWN if None in drawn else Verdict.FINE
    if known > rule.limit_kwh:
        verdict = Verdict.VIOLATED
    return (_finding(rule, ENERGY, verdict, world.now_ms, (known, rule.limit_kwh, "kWh")),), held


def _finding(
    rule: OverCapacity, code: str, verdict: Verdict, began_ms: int, numbers: tuple[Decimal, Decimal, str]
) -> Finding:
    drawn, limit, unit = numbers
    return Finding(
        rule.id,
        verdict,
        code,
        began_ms,
        rule.hold_s * 1000,
        rule.points,
        lambda: {
            "points": ", ".join(rule.points),
            "drawn": shown(drawn, unit),
            "allowed": shown(limit, unit),
        },
        peak=drawn if verdict is Verdict.VIOLATED else None,
    )
