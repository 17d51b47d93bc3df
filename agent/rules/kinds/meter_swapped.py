"""Another meter answers in place of the one before (换表).

Transition table::

    the meter's number (``serial``)    its register                           it happened
    another than the last told         anything                               SBX-RUL-044  another number
    the same, in the same reading      anything                               -
    not told                           fell, right after a silence, and was   SBX-RUL-045  by its register
                                       nowhere near its end
    not told                           else                                   -

A silence is longer than a value speaks for its meter, or the box itself was off. A register that falls
without one is not a swap: ``register`` calls it backwards.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from agent.rules.finding import Finding, shown
from agent.rules.kinds.happened import NOTHING, What, noted, remembered, standing
from agent.rules.kinds.metered import newest, news
from agent.rules.kinds.register import fine_step, ratios, rolled
from agent.rules.metering import MeterView, Value
from agent.rules.world import World
from config.meterkinds import MeterSwapped

KIND = "meter-swapped"
NUMBER, REGISTER = "SBX-RUL-044", "SBX-RUL-045"
USES = ("serial", "ep_imp", "ct", "pt")
Known = Mapping[str, Any]


def step(rule: MeterSwapped, world: World, held: Known) -> tuple[tuple[Finding, ...], Known]:
    """Findings keyed ``rule/meter/meter/number``. ``held``: number and register of each meter, when it last
    answered, and whether it was silent since its register was read."""
    last, log = held.get("meters", {}), held.get("log", NOTHING)
    for view in news(rule, world):
        before = last.get(view.id)
        if not view.ever_read:
            continue
        now = _known(view, world, before)
        what, seen = (None, None) if before is None else _judged(view, before, now)
        if before is not None and before["i"] != now["i"]:
            now = {**now, "quiet": False}  # the register was read since
        last = {**last, view.id: now}
        if what is not None and seen is not None:
            log = noted(log, rule, view.id, seen, what)
    findings, log = standing(rule, log, world, "plant")
    return findings, remembered(held, last, log)


def _known(view: MeterView, world: World, before: Known | None) -> Known:
    number, register = newest(view, "serial"), newest(view, "ep_imp")
    kept: Known = {"quiet": False} if before is None else before
    silent = before is not None and (
        before["boot"] != world.boot or view.good_ms - before["good"] > view.fresh_ms
    )
    return {
        "good": view.good_ms,
        "boot": world.boot,
        "serial": kept.get("serial") if number is None else number.value,
        "ep": kept.get("ep") if register is None else register.value,
        "i": kept.get("i", 0) if register is None else register.record,
        "quiet": silent or kept["quiet"],
    }


def _judged(view: MeterView, before: Known, now: Known) -> tuple[What | None, Value | None]:
    """What happened, and the value that told it."""
    old, new = before["serial"], now["serial"]
    if old is not None and old != new:
        return What("meter", NUMBER, {"old": _number(old), "new": _number(new)}), newest(view, "serial")
    number, register = newest(view, "serial"), newest(view, "ep_imp")
    told = number is not None and register is not None and number.record == register.record
    if (old is not None and told) or before["ep"] is None or before["i"] == now["i"] or not now["quiet"]:
        return None, None
    factors = ratios(view)
    fell = before["ep"] - now["ep"] > 2 * fine_step(now["ep"], max(factors))
    if not fell or rolled(before["ep"], now["ep"], factors, None) is not None:
        return None, None
    facts = {"old": shown(before["ep"], "kWh"), "new": shown(now["ep"], "kWh")}
    return What("meter", REGISTER, facts), register


def _number(value: Decimal) -> str:
    return f"{int(value):012d}"
