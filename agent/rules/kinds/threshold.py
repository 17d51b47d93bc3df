"""A generic threshold with hysteresis and hold time: on any quantity of a meter, on the sum of a quantity
over points, or on that sum as a share of another.

::

    above = 100, clear = 90:   value > 100 violated | value < 90 fine | between: as it was (unknown)

Outside its ``when`` windows it is fine; while the clock cannot be trusted, unknown. A sum needs every one of
its values fresh.

What a value says holds up to when it was read and no further; a sum is as old as its oldest value. Two values
above the limit that are no further apart than one speaks for its meter are one violation, unless one between
them is not above it."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from agent.rules.finding import Finding, Verdict, shown
from agent.rules.metering import Value
from agent.rules.world import World
from config.calendar import holding
from config.quantities import QUANTITIES
from config.rulekinds import Threshold

KIND = "threshold"
CODE = "SBX-RUL-002"
CODE_SUM = "SBX-RUL-022"


def judge(rule: Threshold, world: World) -> tuple[Finding, ...]:
    """One finding, keyed by the rule. A stale or missing value is unknown."""
    limit = rule.above if rule.above is not None else rule.below
    assert limit is not None, "config.load refuses a threshold without a limit"
    found = _value(rule, world)
    verdict, seen_ms = Verdict.UNKNOWN, None
    if not _watched(rule, world):
        verdict = Verdict.UNKNOWN if world.utc_ms is None else Verdict.FINE
    elif found is not None:
        # Mirror a lower limit, so that one comparison serves both directions.
        sign = 1 if rule.above is not None else -1
        if sign * found.value > sign * limit:
            verdict, seen_ms = Verdict.VIOLATED, found.at_ms
        elif sign * found.value < sign * rule.clear:
            verdict = Verdict.FINE
    unit = "" if rule.over else QUANTITIES[rule.quantity].unit.strip("-")
    finding = Finding(
        rule.id,
        verdict,
        CODE if rule.meter else CODE_SUM,
        world.now_ms if seen_ms is None else seen_ms,
        rule.hold_s * 1000,
        (rule.meter,) if rule.meter else (*rule.sum, *rule.over),
        lambda: {
            "meter": rule.meter or _named(rule),
            "quantity": rule.quantity,
            "value": shown(found.value if found else None, unit),
            "limit": shown(limit, unit),
        },
        until_ms=seen_ms,
        bridge_ms=_bridge_ms(rule, world) if found is None or seen_ms is not None else 0,
        peak=found.value if found and rule.above is not None else None,
        record=found.record if found else 0,
    )
    return (finding,)


def _bridge_ms(rule: Threshold, world: World) -> int:
    """As long as the slowest of its values speaks for its meter."""
    names = (*rule.sum, *rule.over)
    views = [world.meters[rule.meter]] if rule.meter is not None else [world.meter_of(name) for name in names]
    return max(view.speaks_ms(rule.quantity) for view in views)


def _named(rule: Threshold) -> str:
    text = " + ".join(rule.sum)
    return f"({text}) / ({' + '.join(rule.over)})" if rule.over else text


def _watched(rule: Threshold, world: World) -> bool:
    if not rule.when:
        return True
    utc_ms = world.utc_ms
    return utc_ms is not None and any(holding(window, utc_ms, world.zone) for window in rule.when)


def _value(rule: Threshold, world: World) -> Value | None:
    if rule.meter is not None:
        return world.meters[rule.meter].fresh(rule.quantity, world.now_ms)
    top = _sum(rule.sum, rule.quantity, world)
    if not rule.over or top is None:
        return top
    bottom = _sum(rule.over, rule.quantity, world)
    if bottom is None or bottom.value <= 0:
        return None
    return top._replace(value=top.value / bottom.value, at_ms=min(top.at_ms, bottom.at_ms))


def _sum(points: Iterable[str], quantity: str, world: World) -> Value | None:
    values = [world.meter_of(name).fresh(quantity, world.now_ms) for name in points]
    known = [value for value in values if value is not None]
    if len(known) < len(values):
        return None
    newest = max(known, key=lambda value: value.at_ms)
    oldest_ms = min(value.at_ms for value in known)
    return newest._replace(value=sum((value.value for value in known), Decimal(0)), at_ms=oldest_ms)
