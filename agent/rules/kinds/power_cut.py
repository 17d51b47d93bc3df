"""Mains lost: told apart from a meter's fault and from ours.

::

    a contact or supply says off                                     violated  SBX-RUL-017
    every meter that answers reads no voltage on any phase           violated  SBX-RUL-018
    every meter is silent, two at least, and our ports are there     violated  SBX-RUL-019  feeder or wiring
    a contact or supply says on, or some meter has voltage           fine
    else                                                             unknown

Nothing is ever "off" because of it: it says that nothing can be said of the equipment. While all meters are
silent ``meter-silent`` does not name each of them.
"""

from __future__ import annotations

from agent.rules.finding import Finding, Verdict, shown
from agent.rules.world import MeterView, World
from config.rulekinds import PowerCut

KIND = "power-cut"
CONTACT, NO_VOLTAGE, SILENT = "SBX-RUL-017", "SBX-RUL-018", "SBX-RUL-019"
_PHASES = ("u_a", "u_b", "u_c", "u_ab", "u_bc", "u_ca")
USES = _PHASES
_FEWEST = 2  # silent meters that are not a meter's own fault


def judge(rule: PowerCut, world: World) -> tuple[Finding, ...]:
    """One finding, keyed by the rule."""
    verdict, code, began_ms = _cause(rule, world)
    finding = Finding(
        rule.id,
        verdict,
        code,
        began_ms,
        rule.hold_s * 1000,
        (),
        lambda: {"meters": str(len(world.meters)), "volts": shown(rule.volts_below, "V")},
        fault="supply",
    )
    return (finding,)


def all_silent(world: World) -> bool:
    """No meter answers, there are two at least, and it is not our ports that are gone."""
    views = world.meters.values()
    return (
        len(views) >= _FEWEST
        and all(silent(view, world.now_ms) for view in views)
        and any(view.error != "port" for view in views)
    )


def silent(view: MeterView, now_ms: int) -> bool:
    """Whether it gave nothing for longer than a value speaks for it."""
    return now_ms - view.heard_ms > view.fresh_ms


def _cause(rule: PowerCut, world: World) -> tuple[Verdict, str, int]:
    if world.mains is False:
        return Verdict.VIOLATED, CONTACT, world.mains_ms
    lit, dark = _lit(rule, world)
    if dark and not lit:
        return Verdict.VIOLATED, NO_VOLTAGE, max(view.good_ms for view in dark)
    if all_silent(world):
        return Verdict.VIOLATED, SILENT, max(view.heard_ms for view in world.meters.values())
    return (Verdict.FINE if world.mains or lit else Verdict.UNKNOWN), SILENT, world.now_ms


def _lit(rule: PowerCut, world: World) -> tuple[bool, list[MeterView]]:
    """Whether any meter has voltage on any phase; else those that read how little there is."""
    dark = []
    for view in world.meters.values():
        values = [value for name in _PHASES if (value := view.fresh(name, world.now_ms)) is not None]
        if any(abs(value.value) >= rule.volts_below for value in values):
            return True, []
        if values:
            dark.append(view)
    return False, dark
