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

What counts is what was read: the time in which production was seen to run and too little treatment to run
with it, each by readings of its own with none missing between them (``agent.rules.sights``). A pause no
longer than a value speaks for its meter does not begin it anew. So readings that are missing can end a
violation and never make one, nor end an alarm: production that is seen again after a silence begins its lead
anew, and nothing is said meanwhile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agent.rules.finding import Finding, Verdict, shown
from agent.rules.sights import Run, run_of
from agent.rules.world import PointView, State, World
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
    before, held = held.get("runs", {}), run(held, seen_ms, bridge_ms)
    verdict = _verdict(rule, production, treatment)
    if verdict is not Verdict.VIOLATED or seen_ms is None:
        kept = {name: held[name] for name in ("from", "to") if name in held} if before else held
        return (Finding(rule.id, verdict, CODE, world.now_ms, 0, (), dict, bridge_ms=bridge_ms),), kept
    running = {name: view for name, view in production.items() if view.state is State.ON}
    stopped = {name: view for name, view in treatment.items() if view.state is State.OFF}
    runs = runs_of(before, {**running, **stopped}, world)
    seen = _seen(rule, [runs[name] for name in running], [runs[name] for name in stopped])
    until_ms = min(seen_ms, _missing_ms(rule, stopped))
    if seen is None or until_ms < held["from"] + rule.start_lead_s * 1000:
        verdict = Verdict.UNKNOWN  # each for itself and not at one moment, or within the lead
    finding = Finding(
        rule.id,
        verdict,
        CODE,
        until_ms,
        rule.stop_lag_s * 1000,
        (*running, *stopped),
        lambda: {"production": powers(production), "treatment": powers(treatment)},
        until_ms=until_ms,
        bridge_ms=bridge_ms,
        seen=seen,
        record=max(view.since_record for view in stopped.values()),
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


def powers(views: Mapping[str, PointView]) -> str:
    """``kiln 12.4 kW, press ?``."""
    return ", ".join(
        f"{name} {shown(view.power.value if view.power else None)}" for name, view in views.items()
    )


def run(held: Mapping[str, Any], seen_ms: int | None, bridge_ms: int) -> Mapping[str, Any]:
    """Since when production runs: a pause that readings may have missed does not end a run."""
    if seen_ms is None or ("to" in held and seen_ms <= held["to"]):
        return held
    goes_on = "to" in held and seen_ms - held["to"] <= bridge_ms
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


def _too_few(rule: TreatmentOff) -> int:
    """Of so many that stand, too few can be running."""
    return len(rule.treatment) - needed(rule) + 1


def _missing_ms(rule: TreatmentOff, stopped: Mapping[str, PointView]) -> int:
    """Up to when too little treatment was seen to run: that many of it were read as OFF."""
    off = [view.sure.at_ms for view in stopped.values() if view.sure is not None]
    return sorted(off, reverse=True)[_too_few(rule) - 1]


def _seen(rule: TreatmentOff, running: Sequence[Run], stopped: Sequence[Run]) -> tuple[int, int] | None:
    """From when to when both were seen: up to the last moment at which a producer and as many treatments as
    make too few of them were; None: at no moment."""
    for at_ms in sorted({run.to_ms for run in (*running, *stopped)}, reverse=True):
        on, off = (_since(runs, at_ms) for runs in (running, stopped))
        if on and len(off) >= _too_few(rule):
            return max(on[0], off[_too_few(rule) - 1]), at_ms
    return None


def _since(runs: Sequence[Run], at_ms: int) -> list[int]:
    """Since when each of those was seen that were seen at a moment."""
    return sorted(run.from_ms for run in runs if run.from_ms <= at_ms <= run.to_ms)
