"""Mains lost: told apart from a meter's fault and from ours.

::

    a contact or supply says off                                     violated  SBX-RUL-017
    every meter that answers reads no voltage on any phase *         violated  SBX-RUL-018
    every meter is silent, two at least, and our ports are there     violated  SBX-RUL-019  feeder or wiring
    a contact or supply says on, or some meter has voltage           fine
    else                                                             unknown

    * those whose voltage leads are off (current flows) are not asked

Nothing is ever "off" because of it: it says that nothing can be said of the equipment. While all meters are
silent ``meter-silent`` does not name each of them.
"""

from __future__ import annotations

from agent.rules.finding import Finding, Verdict, shown
from agent.rules.leads import leads_off
from agent.rules.metering import MeterView
from agent.rules.world import World
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
        and all(world.now_ms - unheard_ms(view, world) > view.fresh_ms for view in views)
        and any(view.error != "port" for view in views)
    )


def unheard_ms(view: MeterView, world: World) -> int:
    """Since when it gave nothing while the box was there to hear it."""
    return max(view.good_ms, world.watched_ms)


def _cause(rule: PowerCut, world: World) -> tuple[Verdict, str, int]:
    if world.mains is False:
        return Verdict.VIOLATED, CONTACT, world.mains_ms
    lit, dark = _lit(rule, world)
    if dark and not lit:
        return Verdict.VIOLATED, NO_VOLTAGE, max(view.good_ms for view in dark)
    if all_silent(world):
        return Verdict.VIOLATED, SILENT, max(unheard_ms(view, world) for view in world.meters.values())
    return (Verdict.FINE if world.mains or lit else Verdict.UNKNOWN), SILENT, world.now_ms


def _lit(rule: PowerCut, world: World) -> tuple[bool, list[MeterView]]:
    """Whether any meter has voltage on any phase; else those that read how little there is."""
    dark = []
    for view in world.meters.values():
        values = [value for name in _PHASES if (value := view.fresh(name, world.now_ms)) is not None]
        if not values or any(leads_off(seen.values, view.gives) for seen in view.fast[:1]):
            continue
        if any(abs(value.value) >= rule.volts_below for value in values):
            return True, []
        dark.append(view)
    return False, dark
