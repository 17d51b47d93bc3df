"""The deadline of delivery is about to be missed: the oldest block that an uplink has not confirmed is old.

::

    age of the oldest unconfirmed block     verdict
    under deadline_s - warn_before_s        fine
    from there                              violated  SBX-RUL-020, at once
    over deadline_s                         violated  SBX-RUL-021, an alarm of its own
    not known, as after a restart           unknown
"""

from __future__ import annotations

from collections.abc import Iterator

from agent.rules.finding import Finding, Verdict
from agent.rules.world import World
from config.rulekinds import DeliveryLate

KIND = "delivery-late"
NEAR, MISSED = "SBX-RUL-020", "SBX-RUL-021"


def judge(rule: DeliveryLate, world: World) -> Iterator[Finding]:
    """Two findings an uplink, keyed ``rule/uplink/near`` and ``rule/uplink/missed``."""
    for uplink in rule.uplinks or tuple(world.owed_ms):
        yield _one(rule, world, uplink, "near", NEAR)
        yield _one(rule, world, uplink, "missed", MISSED)


def _one(rule: DeliveryLate, world: World, uplink: str, part: str, code: str) -> Finding:
    age_ms = world.owed_ms.get(uplink)
    limit_s = rule.deadline_s - (rule.warn_before_s if part == "near" else 0)
    verdict = Verdict.UNKNOWN
    if age_ms is not None:
        verdict = Verdict.VIOLATED if age_ms > limit_s * 1000 else Verdict.FINE
    return Finding(
        f"{rule.id}/{uplink}/{part}",
        verdict,
        code,
        world.now_ms,
        0,
        (uplink,),
        lambda: {
            "uplink": uplink,
            "hours": f"{(age_ms or 0) / 3_600_000:.1f}",
            "deadline_h": f"{rule.deadline_s / 3600:.1f}",
        },
        fault="device",
    )
