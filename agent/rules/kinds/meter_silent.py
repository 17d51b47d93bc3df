"""Monitoring lost: a meter gave no good reading for ``after_s``. One alarm a meter; one for a whole line.

::

    good reading younger than after_s                    fine (unknown if never read)
    older, but the box watches again for less than that  unknown: nobody was there to hear it
    older, but every meter of the plant is silent        unknown: ``power-cut`` says it once
    older, and so is every other meter of its bus        violated, one alarm for the bus  SBX-RUL-004
    older                                                violated                        SBX-RUL-003

This is never a statement about the plant: it says that nothing is known of it.
"""

from __future__ import annotations

from collections.abc import Iterator

from agent.rules.finding import Fault, Finding, Verdict
from agent.rules.kinds.power_cut import all_silent, unheard_ms
from agent.rules.metering import MeterView
from agent.rules.world import World
from config.rulekinds import MeterSilent

Members = tuple[MeterView, ...]
KIND = "meter-silent"
CODE, CODE_BUS = "SBX-RUL-003", "SBX-RUL-004"


def judge(rule: MeterSilent, world: World) -> Iterator[Finding]:
    """One finding a meter, keyed ``rule/meter``, and one a bus of several, keyed ``rule/bus/<bus>``."""
    views = [world.meters[name] for name in rule.meters or world.meters]
    everywhere = all_silent(world)
    for bus, members in world.buses.items():
        if len(members) > 1 and (not rule.meters or any(view.id in rule.meters for view in members)):
            yield _bus(rule, bus, members, world, everywhere)
    seen_ms = world.now_ms - rule.after_s * 1000
    for view in views:
        if view.good_ms > seen_ms and view.ever_read:
            yield Finding(f"{rule.id}/{view.id}", Verdict.FINE, CODE, view.good_ms, 0, (view.id,), dict)
            continue
        others = world.buses[view.bus]
        hidden = everywhere or (len(others) > 1 and all(_quiet(rule, one, world) for one in others))
        yield _one(rule, view, world, hidden)


def _bus(rule: MeterSilent, bus: str, members: Members, world: World, everywhere: bool) -> Finding:
    gone = all(_quiet(rule, view, world) for view in members)
    last_ms = max(unheard_ms(view, world) for view in members) if gone else world.now_ms
    heard = any(view.ever_read and view.good_ms >= world.watched_ms for view in members)
    verdict = Verdict.VIOLATED if gone else Verdict.FINE if heard else Verdict.UNKNOWN
    if everywhere:
        verdict = Verdict.UNKNOWN
    names = tuple(view.id for view in members)
    fault: Fault = "device"
    return Finding(
        f"{rule.id}/bus/{bus}",
        verdict,
        CODE_BUS,
        last_ms,
        rule.after_s * 1000,
        names,
        lambda: {
            "bus": bus,
            "meters": ", ".join(names),
            "silent_s": str((world.now_ms - last_ms) // 1000),
            "why": _why(members[0]),
        },
        fault=fault,
    )


def _one(rule: MeterSilent, view: MeterView, world: World, hidden: bool) -> Finding:
    silent_ms, since_ms = world.now_ms - view.good_ms, unheard_ms(view, world)
    hold_ms = rule.after_s * 1000
    if silent_ms >= hold_ms:
        unheard = hidden or world.now_ms - since_ms < hold_ms
        verdict = Verdict.UNKNOWN if unheard else Verdict.VIOLATED
    else:
        verdict = Verdict.FINE if view.ever_read else Verdict.UNKNOWN
    return Finding(
        f"{rule.id}/{view.id}",
        verdict,
        CODE,
        since_ms,
        hold_ms,
        (view.id,),
        lambda: {"meter": view.id, "silent_s": str(silent_ms // 1000), "why": _why(view)},
        fault="device",
    )


def _quiet(rule: MeterSilent, view: MeterView, world: World) -> bool:
    """Silent for some time already, whether or not it is long enough for an alarm."""
    return world.now_ms - unheard_ms(view, world) > min(view.fresh_ms, rule.after_s * 500)


def _why(view: MeterView) -> str:
    """The word that the newest failed poll gives, as in records."""
    return view.error or "no_reply"
