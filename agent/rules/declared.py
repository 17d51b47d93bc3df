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
the plant cannot allow itself. It speaks only for its own points, or for the whole plant when it names none,
and only between its two moments by a clock that can be trusted. What it covers is
on record all the same, with its name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

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


def covering(rule: Rule, subjects: Iterable[str], world: World) -> Cover | None:
    """The strongest declaration for a rule's finding on these subjects, points or meters."""
    if world.utc_ms is None or rule.kind in _ORDERS or not world.declarations:
        return None
    named = frozenset(subjects)
    now = world.utc_ms
    found = [
        Cover(one.id, whole)
        for one in world.declarations
        if one.from_ms <= now < one.to_ms and _speaks_for(one, named, world)
        for whole in (_effect(one.kind, rule.kind),)
        if whole is not None
    ]
    return max(found, key=lambda cover: cover.whole, default=None)


def _speaks_for(one: Declaration, subjects: frozenset[str], world: World) -> bool:
    if not one.points:
        return True
    meters = {world.config[name].meter for name in one.points if name in world.config}
    return not subjects.isdisjoint({*one.points, *meters})


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
