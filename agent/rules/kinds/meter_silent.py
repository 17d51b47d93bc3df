"""Monitoring lost: a meter gave no good reading for ``after_s``. One alarm a meter; one for a whole line.

::

    good reading younger than after_s                    fine (unknown if never read)
    older, but every meter of the plant is silent        unknown: ``power-cut`` says it once
    older, and so is every other meter of its bus        violated, one alarm for the bus  SBX-RUL-004
    older                                                violated                        SBX-RUL-003
    older, and nobody listened meanwhile                 unknown: the box was off

This is never a statement about the plant: it says that nothing is known of it.
"""

from __future__ import annotations

from collections.abc import Iterator

from agent.rules.finding import Fault, Finding, Verdict
from agent.rules.kinds.power_cut import all_silent
from agent.rules.world import MeterView, World
from config.rulekinds import MeterSilent

KIND = "meter-silent"
CODE, CODE_BUS = "SBX-RUL-003", "SBX-RUL-004"


def judge(rule: MeterSilent, world: World) -> Iterator[Finding]:
    """One finding a meter, keyed ``rule/meter``, and one a bus of several, keyed ``rule/bus/<bus>``."""
    views = [world.meters[name] for name in rule.meters or world.meters]
    everywhere = all_silent(world)
    buses = world.buses
    for bus, members in buses.items():
        if len(members) > 1 and (not rule.meters or any(view.id in rule.meters for view in members)):
            yield _bus(rule, bus, members, world, everywhere)
    seen_ms = world.now_ms - rule.after_s * 1000
    for view in views:
        if view.good_ms > seen_ms and view.ever_read:
            yield Finding(f"{rule.id}/{view.id}", Verdict.FINE, CODE, view.good_ms, 0, (view.id,), dict)
            continue
        yield _one(rule, view, world, everywhere or _bus_quiet(rule, view, buses[view.bus], world))


def _bus_quiet(rule: MeterSilent, view: MeterView, others: tuple[MeterView, ...], world: World) -> bool:
    """Whether the alarm of its bus speaks for a silent meter."""
    silent = world.now_ms - view.good_ms >= rule.after_s * 1000
    return silent and len(others) > 1 and all(_quiet(rule, one, world) for one in others)


def _bus(
    rule: MeterSilent, bus: str, members: tuple[MeterView, ...], world: World, everywhere: bool
) -> Finding:
    gone = all(_quiet(rule, view, world) for view in members)
    last_ms = max(view.heard_ms for view in members) if gone else world.now_ms
    verdict = Verdict.VIOLATED if gone else Verdict.FINE
    if everywhere or (gone and not all(_unheard(rule, view, world) for view in members)):
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
    silent_ms = world.now_ms - view.good_ms
    hold_ms = rule.after_s * 1000
    if silent_ms >= hold_ms:
        heard = world.now_ms - view.heard_ms < hold_ms  # nobody listened for so long
        verdict = Verdict.UNKNOWN if hidden or heard else Verdict.VIOLATED
    else:
        verdict = Verdict.FINE if view.ever_read else Verdict.UNKNOWN
    return Finding(
        f"{rule.id}/{view.id}",
        verdict,
        CODE,
        view.heard_ms,
        hold_ms,
        (view.id,),
        lambda: {"meter": view.id, "silent_s": str(silent_ms // 1000), "why": _why(view)},
        fault="device",
    )


def _quiet(rule: MeterSilent, view: MeterView, world: World) -> bool:
    """Silent for some time already, whether or not it is long enough for an alarm."""
    return world.now_ms - view.good_ms > min(view.fresh_ms, rule.after_s * 500)


def _unheard(rule: MeterSilent, view: MeterView, world: World) -> bool:
    """The same, of the time in which somebody listened."""
    return world.now_ms - view.heard_ms > min(view.fresh_ms, rule.after_s * 500)


def _why(view: MeterView) -> str:
    """The word that the newest failed poll gives, as in records."""
    return view.error or "no_reply"
