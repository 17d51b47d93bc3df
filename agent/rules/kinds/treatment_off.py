"""Treatment not running while production runs (治污设施未开启): many to many, all, any or so many needed.

Transition table (production = any of its points; ``n`` of the treatment points must run)::

    production   treatment                     verdict
    ON           n or more ON                  fine
    ON           fewer than n can be ON *      violated: after start_lead_s of production, held stop_lag_s
    ON           else (UNKNOWN decides)        unknown
    all OFF      anything                      fine
    else         anything                      unknown

    * so many are OFF that those ON and UNKNOWN together are fewer than n

Treatment that needs ``start_lead_s`` to come up is not cold after a pause that is no longer: production that
goes on after one is the same run, and has no lead anew::

    production   ######..######..######      ######        . no longer than the lead: one run
    lead         ====                        ====

What counts is what was read: the violation lasts from the first to the last moment at which production was
read above its on threshold and the treatment below its off threshold, moments no further apart than a value
speaks for its meter. So readings that are missing can end a violation and never make one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agent.rules.finding import Finding, Verdict, measured
from agent.rules.world import PointView, State, World
from config.rulekinds import TreatmentOff, TreatmentStopped

KIND = "treatment-off"
CODE = "SBX-RUL-001"


def step(
    rule: TreatmentOff, world: World, held: Mapping[str, Any]
) -> tuple[tuple[Finding, ...], Mapping[str, Any]]:
    """One finding, keyed by the rule. ``held``: since when production runs, and when that was last seen."""
    production = {name: world.points[name] for name in rule.production}
    treatment = {name: world.points[name] for name in rule.treatment}
    bridge_ms = bridge(rule, world)
    seen_ms = running_ms(production)
    held = run(held, seen_ms, max(bridge_ms, rule.start_lead_s * 1000))
    verdict = _verdict(rule, production, treatment)
    until_ms = world.now_ms
    if verdict is Verdict.VIOLATED and seen_ms is not None:
        until_ms = min(seen_ms, _missing_ms(rule, treatment))
        if until_ms < held["from"] + rule.start_lead_s * 1000:
            verdict = Verdict.FINE  # still within the time that treatment may take to start
    if verdict is Verdict.FINE:  # as most of the time
        return (Finding(rule.id, verdict, CODE, until_ms, 0, (), dict, bridge_ms=bridge_ms),), held
    stopped = [name for name, view in treatment.items() if view.state is State.OFF]
    finding = Finding(
        rule.id,
        verdict,
        CODE,
        until_ms,
        rule.stop_lag_s * 1000,
        (*(name for name, view in production.items() if view.state is State.ON), *stopped),
        lambda: {"production": told(production, world), "treatment": told(treatment, world)},
        until_ms=until_ms,
        bridge_ms=bridge_ms,
        record=max((treatment[name].since_record for name in stopped), default=0),
    )
    return (finding,), held


def bridge(rule: TreatmentOff | TreatmentStopped, world: World) -> int:
    """How far apart two sights of one thing may be: as long as the slowest value speaks for its meter."""
    return world.slowest_ms(rule.production + rule.treatment)


def running_ms(production: Mapping[str, PointView]) -> int | None:
    """When production was last seen to run, of the points that are ON; None: none is."""
    found: int | None = None
    for view in production.values():
        if view.state is State.ON and view.sure is not None and (found is None or view.sure.at_ms > found):
            found = view.sure.at_ms
    return found


def told(views: Mapping[str, PointView], world: World) -> str:
    """``kiln 12.4 kW, press ?``."""
    return ", ".join(f"{name} {measured(view, world.config[name])}" for name, view in views.items())


def run(held: Mapping[str, Any], seen_ms: int | None, pause_ms: int) -> Mapping[str, Any]:
    """Since when production runs: a pause up to ``pause_ms``, which readings may have missed at the least,
    does not end a run."""
    if seen_ms is None or ("to" in held and seen_ms <= held["to"]):
        return held  # nothing new: another point was seen later, and is not seen any more
    goes_on = "to" in held and seen_ms - held["to"] <= pause_ms
    return {"from": held["from"] if goes_on else seen_ms, "to": seen_ms}


def needed(rule: TreatmentOff) -> int:
    """How many of the treatment points must run."""
    return {"all": len(rule.treatment), "any": 1}.get(rule.need) or int(rule.need)


def _verdict(
    rule: TreatmentOff, production: Mapping[str, PointView], treatment: Mapping[str, PointView]
) -> Verdict:
    producing = [view.state for view in production.values()]
    if State.ON not in producing:
        return Verdict.UNKNOWN if State.UNKNOWN in producing else Verdict.FINE
    states = [view.state for view in treatment.values()]
    if states.count(State.ON) >= needed(rule):
        return Verdict.FINE
    return Verdict.VIOLATED if len(states) - states.count(State.OFF) < needed(rule) else Verdict.UNKNOWN


def _missing_ms(rule: TreatmentOff, treatment: Mapping[str, PointView]) -> int:
    """Up to when too little treatment was seen to run: that many of it were read as OFF."""
    off = [
        view.sure.at_ms for view in treatment.values() if view.state is State.OFF and view.sure is not None
    ]
    return sorted(off, reverse=True)[len(treatment) - needed(rule)]
