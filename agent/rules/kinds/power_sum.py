"""Active power does not agree with what it is made of (功率不平衡): a wrong scale, ratio or profile, or a
meter that is broken or has been made to say something else.

Transition table, two findings a meter, by the values of one reading::

    P against                        finding
    sum of U x I x PF of the phases  rule/meter/uipf    SBX-RUL-036   not with ``wires`` 3
    sum of P of the phases           rule/meter/phases  SBX-RUL-037

    apart                                               verdict
    by more than tolerance_percent of the larger,       violated, held hold_s
    and on the same side as in the reading before
    by more, on the other side than before              fine
    by less                                             fine
    both under min_kw, or a value missing               unknown

A meter that is asked item by item reads P seconds after U and I: where the load jumps, the two differ now
this way and now the other. That is why the side counts. A power factor without sign takes that of its
phase's power.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from agent.rules.finding import Finding, Verdict, shown
from agent.rules.kinds.metered import Said, finding, made, reading, recalled, watched
from agent.rules.metering import MeterView, Observation
from agent.rules.world import World
from config.meterkinds import PowerSum

KIND = "power-sum"
UIPF, PHASES = "SBX-RUL-036", "SBX-RUL-037"
_ABC = ("a", "b", "c")
USES = ("p", *(f"{stem}_{phase}" for stem in ("p", "u", "i", "pf") for phase in _ABC))


class _Pair(NamedTuple):
    part: str
    code: str
    power: Decimal | None
    total: Decimal | None


def step(
    rule: PowerSum, world: World, held: Mapping[str, Any]
) -> tuple[tuple[Finding, ...], Mapping[str, Any]]:
    """Two findings a meter. ``held``: by meter and part, the side of the last difference and its record."""
    found: list[Finding] = []
    for view in watched(rule, world):
        said = recalled(rule, view, world)
        if said is None:
            said, sides = _meter(rule, view, world, held)
            made(rule, view, world, said)
            held = {**held, **sides} if sides else held
        found += said
    return tuple(found), held


def _meter(
    rule: PowerSum, view: MeterView, world: World, held: Mapping[str, Any]
) -> tuple[tuple[Finding, ...], Mapping[str, list[int]]]:
    """The findings, and the sides that are new."""
    seen = reading(view, ("p",), world.now_ms)
    values: Mapping[str, Decimal] = {} if seen is None else seen.values
    pairs = (
        _Pair("uipf", UIPF, values.get("p"), None if rule.wires == 3 else _uipf(values)),
        _Pair("phases", PHASES, values.get("p"), _phases(rule, values)),
    )
    found, sides = [], {}
    for pair in pairs:
        key = f"{view.id}/{pair.part}"
        verdict, side = _verdict(rule, pair, seen, held.get(key))
        if side is not None and side != held.get(key):
            sides[key] = side
        found.append(finding(rule, view, seen, _said(view, pair, verdict)))
    return tuple(found), sides


def _verdict(
    rule: PowerSum, pair: _Pair, seen: Observation | None, before: list[int] | None
) -> tuple[Verdict, list[int] | None]:
    """The verdict, and [side, the record that began it] for the memory."""
    if seen is None or pair.power is None or pair.total is None:
        return Verdict.UNKNOWN, None
    larger = max(abs(pair.power), abs(pair.total))
    if larger < rule.min_kw:
        return Verdict.UNKNOWN, None
    apart = pair.power - pair.total
    side = 0 if abs(apart) <= larger * rule.tolerance_percent / 100 else 1 if apart > 0 else -1
    if side == 0:
        return Verdict.FINE, [0, 0]
    if before is None or before[0] in (0, side):
        turned = before is not None and before[0] == side and before[1] == seen.record
        return Verdict.FINE if turned else Verdict.VIOLATED, [side, before[1] if turned and before else 0]
    return Verdict.FINE, [side, seen.record]  # this very reading stays fine, the next on this side does not


def _uipf(values: Mapping[str, Decimal]) -> Decimal | None:
    total = Decimal(0)
    for phase in _ABC:
        u, i, pf = (values.get(f"{stem}_{phase}") for stem in ("u", "i", "pf"))
        if u is None or i is None or pf is None:
            return None
        sign = values.get(f"p_{phase}", pf)
        total += abs(u * i * pf) * (-1 if sign < 0 else 1)
    return total / 1000


def _phases(rule: PowerSum, values: Mapping[str, Decimal]) -> Decimal | None:
    found = [values.get(f"p_{phase}") for phase in _ABC]
    if rule.wires == 3 and found[1] is None:
        found = [found[0], found[2]]
    known = [value for value in found if value is not None]
    return sum(known, Decimal(0)) if len(known) == len(found) else None


def _said(view: MeterView, pair: _Pair, verdict: Verdict) -> Said:
    return Said(
        pair.part,
        pair.code,
        verdict,
        lambda: {"meter": view.id, "power": shown(pair.power), "sum": shown(pair.total)},
        None if pair.power is None or pair.total is None else abs(pair.power - pair.total),
    )
