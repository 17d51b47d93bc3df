"""A meter tells another transformer ratio than before (变比被改): the usual way to make a meter count less.

::

    ct or pt as the meter tells it                verdict
    the first that was ever told                  remembered
    the same number as the last (40 and 40.0)     -
    another                                       it happened  SBX-RUL-035, up until acknowledged or keep_s

The last one told is remembered over a restart, so that a change while the box was off is seen as well. The
number in the site file is not judged here: who changes that leaves a configuration record.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agent.rules.finding import Finding
from agent.rules.kinds.happened import NOTHING, What, noted, remembered, standing
from agent.rules.kinds.metered import newest, news
from agent.rules.world import World
from config.meterkinds import RatioChanged
from config.profile import RATIOS

KIND = "ratio-changed"
CODE = "SBX-RUL-035"
USES = RATIOS


def step(
    rule: RatioChanged, world: World, held: Mapping[str, Any]
) -> tuple[tuple[Finding, ...], Mapping[str, Any]]:
    """Findings keyed ``rule/meter/ct/number``. ``held``: the last of each, and what happened."""
    last, log = held.get("meters", {}), held.get("log", NOTHING)
    for view in news(rule, world):
        for name in RATIOS:
            told = newest(view, name)
            if told is None:
                continue
            key = f"{view.id}/{name}"
            before = last.get(key)
            if before == told.value:
                continue
            last = {**last, key: told.value}
            if before is not None:
                facts = {"name": name.upper(), "old": f"{before:f}", "new": f"{told.value:f}"}
                log = noted(log, rule, view.id, told, What(name, CODE, facts))
    findings, log = standing(rule, log, world, "plant")
    return findings, remembered(held, last, log)
