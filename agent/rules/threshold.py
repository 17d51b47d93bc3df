"""A generic threshold on any quantity of a meter, with hysteresis and hold time.

::

    above = 100, clear = 90:   value > 100 violated | value < 90 fine | between: as it was (unknown)
"""

from __future__ import annotations

from agent.rules.finding import Finding, Verdict
from agent.rules.world import World
from config.site import SiteConfig, Threshold

KIND = "threshold"
CODE = "SBX-RUL-002"


def judge(rule: Threshold, config: SiteConfig, world: World) -> tuple[Finding, ...]:
    """One finding, keyed by the rule. A stale or missing value is unknown."""
    found = world.meters[rule.meter].fresh_any(rule.quantity, world.now_ms)
    limit = rule.above if rule.above is not None else rule.below
    assert limit is not None, "config.load refuses a threshold without a limit"
    verdict, began = Verdict.UNKNOWN, world.now_ms
    if found is not None:
        # Mirror a lower limit, so that one comparison serves both directions.
        sign = 1 if rule.above is not None else -1
        if sign * found.value > sign * limit:
            verdict, began = Verdict.VIOLATED, found.mono_ms
        elif sign * found.value < sign * rule.clear:
            verdict = Verdict.FINE
    facts = {
        "meter": rule.meter,
        "quantity": rule.quantity,
        "value": "?" if found is None else f"{found.value:f}",
        "limit": f"{limit:f}",
    }
    return (Finding(rule.id, verdict, CODE, began, rule.hold_s * 1000, (rule.meter,), facts),)
