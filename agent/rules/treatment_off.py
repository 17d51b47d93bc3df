"""Treatment not running while production runs (治污设施未开启): many to many, all or any needed.

Transition table (production = any of its points; treatment per ``need``)::

    production   treatment              verdict
    ON           enough ON              fine
    ON           not enough, one OFF *  violated after start_lead_s of production, held stop_lag_s
    ON           rest UNKNOWN           unknown
    all OFF      anything               fine
    else         anything               unknown

    * need = "all": at least one treatment point OFF; need = "any": every treatment point OFF.
"""

from __future__ import annotations

from agent.rules.finding import Finding, Verdict
from agent.rules.world import PointView, State, World
from config.site import SiteConfig, TreatmentOff

KIND = "treatment-off"
CODE = "SBX-RUL-001"


def judge(rule: TreatmentOff, config: SiteConfig, world: World) -> tuple[Finding, ...]:
    """One finding, keyed by the rule."""
    production = {name: world.points[name] for name in rule.production}
    treatment = {name: world.points[name] for name in rule.treatment}
    running = [view for view in production.values() if view.state is State.ON]
    stopped = [name for name, view in treatment.items() if view.state is State.OFF]
    verdict = _verdict(rule, production, treatment)
    began = max(
        min((view.since_ms + rule.start_lead_s * 1000 for view in running), default=world.now_ms),
        _missing_since(rule, treatment, world.now_ms),
    )
    if verdict is Verdict.VIOLATED and world.now_ms < began:
        verdict = Verdict.FINE  # still within the time that treatment may take to start
    subjects = (*(name for name, view in production.items() if view.state is State.ON), *stopped)
    facts = {
        "production": ", ".join(f"{name} {_power(view)}" for name, view in production.items()),
        "treatment": ", ".join(f"{name} {_power(view)}" for name, view in treatment.items()),
    }
    return (Finding(rule.id, verdict, CODE, began, rule.stop_lag_s * 1000, subjects, facts),)


def _verdict(
    rule: TreatmentOff, production: dict[str, PointView], treatment: dict[str, PointView]
) -> Verdict:
    if all(view.state is State.OFF for view in production.values()):
        return Verdict.FINE
    if not any(view.state is State.ON for view in production.values()):
        return Verdict.UNKNOWN
    states = [view.state for view in treatment.values()]
    off, on = states.count(State.OFF), states.count(State.ON)
    if rule.need == "all":
        return Verdict.VIOLATED if off else Verdict.FINE if on == len(states) else Verdict.UNKNOWN
    return Verdict.FINE if on else Verdict.VIOLATED if off == len(states) else Verdict.UNKNOWN


def _missing_since(rule: TreatmentOff, treatment: dict[str, PointView], now_ms: int) -> int:
    """Since when too little treatment runs: with "all" the first to stop counts, with "any" the last."""
    stops = [view.since_ms for view in treatment.values() if view.state is State.OFF]
    if not stops:
        return now_ms
    return min(stops) if rule.need == "all" else max(stops)


def _power(view: PointView) -> str:
    return "?" if view.power is None else f"{view.power.value:f} kW"
