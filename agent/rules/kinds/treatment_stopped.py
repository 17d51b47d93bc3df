"""Treatment that was running stopped before production did (治污设施异常关闭, 提前停治污).

Transition table, one finding for each treatment point::

    treatment                         production                      verdict
    ON                                anything                        fine
    OFF, seen to stop *               running since before the stop   violated, held hold_s
    OFF, seen to stop                 stopped, within run_on_s        violated, held hold_s
    OFF                               else                            fine: what was violated is over
    UNKNOWN                           anything                        unknown
    OFF, seen to stop                 UNKNOWN since                   as it was: no data ends nothing

    * ON and then OFF, no further apart than a value speaks for its meter: what stopped while nobody looked
      may have stopped with production, or after it; and production ran when it was last seen ON

It finds what ``treatment-off`` with its longer lag does not: the scrubber that is switched off a few minutes
before the kiln, each evening. Points in a duty and standby pair belong in ``treatment-off`` with need =
"any"."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from typing import Any

from agent.rules.finding import Finding, Verdict, Without
from agent.rules.kinds.treatment_off import bridge, run, running_ms, runs_of, told
from agent.rules.points import PointView, State
from agent.rules.world import World
from config.rulekinds import TreatmentStopped

KIND = "treatment-stopped"
CODE = "SBX-RUL-005"


def step(
    rule: TreatmentStopped, world: World, held: Mapping[str, Any]
) -> tuple[tuple[Finding, ...], Mapping[str, Any]]:
    """One finding for each treatment point, keyed ``rule/point``. ``held``: the present run of production,
    and the runs of readings that each treatment is seen to have stopped in."""
    production = {name: world.points[name] for name in rule.production}
    bridge_ms = bridge(rule, world)
    stopped = {name: view for name in rule.treatment for view in (world.points[name],) if _stopped(view)}
    runs = runs_of(held.get("runs", {}), stopped, world)
    held = run(held, running_ms(production), bridge_ms)
    if runs or "runs" in held:
        held = {**held, "runs": runs}
    return tuple(_all(rule, world, held, production, bridge_ms)), held


# budget: what one finding is made of, known once for all of them
def _all(
    rule: TreatmentStopped,
    world: World,
    held: Mapping[str, Any],
    production: Mapping[str, PointView],
    bridge_ms: int,
) -> Iterator[Finding]:
    stopped = all(view.state is State.OFF for view in production.values())
    for name in rule.treatment:
        view = world.points[name]
        verdict, until_ms = _verdict(rule, view, held, bridge_ms)
        if stopped and view.state is State.OFF and world.now_ms > held.get("to", 0) + rule.run_on_s * 1000:
            verdict, until_ms = Verdict.FINE, None
        yield Finding(
            f"{rule.id}/{name}",
            verdict,
            CODE,
            view.since_ms,
            rule.hold_s * 1000,
            (*rule.production, name),
            _words(production, name, world),
            until_ms=until_ms,
            bridge_ms=bridge_ms,
            seen=None if until_ms is None else (held["runs"][name].from_ms, until_ms),
            record=view.since_record,
            without=_without(rule, production, name, view),
        )


def _words(production: Mapping[str, PointView], name: str, world: World) -> Any:
    treatment = {name: world.points[name]}
    return lambda: {"production": told(production, world), "treatment": told(treatment, world)}


def _without(
    rule: TreatmentStopped, production: Mapping[str, PointView], name: str, view: PointView
) -> Without:
    """How long it stood while other production, of what ran when it stopped, went on."""

    def lasted_ms(names: Set[str]) -> int | None:
        ran = [
            one
            for maker, one in production.items()
            if maker not in names and (one.known if one.since_ms > view.since_ms else one.state) is State.ON
        ]
        if name in names or not ran or view.sure is None:
            return None
        ends = (one.sure.at_ms if one.state is State.ON and one.sure else one.since_ms for one in ran)
        return min(view.sure.at_ms, max(ends) + rule.run_on_s * 1000) - view.since_ms

    return lasted_ms


def _verdict(
    rule: TreatmentStopped, view: PointView, held: Mapping[str, Any], bridge_ms: int
) -> tuple[Verdict, int | None]:
    if view.state is State.UNKNOWN or (view.state, view.known) == (State.OFF, State.OFF):
        return Verdict.UNKNOWN, None  # it stood before a silence and stands behind it: that clears nothing
    stopped = _stopped(view) and view.since_ms - view.known_ms <= bridge_ms
    if not stopped or "to" not in held or held["from"] > view.known_ms:
        return Verdict.FINE, None
    assert view.sure is not None, "a state that is known was read"
    until_ms = min(view.sure.at_ms, held["to"] + rule.run_on_s * 1000)
    return (Verdict.VIOLATED, until_ms) if until_ms > view.since_ms else (Verdict.FINE, None)


def _stopped(view: PointView) -> bool:
    return view.state is State.OFF and view.known is State.ON
