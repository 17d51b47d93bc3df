"""More is drawn than a limit order allows (限产超限, 未响应减产).

The limit is a mean power (``limit_kw``, or ``reduce_percent`` less than a baseline that is fixed when the
order comes into force) or the energy of each window (``limit_kwh``). Transition table, for the sum of the
points or for each of them::

    limit       measured                                       verdict
    kW          mean of average_s, begun after the grace       violated above | fine at or below | unknown,
                                                               as agent.rules.kinds.means has it
    kWh         drawn since the window began, or its grace     violated above the limit and the exempt load
                was over                                       of that time
    kWh         ... more than warn_percent of the limit        a finding of its own, a warning
    percent     no baseline: none given, too few days known    SBX-RUL-010, a warning: it cannot be judged
    any         clock not to be trusted                        unknown

Of several limits in kW on the same points the one that allows least is judged, as soon as its mean began
after its grace. Points that must stand still anyway are left out; the energy they drew stays drawn.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from agent.rules import baseline
from agent.rules.baseline import Memory
from agent.rules.finding import Facts, Finding, Verdict, shown
from agent.rules.inforce import Term, blind, points_of, stopped, terms
from agent.rules.kinds.energy import drawn_kwh, opened
from agent.rules.kinds.means import Judged, above, bridge_ms
from agent.rules.metering import HOUR_MS
from agent.rules.world import World
from config.orders import Order
from config.rulekinds import LimitOrder

KIND = "limit-order"
POWER, ENERGY, NEAR, NO_BASELINE = "SBX-RUL-007", "SBX-RUL-008", "SBX-RUL-009", "SBX-RUL-010"


class _Group(NamedTuple):
    """Points of an order that are judged together, all of them or each. ``suffix`` of the alarm's key.
    ``stands``: a stop order keeps all of them anyway, which overrules this one."""

    term: Term
    suffix: str
    points: tuple[str, ...]
    stands: bool


_Rank = tuple[Decimal, int, str]


class _Limit(NamedTuple):
    """What a group may draw; None: that is not known."""

    group: _Group
    allowed_kw: Decimal | None


def step(
    rule: LimitOrder, world: World, held: Mapping[str, Any]
) -> tuple[tuple[Finding, ...], Mapping[str, Any]]:
    """``held``: by order its baseline, or until when one was sought in vain, and the window being counted."""
    if world.utc_ms is None:
        unsure = (_findings(rule, order, world, Verdict.UNKNOWN) for order in blind(world, "limit"))
        return tuple(one for findings in unsure for one in findings), held
    kept = _kept(held, world)
    found: list[Finding] = []
    limits: list[_Limit] = []
    for term in terms(world):
        order = term.order
        memory = kept.get(order.id, {})
        if order.limit_kwh is not None:
            if term.due(world.now_ms):
                memory = kept[order.id] = _counted(term, kept, world)
            found += _energies(rule, term, memory.get("open"), world)
        elif order.reduce_percent is not None:
            memory = memory if order.baseline_kw is not None else baseline.fixed(order, kept, world)
            kept[order.id] = memory
            limits += _limits(term, memory, world)
            found.append(_without(rule, term, memory, world))
        elif order.limit_kw is not None:
            limits += _limits(term, memory, world)
    return (*found, *_means(rule, limits, world)), kept


def _kept(held: Mapping[str, Any], world: World) -> dict[str, Memory]:
    """What is remembered of orders that are known, also outside their daily window, and of those whose place
    they take."""
    known = {name for order in world.orders for name in (order.id, order.replaces)}
    return {name: memory for name, memory in held.items() if name in known or not known}


def _limits(term: Term, memory: Memory, world: World) -> Iterator[_Limit]:
    for group in _groups(term, world):
        limit_kw = _limit_kw(term.order, memory, group.points)
        exempt_kw = term.order.exempt_kw * len(group.points)
        yield _Limit(group, None if limit_kw is None else limit_kw + exempt_kw)


def _limit_kw(order: Order, memory: Memory, points: tuple[str, ...]) -> Decimal | None:
    """What some points may draw together: all of the order, or the one of a group."""
    if order.reduce_percent is None:
        return order.limit_kw
    found = baseline.held(memory)
    if order.baseline_kw is not None:
        base = order.baseline_kw or None
    elif found is not None and order.per == "point" and found.points:
        base = found.points.get(points[0])
    else:
        base = None if found is None else found.kw
    return None if base is None else base * (100 - order.reduce_percent) / 100


def _groups(term: Term, world: World) -> Iterator[_Group]:
    """Without the points that must stand still anyway, unless all of them must."""
    under = stopped(world)
    for suffix, names in _parts(term.order, term.points):
        left = tuple(name for name in names if name not in under)
        yield _Group(term, suffix, left or names, not left)


def _parts(order: Order, points: tuple[str, ...]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    if order.per == "total":
        return (("", points),)
    return tuple((f"/{name}", (name,)) for name in points)


def _means(rule: LimitOrder, limits: Sequence[_Limit], world: World) -> Iterator[Finding]:
    """Of each limit; of several on the same points all but the strictest are overruled."""
    judged = [above(one.group.points, one.allowed_kw, rule.average_s, world) for one in limits]
    strictest: dict[frozenset[str], _Rank] = {}
    for one, mean in zip(limits, judged, strict=True):
        points, rank = frozenset(one.group.points), _rank(one, mean)
        if rank is not None and not one.group.stands:
            strictest[points] = min(rank, strictest.get(points, rank))
    for one, mean in zip(limits, judged, strict=True):
        rank = _rank(one, mean)
        other = rank is not None and rank != strictest.get(frozenset(one.group.points))
        yield _mean(rule, one, mean, world)._replace(overruled=one.group.stands or other)


def _rank(limit: _Limit, mean: Judged) -> _Rank | None:
    """How strict it is, the lowest most; None while it cannot be judged, and hides no other."""
    term = limit.group.term
    if limit.allowed_kw is None or mean.from_ms < term.since_ms:
        return None
    return limit.allowed_kw, term.from_ms, term.order.id


def _mean(rule: LimitOrder, limit: _Limit, mean: Judged, world: World) -> Finding:
    (term, suffix, points, _), allowed = limit
    graced = allowed is not None and mean.from_ms < term.since_ms
    verdict = Verdict.FINE if graced else mean.verdict
    return Finding(
        f"{rule.id}/{term.order.id}{suffix}",
        verdict,
        POWER,
        mean.at_ms,
        rule.hold_s * 1000,
        points,
        _words(term, points, (mean.kw, allowed), "kW"),
        until_ms=mean.at_ms,
        bridge_ms=bridge_ms(points, world),
        peak=mean.kw if verdict is Verdict.VIOLATED else None,
        order=term.order.id,
    )


def _counted(term: Term, kept: Mapping[str, Memory], world: World) -> Memory:
    """What the points had drawn when the window began, of the order or of one whose place it takes in it."""
    own, other = (kept.get(name or "", {}) for name in (term.order.id, term.order.replaces))
    before = own.get("open", other.get("open"))
    return {"open": opened(before, term.window_ms, term.points, world)}


def _energies(rule: LimitOrder, term: Term, start: Memory | None, world: World) -> Iterator[Finding]:
    """Of each group, and a warning before; nothing is drawn before it must be obeyed."""
    limit, under = term.order.limit_kwh, stopped(world)
    assert limit is not None
    if start is None or not term.due(world.now_ms):
        yield from _findings(rule, term.order, world, Verdict.FINE)
        return
    for suffix, points in _parts(term.order, term.points):
        drawn = [drawn_kwh(name, start, world) for name in points]
        known = sum((one for one in drawn if one is not None), Decimal(0))
        exempt = term.order.exempt_kw * len(points) * (world.now_ms - start["at"]) / HOUR_MS
        for part, share, code in (("", 100, ENERGY), ("/near", rule.warn_percent, NEAR)):
            over = known > limit * share / 100 + exempt
            unknown = Verdict.UNKNOWN if None in drawn else Verdict.FINE
            yield Finding(
                f"{rule.id}/{term.order.id}{suffix}{part}",
                Verdict.VIOLATED if over else unknown,
                code,
                world.now_ms,
                0,
                points,
                _words(term, points, (known, limit + exempt), "kWh"),
                peak=known if over else None,
                level="warning" if part else None,
                order="" if part else term.order.id,
                overruled=all(name in under for name in points),
            )


def _without(rule: LimitOrder, term: Term, memory: Memory, world: World) -> Finding:
    """A warning of the points that lack a baseline. Until it is known that there is none, nothing is said."""
    parts = (points for _, points in _parts(term.order, term.points))
    lacking = tuple(name for one in parts if _limit_kw(term.order, memory, one) is None for name in one)
    sought = term.order.baseline_kw is not None or bool(memory)
    verdict = (Verdict.VIOLATED if sought else Verdict.UNKNOWN) if lacking else Verdict.FINE
    return Finding(
        f"{rule.id}/{term.order.id}/baseline",
        verdict,
        NO_BASELINE,
        world.now_ms,
        0,
        lacking or term.points,
        lambda: {"order": term.order.id, "days": str(term.order.reference_days)},
        fault="device",
        level="warning",
    )


def _findings(rule: LimitOrder, order: Order, world: World, verdict: Verdict) -> Iterator[Finding]:
    """The same verdict on everything that may be said of an order."""
    parts = ["", "/near"] if order.limit_kwh is not None else [""]
    tails = [f"{group}{part}" for group, _ in _parts(order, points_of(order, world)) for part in parts]
    if order.reduce_percent is not None:
        tails.append("/baseline")
    for tail in tails:
        yield Finding(
            f"{rule.id}/{order.id}{tail}", verdict, POWER, world.now_ms, 0, (), dict, order=order.id
        )


def _words(term: Term, points: tuple[str, ...], numbers: tuple[Decimal, Decimal | None], unit: str) -> Facts:
    return lambda: {
        "order": term.order.id,
        "points": ", ".join(points),
        "drawn": shown(numbers[0], unit),
        "allowed": shown(numbers[1], unit),
    }
