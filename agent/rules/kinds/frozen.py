"""The values of a meter under load stand still (数据冻结): a gateway that repeats what it once read, a
meter that hangs.

Transition table, one finding a meter, by readings of the fast class::

    the same values as in the reading before     load                     verdict
    fewer than four to compare, or none before   anything                 unknown
    not all the same                             anything                 fine
    all the same, to the last digit              none                     fine
    all the same, to the last digit              voltage, current, P      violated, held after_s

Voltage alone moves in its last digit within minutes; a machine that stands, with its zeros, proves
nothing. A silence longer than a value speaks for its meter begins it anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from agent.rules.drawn import drawn_kw
from agent.rules.finding import Finding, Verdict, shown
from agent.rules.kinds.metered import DARK_V, made, recalled, watched
from agent.rules.metering import MeterView, Observation
from agent.rules.world import World
from config.meterkinds import Frozen

KIND = "frozen"
CODE = "SBX-RUL-040"
_VOLTS = ("u_a", "u_b", "u_c", "u_ab", "u_bc", "u_ca")
_AMPS = ("i_a", "i_b", "i_c")
_POWERS = tuple(name for stem in ("p", "q", "s", "pf") for name in (stem, *(f"{stem}_{x}" for x in "abc")))
USES = (*_VOLTS, *_AMPS, "i_n", *_POWERS, "f")
_FEWEST = 4
Known = Mapping[str, Any]


def step(rule: Frozen, world: World, held: Known) -> tuple[tuple[Finding, ...], Known]:
    """Findings keyed ``rule/meter``. ``held``: by meter, its last values and since when they stand."""
    found: list[Finding] = []
    for view in watched(rule, world):
        said = recalled(rule, view, world)
        if said is None:
            seen = view.fast[0] if view.fast else None
            known = held.get(view.id)
            if seen is not None and (known is None or known["at"] != seen.at_ms):
                known = _followed(view, seen, known)
                held = {**held, view.id: known}
            said = made(rule, view, world, (_finding(rule, world, view, known),))
        found += said
    return tuple(found), held


def _followed(view: MeterView, seen: Observation, before: Known | None) -> Known:
    """The memory of a meter after one more reading."""
    values = {name: value for name in USES if (value := seen.values.get(name)) is not None}
    new = {"at": seen.at_ms, "since": seen.at_ms, "i": seen.record, "v": values, "moved": False}
    if before is None or seen.at_ms - before["at"] > view.fresh_ms:
        return new
    both = before["v"].keys() & values.keys()
    if len(both) < _FEWEST:
        return new
    if any(before["v"][name] != values[name] for name in both):
        return {**new, "moved": True}
    return {**new, "since": before["since"], "i": before["i"]}


def _finding(rule: Frozen, world: World, view: MeterView, known: Known | None) -> Finding:
    verdict, at_ms, since_ms = Verdict.UNKNOWN, view.good_ms, view.good_ms
    if known is not None:
        at_ms, since_ms = known["at"], known["since"]
        stands = since_ms < at_ms
        if (stands or known["moved"]) and world.now_ms - at_ms <= view.fresh_ms:
            loaded = stands and _loaded(rule, known["v"])
            verdict = Verdict.VIOLATED if loaded else Verdict.FINE
    return Finding(
        f"{rule.id}/{view.id}",
        verdict,
        CODE,
        since_ms,
        rule.after_s * 1000,
        (view.id,),
        lambda: _facts(view, known, at_ms - since_ms),
        until_ms=at_ms,
        seen=(since_ms, at_ms),
        bridge_ms=0 if verdict is Verdict.FINE else view.fresh_ms,
        record=0 if known is None else known["i"],
        fault="device",
        meters=(view.id,),
    )


def _loaded(rule: Frozen, values: Mapping[str, Decimal]) -> bool:
    volts = max((values[name] for name in _VOLTS if name in values), default=Decimal(0))
    amps = max((abs(values[name]) for name in _AMPS if name in values), default=Decimal(0))
    power = drawn_kw(values)
    return volts >= DARK_V and amps > 0 and power is not None and power >= max(rule.min_kw, Decimal("0.001"))


def _facts(view: MeterView, known: Known | None, stood_ms: int) -> Mapping[str, str]:
    values = {} if known is None else known["v"]
    return {
        "meter": view.id,
        "minutes": str(stood_ms // 60_000),
        "count": str(len(values)),
        "power": shown(drawn_kw(values)),
    }
