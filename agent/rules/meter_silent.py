"""Monitoring lost: a meter gave no good reading for ``after_s``. One alarm a meter.

This is never a statement about the plant: it says that nothing is known of it.
"""

from __future__ import annotations

from agent.rules.finding import Finding, Verdict
from agent.rules.world import World
from config.site import MeterSilent, SiteConfig

KIND = "meter-silent"
CODE = "SBX-RUL-003"


def judge(rule: MeterSilent, config: SiteConfig, world: World) -> tuple[Finding, ...]:
    """One finding a meter, keyed ``rule/meter``."""
    names = rule.meters or tuple(meter.id for meter in config.meters)
    return tuple(_one(rule, name, world) for name in names)


def _one(rule: MeterSilent, name: str, world: World) -> Finding:
    view = world.meters[name]
    silent_ms = world.now_ms - view.good_ms
    hold_ms = rule.after_s * 1000
    if silent_ms >= hold_ms:
        verdict = Verdict.VIOLATED
    else:
        verdict = Verdict.FINE if view.ever_read else Verdict.UNKNOWN
    facts = {"meter": name, "silent_s": str(silent_ms // 1000)}
    return Finding(f"{rule.id}/{name}", verdict, CODE, view.good_ms, hold_ms, (name,), facts)
