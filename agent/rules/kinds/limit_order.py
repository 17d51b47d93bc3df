"""More is drawn than a limit order allows (限产超限, 未响应减产).

The limit is a mean power (``limit_kw``, or ``reduce_percent`` less than a baseline that is fixed when the
order comes into force) or the energy of each window (``limit_kwh``). Transition table, for the sum of the
points or for each of them::

    limit       measured                                       verdict
    kW          mean of average_s, begun after the grace       violated above | fine at or below
    kW          too little measured, the rest is above alone   violated
    kW          too little measured                            unknown
    kWh         drawn since the window began                   violated above: it cannot become less
    kWh         ... more than warn_percent of the limit        a finding of its own, a warning
    percent     no baseline: none given, no days recorded      SBX-RUL-010, a warning: it cannot be judged
    any         clock not to be trusted                        unknown

Of several limits in kW on the same points the one that allows least is judged, as soon as its mean began
after its grace. Points that must stand still anyway are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from agent.rules.baseline import baseline
from agent.rules.finding import Finding, Verdict, shown
from agent.rules.inforce import Term, blind, points_of, stopped, terms
from agent.rules.kinds.energy import drawn_kwh, opened
from agent.rules.world import World
from config.orders import Order
from config.rulekinds import LimitOrder

KIND = "limit-order"
POWER, ENERGY, NEAR, NO_BASELINE = "SBX-RUL-007", "SBX-RUL-008", "SBX-RUL-009", "SBX-RUL-010"


class _Limit(NamedTuple):
    """What some points may draw together. ``suffix`` of its alarm's key."""

    term: Term
    suffix: str
    points: tuple[str, ...]
    allowed_kw: Decimal


def step(
    rule: LimitOrder, world: World, held: Mapping[str, Any]
) -> tuple[tuple[Finding, ...], Mapping[str, Any]]:
    """``held``: by order its baseline in kW (or "none"), the days it was found on, and the window being
    counted."""
    if world.utc_ms is None:
        return tuple(one for order in blind(world, "limit") for one in _unknown(rule, order, world)), held
    found: list[Finding] = []
    kept = _fixed(held, world)
    powers: list[_Limit] = []
    for term in _limits(world):
        memory = dict(held.get(term.order.id, {}))
        if term.order.limit_kwh is not None:
            memory["open"] = opened(memory.get("open"), term.from_ms, term.points, world)
            found += _energies(rule, term, memory["open"], world)
        else:
            limit_kw = _limit_kw(term, memory, world)
            if limit_kw is None and "kw" in memory:
                found.append(_no_baseline(rule, term, world))
            elif limit_kw is None:
                found += _unknown(rule, term.order, world)
            else:
                powers += _allowed(term, limit_kw)
        kept[term.order.id] = memory
    found += _means(rule, powers, world)
    return tuple(found), kept


def _limits(world: World) -> Iterator[Term]:
    """The limit orders in force, without the points that must stand still anyway."""
    under = stopped(world)
    for term in terms(world):
        if term.order.kind == "limit":
            rest = tuple(name for name in term.points if name not in under)
            if rest:
                yield term._replace(points=rest)


def _fixed(held: Mapping[str, Any], world: World) -> dict[str, Any]:
    """The baselines, also of orders outside their daily window; gone with their order."""
    known = {order.id for order in world.orders}
    return {
        name: {part: memory[part] for part in ("kw", "days") if part in memory}
        for name, memory in held.items()
        if "kw" in memory and (name in known or not known)
    }


def _limit_kw(term: Term, memory: dict[str, Any], world: World) -> Decimal | None:
    order = term.order
    if order.limit_kw is not None:
        return order.limit_kw
    if "kw" not in memory:  # fixed once, when the order comes into force and yesterday is summed up
        if world.unsettled and order.baseline_kw is None:
            return None
        found = None if order.baseline_kw is not None else baseline(term, world)
        memory["kw"] = order.baseline_kw or ("none" if found is None else found.kw)
        if found is not None:
            memory["days"] = list(found.days)
    if memory["kw"] == "none":
        return None
    assert order.reduce_percent is not None, "config.orders refuses a limit without a measure"
    kept: Decimal = memory["kw"] * (100 - order.reduce_percent) / 100
    return kept


