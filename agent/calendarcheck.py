"""Whether orders and shifts can be judged: they need a wall clock that somebody vouches for (ADR 0012)."""

from __future__ import annotations

from agent.check import Check
from agent.rules.world import Sight
from config.rulekinds import OffShift
from config.site import SiteConfig


def calendar_checks(sight: Sight, config: SiteConfig) -> tuple[Check, ...]:
    """A warning while something waits to be judged by the calendar and nobody knows the time."""
    shifts = any(isinstance(rule, OffShift) for rule in config.rules)
    if sight.utc_ms is not None or not (sight.orders or shifts):
        return ()
    return (Check("clock", "warn", "SBX-CLK-004", {"orders": str(len(sight.orders))}, "timedatectl"),)
