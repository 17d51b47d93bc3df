"""What a day's counting calls things: what a pair does, how an order fares, when a shift is worked. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from zoneinfo import ZoneInfo

from agent.rules.finding import Finding, Verdict
from agent.rules.inforce import in_force, terms
from agent.rules.kinds.treatment_off import needed
from agent.rules.metering import HOUR_MS
from agent.rules.points import State
from agent.rules.world import World
from config.calendar import day_of
from config.rulekinds import TreatmentOff
from config.site import Shift

_WORSE = (Verdict.FINE, Verdict.UNKNOWN, Verdict.VIOLATED)


def pair_words(rule: TreatmentOff, states: Mapping[str, State]) -> tuple[str, ...]:
    """What a pair does: ``production`` with ``sync``, ``apart`` or ``unsure``; ``idle``; ``unknown``."""
    production = [states.get(name, State.UNKNOWN) for name in rule.production]
    if State.ON not in production:
        return ("idle",) if all(state is State.OFF for state in production) else ("unknown",)
    treatment = [states.get(name, State.UNKNOWN) for name in rule.treatment]
    if treatment.count(State.ON) >= needed(rule):
        return "production", "sync"
    if len(treatment) - treatment.count(State.OFF) < needed(rule):
        return "production", "apart"
    return "production", "unsure"


def order_verdicts(findings: Iterable[Finding], world: World, wall_ms: int | None) -> dict[str, Verdict]:
    """The worst verdict on each order in force. Where no clock can be trusted it is unknown, of the orders
    that are in force by what the clock shows (``wall_ms``), as days turn by it."""
    if world.utc_ms is None:
        if wall_ms is None:
            return {}
        holds = (one.id for one in world.orders if in_force(one, wall_ms, world) is not None)
        return dict.fromkeys(holds, Verdict.UNKNOWN)
    found: dict[str, Verdict] = {}
    for finding in findings:
        if finding.order:
            found[finding.order] = max(
                found.get(finding.order, Verdict.FINE), finding.verdict, key=_WORSE.index
            )
    return {term.order.id: found.get(term.order.id, Verdict.UNKNOWN) for term in terms(world)}


def worked(shift: Shift, utc_ms: int, zone: ZoneInfo) -> tuple[bool, int]:
    """Whether a shift is worked, and when that changes next."""
    today = day_of(utc_ms, zone)
    spans = [
        span
        for offset in (-1, 0, 1)
        for span in (shift.window.begun_on(today + timedelta(days=offset), zone),)
        if span is not None
    ]
    borders = [border for span in spans for border in span if border > utc_ms]
    holds = any(span[0] <= utc_ms < span[1] for span in spans)
    return holds, min(borders, default=utc_ms + HOUR_MS)