def _allowed(term: Term, limit_kw: Decimal) -> Iterator[_Limit]:
    for suffix, points in _groups(term.order, term.points):
        yield _Limit(term, suffix, points, limit_kw + term.order.exempt_kw * len(points))


def _groups(order: Order, points: tuple[str, ...]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """What is judged together, all points or each, behind the suffix of its key."""
    if order.per == "total":
        return (("", points),)
    return tuple((f"/{name}", (name,)) for name in points)


def _means(rule: LimitOrder, limits: Sequence[_Limit], world: World) -> Iterator[Finding]:
    """Of each limit by itself, and of several on the same points only of the strictest."""
    due = [one for one in limits if world.now_ms >= one.term.since_ms + rule.average_s * 1000]
    strictest: dict[frozenset[str], _Limit] = {}
    for one in sorted(due, key=lambda one: (one.allowed_kw, one.term.from_ms, one.term.order.id)):
        strictest.setdefault(frozenset(one.points), one)
    for one in limits:
        if one not in due:
            yield _mean(rule, one, world)._replace(verdict=Verdict.FINE, peak=None)
        elif strictest[frozenset(one.points)] is one:
            yield _mean(rule, one, world)


def _mean(rule: LimitOrder, limit: _Limit, world: World) -> Finding:
    means = [world.meter_of(name).mean_kw(rule.average_s * 1000, world.now_ms) for name in limit.points]
    known = sum((mean for mean in means if mean is not None), Decimal(0))
    verdict = Verdict.UNKNOWN if None in means else Verdict.FINE
    if known > limit.allowed_kw:
        verdict = Verdict.VIOLATED
    return Finding(
        f"{rule.id}/{limit.term.order.id}{limit.suffix}",
        verdict,
        POWER,
        world.now_ms,
        rule.hold_s * 1000,
        limit.points,
        _words(limit.term, limit.points, (known, limit.allowed_kw), "kW"),
        peak=known if verdict is Verdict.VIOLATED else None,
    )


def _energies(rule: LimitOrder, term: Term, start: Mapping[str, Any], world: World) -> Iterator[Finding]:
    limit = term.order.limit_kwh
    assert limit is not None
    for suffix, points in _groups(term.order, term.points):
        drawn = [drawn_kwh(name, start, world) for name in points]
        known = sum((one for one in drawn if one is not None), Decimal(0))
        for part, share, code in (("", 100, ENERGY), ("/near", rule.warn_percent, NEAR)):
            over = known > limit * share / 100
            unknown = Verdict.UNKNOWN if None in drawn else Verdict.FINE
            yield Finding(
                f"{rule.id}/{term.order.id}{suffix}{part}",
                Verdict.VIOLATED if over else unknown,
                code,
                world.now_ms,
                0,
                points,
                _words(term, points, (known, limit), "kWh"),
                peak=known if over else None,
                level="warning" if part else None,
            )


def _no_baseline(rule: LimitOrder, term: Term, world: World) -> Finding:
    return Finding(
        f"{rule.id}/{term.order.id}/baseline",
        Verdict.VIOLATED,
        NO_BASELINE,
        world.now_ms,
        0,
        term.points,
        lambda: {"order": term.order.id, "days": str(term.order.reference_days)},
        fault="device",
        level="warning",
    )


def _unknown(rule: LimitOrder, order: Order, world: World) -> Iterator[Finding]:
    """Everything that may be said of an order: what is up stays up."""
    parts = ["", "/near"] if order.limit_kwh is not None else [""]
    tails = [f"{group}{part}" for group, _ in _groups(order, points_of(order, world)) for part in parts]
    if order.reduce_percent is not None:
        tails.append("/baseline")
    for tail in tails:
        yield Finding(f"{rule.id}/{order.id}{tail}", Verdict.UNKNOWN, POWER, world.now_ms, 0, (), dict)


def _words(term: Term, points: tuple[str, ...], numbers: tuple[Decimal, Decimal], unit: str) -> Any:
    return lambda: {
        "order": term.order.id,
        "points": ", ".join(points),
        "drawn": shown(numbers[0], unit),
        "allowed": shown(numbers[1], unit),
    }
