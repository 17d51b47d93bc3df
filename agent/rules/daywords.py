"""What a day's counting calls things: what a pair does, how an order fares, when a shift is worked. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from zoneinfo import ZoneInfo

from agent.rules.finding import Finding, Verdict
from agent.rules.kinds.treatment_off import needed
from agent.rules.world import HOUR_MS, State
from config.calendar import day_of
from config.rulekinds import Rule, TreatmentOff
from config.site import Shift


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


def order_verdicts(rule: Rule, findings: Iterable[Finding], found: dict[str, Verdict]) -> None:
    """The worst verdict on each order, from the findings of the rules on orders: their keys name the order. A
    warning of what is near a limit is none; without a baseline nothing can be judged."""
    for finding in findings:
        part = finding.key.removeprefix(f"{rule.id}/").split("/")
        verdict = finding.verdict
        if finding.level == "warning":
            verdict = Verdict.UNKNOWN if part[-1] == "baseline" else Verdict.FINE
        known = found.get(part[0], Verdict.FINE)
        found[part[0]] = verdict if known is Verdict.FINE or verdict is Verdict.VIOLATED else known


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
