"""What a declaration (报备) does to an alarm: it covers it wholly, lowers it to a warning, or nothing.

::

    kind         covers wholly                                lowers to a warning
    stop         meter-silent, power-cut and what a meter      load
                 says of itself
    maintenance  as stop                                      treatment-off, treatment-stopped, load,
                                                               off-shift, and what happened to a meter
    power-cut    meter-silent, power-cut, phases, frozen      -
    rebuild      as stop                                      all but orders

What happened to a meter (its ratio, its number, its register, its covers) is never covered wholly: work on
the plant explains it and must not hide it. A declaration never touches an order: what an authority forbids
the plant cannot allow itself. What it covers is on record all the same, with its name.

It speaks only for its own points and their meters, or for the whole plant when it names none. A violation
is covered if it is none without what is declared, by one declaration or by several together::

    treatment-off        without them enough of the treatment left runs (as many as needed, all at most), or
                         no production is left
    treatment-stopped    the treatment point is declared, or all production that ran when it stopped
    a bus, a sum         all its meters or points are

It holds between its two moments. While nobody vouches for the clock, one that may hold lowers to a warning
and covers nothing wholly. Within the boot in which the clock was trusted last, that is by the time that has
passed since; after another start of the machine it may have begun, and is over when at least so much time
has passed; where the clock never was trusted, each may hold.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from agent.rules.finding import Finding
from agent.rules.world import World
from config.orders import Declaration, DeclarationKind
from config.rulekinds import Rule

_SELF = frozenset(
    (
        "meter-silent",
        "power-cut",
        "phase-loss",
        "phase-order",
        "reversed-ct",
        "power-sum",
        "balance",
        "frozen",
    )
)
_HAPPENED = frozenset(("ratio-changed", "register", "meter-swapped", "meter-events"))
_ORDERS = frozenset(("stop-order", "limit-order"))
_PLANT = frozenset(("treatment-off", "treatment-stopped", "load", "off-shift"))
_WHOLLY: Mapping[DeclarationKind, frozenset[str]] = MappingProxyType(
    {
        "stop": _SELF,
        "maintenance": _SELF,
        "power-cut": frozenset(("meter-silent", "power-cut", "phase-loss", "frozen", "balance")),
        "rebuild": _SELF,
    }
)


class Cover(NamedTuple):
    """The declaration that speaks for an alarm; ``whole``: no alarm at all, else a warning."""

    id: str
    whole: bool


def covering(rule: Rule, finding: Finding, world: World) -> Cover | None:
    """The strongest declaration for a rule's finding, the one that makes it whole where it takes several;
    None: the violation stands without all that is declared."""
    if rule.kind in _ORDERS:
        return None
    found = [
        (one, whole and world.utc_ms is not None)
        for one in world.declarations
        if _holds(one, world)
        for whole in (_effect(one.kind, rule.kind),)
        if whole is not None
    ]
    wholly = _speaker((one for one, whole in found if whole), finding, world)
    if wholly is not None:
        return Cover(wholly, whole=True)
    lowered = _speaker((one for one, _ in found), finding, world)
    return None if lowered is None else Cover(lowered, whole=False)


def _holds(one: Declaration, world: World) -> bool:
    """Whether it is in force, or may be as far as the time is known."""
    if world.utc_ms is not None:
        return one.from_ms <= world.utc_ms < one.to_ms
    last = world.vouched
    if last is None or last.utc_ms is None:
        return True
    utc_ms = last.utc_ms + world.now_ms - last.ms
    begun = one.from_ms <= utc_ms or world.boot != last.boot  # how long a machine was off nobody knows
    return begun and utc_ms < one.to_ms


def _speaker(declarations: Iterable[Declaration], finding: Finding, world: World) -> str | None:
    """The declaration with which, added to those before it, nothing of the violation is left."""
    names: set[str] = set()
    for one in declarations:
        own = {*one.points, *(world.config[name].meter for name in one.points if name in world.config)}
        names |= own
        touches = not one.points or not own.isdisjoint(finding.subjects)
        if touches and (not one.points or not _stands(finding, names, world)):
            return one.id
    return None


def _stands(finding: Finding, names: set[str], world: World) -> bool:
    """Whether it is an alarm without these points and meters: it must have lasted without them."""
    if finding.without is None:
        return not finding.subjects or not names.issuperset(finding.subjects)
    lasted_ms = finding.without(names)
    return lasted_ms is not None and lasted_ms >= finding.hold_ms


def _effect(kind: DeclarationKind, rule: str) -> bool | None:
    if rule in _WHOLLY[kind]:
        return True
    if (
        kind == "rebuild"
        or (kind == "maintenance" and rule in _PLANT | _HAPPENED)
        or (kind == "stop" and rule == "load")
    ):
        return False
    return None
