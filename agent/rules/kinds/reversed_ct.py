"""A current transformer is the wrong way round (CT 接反): active power of a phase is negative while
current flows.

Transition table, one finding a meter, by the values of one reading. A phase is *judged* when its power is
beyond ``min_kw`` either way and its current, where it is read, at least ``min_a``::

    judged phases                                   verdict
    some negative                                   violated, held hold_s  SBX-RUL-033
    none negative, and all accused before judged    fine
    else                                            unknown
    no phases (or ``wires`` 3), total negative      violated, held hold_s  SBX-RUL-034

In a three-wire network one of the two elements reads negative below a power factor of 0.5 without any
mistake: only the total is judged there. With ``export`` the plant may feed in: the total proves nothing,
and phases only when all three carry about the same, yet not the same way.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from agent.rules.finding import Finding, Verdict, shown
from agent.rules.kinds.metered import Said, finding, made, phases, reading, recalled, watched
from agent.rules.metering import MeterView, Observation
from agent.rules.world import World
from config.meterkinds import ReversedCt

KIND = "reversed-ct"
PHASES, TOTAL = "SBX-RUL-033", "SBX-RUL-034"
_POWERS, _AMPS = ("p_a", "p_b", "p_c"), ("i_a", "i_b", "i_c")
USES = ("p", *_POWERS, *_AMPS)
_ALIKE = 2  # with export: the largest power is less than so many times the smallest


def step(
    rule: ReversedCt, world: World, held: Mapping[str, Any]
) -> tuple[tuple[Finding, ...], Mapping[str, Any]]:
    """Findings keyed ``rule/meter``. ``held``: by meter, the phases that are accused."""
    found: list[Finding] = []
    for view in watched(rule, world):
        said = recalled(rule, view, world)
        if said is None:
            before = held.get(view.id, [])
            one, accused = _meter(rule, view, world, before)
            said = made(rule, view, world, (one,))
            if accused != before:
                held = {**held, view.id: accused}
        found += said
    return tuple(found), held


def _meter(rule: ReversedCt, view: MeterView, world: World, before: list[str]) -> tuple[Finding, list[str]]:
    """The finding, and the phases that are accused from now on."""
    seen = reading(view, USES[:4], world.now_ms)
    powers = {} if seen is None else _judged(rule, seen)
    wrong = _wrong(rule, powers)
    accused = sorted({*(name for name in before if name not in powers), *wrong})
    verdict = Verdict.VIOLATED if wrong else Verdict.UNKNOWN if accused or not powers else Verdict.FINE
    return finding(rule, view, seen, _said(view, verdict, wrong, powers)), accused


def _judged(rule: ReversedCt, seen: Observation) -> dict[str, Decimal]:
    """The powers that prove something: of the phases where there are several, else the total."""
    values = seen.values
    there = [name for name in _POWERS if name in values]
    if rule.wires == 3 or len(there) < 2:
        return {} if rule.export else _total(rule, values)
    found = {
        name: values[name]
        for name in there
        if abs(values[name]) >= rule.min_kw and abs(values.get("i" + name[1:], rule.min_a)) >= rule.min_a
    }
    sizes = [abs(value) for value in found.values()]
    if rule.export and (len(sizes) < len(_POWERS) or max(sizes) >= _ALIKE * min(sizes)):
        return {}
    return found


def _total(rule: ReversedCt, values: Mapping[str, Decimal]) -> dict[str, Decimal]:
    p = values.get("p", values.get("p_a"))
    amps = [abs(value) for name in _AMPS if (value := values.get(name)) is not None]
    if p is None or abs(p) < rule.min_kw or (amps and max(amps) < rule.min_a):
        return {}
    return {"p": p}


def _wrong(rule: ReversedCt, powers: Mapping[str, Decimal]) -> list[str]:
    negative = [name for name, value in powers.items() if value < 0]
    if not rule.export:
        return negative
    positive = [name for name in powers if name not in negative]
    return min(negative, positive, key=len)  # the one that differs; all the same way: nobody


def _said(view: MeterView, verdict: Verdict, wrong: list[str], powers: Mapping[str, Decimal]) -> Said:
    code = TOTAL if "p" in powers else PHASES
    numbers = ", ".join(f"{phases((name,))} {shown(value)}".strip() for name, value in powers.items())
    return Said(
        "",
        code,
        verdict,
        lambda: {"meter": view.id, "phases": phases(wrong), "power": numbers},
        max((abs(powers[name]) for name in wrong), default=None),
    )
