"""A phase is lost (缺相): its voltage is gone while others are there, or its current while the others
carry load.

Transition table, by the values of one reading, two findings a meter::

    voltages                                                         rule/meter/u  SBX-RUL-030
    all under 40 V (that is ``power-cut``), or fewer than two        unknown
    some under below_percent of the largest, that were once above    violated, held hold_s
    one that was once there is missing from the reading, or one      unknown
    is under it that was never above
    else                                                             fine

    currents                                                         rule/meter/i  SBX-RUL-031
    a voltage is lost (said already), or too little load             unknown
    the smallest under 5 % of the next, that carry min_a, and it     violated, held hold_s
    once carried its share
    as before, and it never carried its share                        unknown
    else                                                             fine

A phase that never had a value, or never more than nothing, is not judged: a meter in a three-wire network
reads 0 there for ever, and a line with single-phase loads may have nothing on a phase. What was missing
before the box came is for the wiring check. ``wires`` 3 leaves phase B out; where a meter has line
voltages alone they are compared. Single-phase meters are left out: they have nothing to compare.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from agent.rules.finding import Finding, Verdict, shown
from agent.rules.kinds.metered import DARK_V, Said, finding, made, phases, reading, recalled, watched
from agent.rules.metering import MeterView, Observation
from agent.rules.world import World
from config.meterkinds import PhaseLoss

KIND = "phase-loss"
VOLTAGE, CURRENT = "SBX-RUL-030", "SBX-RUL-031"
_VOLTS, _LINES, _AMPS = ("u_a", "u_b", "u_c"), ("u_ab", "u_bc", "u_ca"), ("i_a", "i_b", "i_c")
_OUTER = {_VOLTS: ("u_a", "u_c"), _AMPS: ("i_a", "i_c")}  # of three wires
USES = (*_VOLTS, *_LINES, *_AMPS)
_NEAR_NOTHING = Decimal("0.05")  # of what the other phases carry
_SHARE = Decimal("0.5")
Known = frozenset[str]
_NOBODY: Known = frozenset()


def step(
    rule: PhaseLoss, world: World, held: Mapping[str, Any]
) -> tuple[tuple[Finding, ...], Mapping[str, Any]]:
    """Two findings a meter of several phases. ``held``: by meter, the phases that once were there."""
    found: list[Finding] = []
    for view in watched(rule, world):
        said = recalled(rule, view, world)
        if said is None:
            known = frozenset(held.get(view.id, ()))
            said, there = _meter(rule, view, known, world)
            made(rule, view, world, said)
            if not there <= known:
                held = {**held, view.id: sorted(known | there)}
        found += said
    return tuple(found), held


def _meter(rule: PhaseLoss, view: MeterView, known: Known, world: World) -> tuple[tuple[Finding, ...], Known]:
    """The findings, and the phases that are there."""
    volts, lost, there = _voltage(rule, view, known, world)
    if rule.min_a <= 0:
        return (volts,), there
    amps, carried = _current(rule, view, known, world, lost)
    return (volts, amps), there | carried


def _voltage(rule: PhaseLoss, view: MeterView, known: Known, world: World) -> tuple[Finding, bool, Known]:
    """The finding, whether a phase is lost, and the phases that are there."""
    seen = reading(view, (*_VOLTS, *_LINES), world.now_ms)
    values = {} if seen is None else voltages(seen, rule.wires)
    largest = max(values.values(), default=Decimal(0))
    verdict, there = Verdict.UNKNOWN, _NOBODY
    lost: tuple[str, ...] = ()
    if len(values) > 1 and largest >= DARK_V:
        limit = largest * rule.below_percent / 100
        there = frozenset(name for name, value in values.items() if value >= limit)
        lost = tuple(name for name in values if name not in there and name in known)
        gone = any(name in known and name not in values for name in _of_one_kind(values, rule.wires))
        sure = len(there) == len(values) and not gone
        verdict = Verdict.VIOLATED if lost else Verdict.FINE if sure else Verdict.UNKNOWN
    said = Said("u", VOLTAGE, verdict, lambda: _facts(view, lost, values, "V"), fault="supply")
    return finding(rule, view, seen, said), bool(lost), there


# budget: what one finding is made of
def _current(
    rule: PhaseLoss, view: MeterView, known: Known, world: World, dead: bool
) -> tuple[Finding, Known]:
    seen = reading(view, _AMPS, world.now_ms)
    values = {} if seen is None else _some(seen, _AMPS if rule.wires == 4 else _OUTER[_AMPS])
    verdict, carried = Verdict.UNKNOWN, _NOBODY
    lost: tuple[str, ...] = ()
    if len(values) == rule.wires - 1 and not dead:
        small, *others = sorted(values, key=lambda name: values[name])
        if values[others[0]] >= rule.min_a:
            share = values[small] / values[others[0]]
            carried = frozenset(values) if share >= _SHARE else frozenset(others)
            verdict = Verdict.FINE
            if share < _NEAR_NOTHING:
                verdict = Verdict.VIOLATED if small in known else Verdict.UNKNOWN
                lost = (small,)
    said = Said("i", CURRENT, verdict, lambda: _facts(view, lost, values, "A"), fault="plant")
    return finding(rule, view, seen, said), carried


def voltages(seen: Observation, wires: int) -> dict[str, Decimal]:
    """The voltages of a reading that can be compared: of the phases, else between them."""
    found = _some(seen, _VOLTS if wires == 4 else _OUTER[_VOLTS])
    return found if len(found) > 1 else _some(seen, _LINES)


def _some(seen: Observation, names: Iterable[str]) -> dict[str, Decimal]:
    return {name: abs(value) for name in names if (value := seen.values.get(name)) is not None}


def _of_one_kind(values: Mapping[str, Decimal], wires: int) -> Iterable[str]:
    if not values.keys().isdisjoint(_LINES):
        return _LINES
    return _VOLTS if wires == 4 else _OUTER[_VOLTS]


def _facts(
    view: MeterView, lost: Iterable[str], values: Mapping[str, Decimal], unit: str
) -> Mapping[str, str]:
    numbers = ", ".join(f"{phases((name,))} {shown(value, unit)}" for name, value in values.items())
    return {"meter": view.id, "phases": phases(lost), "values": numbers}
