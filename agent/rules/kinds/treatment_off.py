"""Treatment not running while production runs (治污设施未开启): many to many, all, any or so many needed.

Transition table (production = any of its points; ``n`` of the treatment points must run)::

    production   treatment                     verdict
    ON           n or more ON                  fine
    ON           fewer than n can be ON *      unknown for start_lead_s of production, then violated,
                                               held stop_lag_s
    ON           else (UNKNOWN decides)        unknown
    all OFF      anything                      fine
    else         anything                      unknown

    * so many are OFF that those ON and UNKNOWN together are fewer than n

Treatment that needs ``start_lead_s`` to come up is not cold after a pause that is no longer: production that
goes on after one is the same run, and has no lead anew::

    production   ######..######..######      ######        . no longer than the lead: one run
    lead         ====                        ====

What counts is what was read: the time in which production was seen to run and too little treatment to run
with it, each by readings of its own with none missing between them (``agent.rules.sights``). A pause no
longer than a value speaks for its meter does not begin it anew. So readings that are missing can end a
violation and never make one, nor end an alarm: production that is seen again after a silence begins its lead
anew, and nothing is said meanwhile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from typing import Any

from agent.rules.finding import Finding, Verdict, measured
from agent.rules.points import PointView, State
from agent.rules.sights import Run, run_of
from agent.rules.world import World
from config.rulekinds import TreatmentOff, TreatmentStopped

KIND = "treatment-off"
CODE = "SBX-RUL-001"


def step(
    rule: TreatmentOff, world: World, held: Mapping[str, Any]
) -> tuple[tuple[Finding, ...], Mapping[str, Any]]:
    """One finding, keyed by the rule. ``held``: since when production runs, and when that was last seen;
    while treatment is missing, the runs of readings that each point is seen so in."""
    production = {name: world.points[name] for name in rule.production}
    treatment = {name: world.points[name] for name in rule.treatment}
    bridge_ms, seen_ms = bridge(rule, world), running_ms(production)
    before, held = held.get("runs", {}), run(held, seen_ms, max(bridge_ms, rule.start_lead_s * 1000))
    need = needed(rule)
    verdict, few = _verdict(need, production, treatment), len(treatment) - need + 1
    if verdict is not Verdict.VIOLATED or seen_ms is None:
        kept = {name: held[name] for name in ("from", "to") if name in held} if before else held
        return (Finding(rule.id, verdict, CODE, world.now_ms, 0, (), dict, bridge_ms=bridge_ms),), kept
    running = {name: view for name, view in production.items() if view.state is State.ON}
    stopped = _off(treatment)
    runs = runs_of(before, {**running, **stopped}, world)
    seen = _seen(few, [runs[name] for name in running], [runs[name] for name in stopped])
    until_ms = min(seen_ms, _missing_ms(few, stopped))
    if seen is None or until_ms < held["from"] + rule.start_lead_s * 1000:
        verdict = Verdict.UNKNOWN  # each for itself and not at one moment, or within the lead
    finding = Finding(
        rule.id,
        verdict,
        CODE,
        until_ms,
        rule.stop_lag_s * 1000,
        (*running, *stopped),
        lambda: {"production": told(production, world), "treatment": told(treatment, world)},
        until_ms=until_ms,
        bridge_ms=bridge_ms,
        seen=seen,
        record=max(view.since_record for view in stopped.values()),
        without=lambda names: _without(rule, (production, treatment), held.get("from", 0), names),
    )
    return (finding,), {**held, "runs": runs}


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


def runs_of(held: Mapping[str, Any], views: Mapping[str, PointView], world: World) -> dict[str, Run]:
    """By point, of points whose state is known: the runs of readings that it was seen in."""
    found: dict[str, Run] = {}
    for name, view in views.items():
        before = Run(*held[name]) if name in held else None
        after = run_of(before, view, world.meter_of(name).step_ms)
        assert after is not None, "a state that is known was read"
        found[name] = after
    return found


def needed(rule: TreatmentOff) -> int:
    """How many of the treatment points must run."""
    return {"all": len(rule.treatment), "any": 1}.get(rule.need) or int(rule.need)


Views = Mapping[str, PointView]


def _verdict(need: int, production: Views, treatment: Views) -> Verdict:
    producing = [view.state for view in production.values()]
    if State.ON not in producing:
        return Verdict.UNKNOWN if State.UNKNOWN in producing else Verdict.FINE
    states = [view.state for view in treatment.values()]
    if states.count(State.ON) >= need:
        return Verdict.FINE
    return Verdict.VIOLATED if len(states) - states.count(State.OFF) < need else Verdict.UNKNOWN


def _off(treatment: Views) -> Views:
    return {name: view for name, view in treatment.items() if view.state is State.OFF}


def _missing_ms(few: int, stopped: Views) -> int:
    """Up to when too little treatment was seen to run: ``few`` of it that stand are too many."""
    off = [view.sure.at_ms for view in stopped.values() if view.sure is not None]
    return sorted(off, reverse=True)[few - 1]


def _without(rule: TreatmentOff, views: tuple[Views, Views], from_ms: int, names: Set[str]) -> int | None:
    """How long too little of the other treatment was seen to run while other production did. ``from_ms``:
    since when all of it runs."""
    production, treatment = ({name: view for name, view in one.items() if name not in names} for one in views)
    need = min(needed(rule), len(treatment))
    running = running_ms(production)
    if running is None or _verdict(need, production, treatment) is not Verdict.VIOLATED:
        return None
    if len(production) < len(views[0]):
        from_ms = min(view.since_ms for view in production.values() if view.state is State.ON)
    few, stopped = len(treatment) - need + 1, _off(treatment)
    off = sorted(view.since_ms for view in stopped.values())
    began_ms = max(from_ms + rule.start_lead_s * 1000, off[few - 1])
    return min(running, _missing_ms(few, stopped)) - began_ms


def _seen(few: int, running: Sequence[Run], stopped: Sequence[Run]) -> tuple[int, int] | None:
    """From when to when both were seen: up to the last moment at which a producer and as many treatments as
    make too few of them were; None: at no moment."""
    for at_ms in sorted({run.to_ms for run in (*running, *stopped)}, reverse=True):
        on, off = (_since(runs, at_ms) for runs in (running, stopped))
        if on and len(off) >= few:
            return max(on[0], off[few - 1]), at_ms
    return None


def _since(runs: Sequence[Run], at_ms: int) -> list[int]:
    """Since when each of those was seen that were seen at a moment."""
    return sorted(run.from_ms for run in runs if run.from_ms <= at_ms <= run.to_ms)
