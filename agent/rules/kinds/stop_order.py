"""Production during a stop order (停产期间违规生产, 未响应停产).

Transition table, one finding for each order and point::

    order                     point                                  verdict
    in force, grace over      ON, drawing more than exempt_kw        violated, held hold_s
    in force, grace over      ON with no more than exempt_kw, OFF    fine
    in force, grace over      ON, exempt_kw given, and its power     unknown
                              not read, or not all of it below
    in force, grace lasts     anything                               fine
    in force                  UNKNOWN                                unknown
    clock not to be trusted   anything                               unknown
    not in force              -                                      no finding: an alarm of it ends
    a stricter one is due     -                                      the same, for the day's count alone
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

from agent.rules.finding import Finding, Verdict, measured, shown
from agent.rules.inforce import Term, blind, points_of, stopped, terms
from agent.rules.metering import Value
from agent.rules.points import State
from agent.rules.world import World
from config.calendar import moment
from config.rulekinds import StopOrder

KIND = "stop-order"
CODE = "SBX-RUL-006"


def judge(rule: StopOrder, world: World) -> Iterator[Finding]:
    """Findings keyed ``rule/order/point``."""
    strictest = stopped(world)
    for term in terms(world):
        for name in term.points if term.order.kind == "stop" else ():
            overruled = term.due(world.now_ms) and strictest[name] is not term
            yield _one(rule, name, term, world)._replace(overruled=overruled)
    for order in blind(world, "stop"):
        for name in points_of(order, world):
            key = f"{rule.id}/{order.id}/{name}"
            yield Finding(key, Verdict.UNKNOWN, CODE, world.now_ms, 0, (name,), dict)


class _Sight(NamedTuple):
    """How a point is seen to keep an order: since and until when, and the reading that says it."""

    verdict: Verdict
    began_ms: int
    until_ms: int | None = None
    reading: Value | None = None


def _one(rule: StopOrder, name: str, term: Term, world: World) -> Finding:
    view, order = world.points[name], term.order
    sight = _seen(name, term, world)
    amount = None if sight.reading is None else sight.reading.value
    return Finding(
        f"{rule.id}/{order.id}/{name}",
        sight.verdict,
        CODE,
        sight.began_ms,
        rule.hold_s * 1000,
        (name,),
        lambda: {
            "point": name,
            "order": order.id,
            "power": shown(amount) if order.exempt_kw else measured(view, world.config[name]),
            "since": moment(term.from_ms, world.zone),
        },
        until_ms=sight.until_ms,
        bridge_ms=world.meter_of(name).fresh_ms,
        peak=amount if sight.verdict is Verdict.VIOLATED else None,
        record=view.since_record if sight.began_ms <= view.since_ms else 0,
        order=order.id,
    )


def _seen(name: str, term: Term, world: World) -> _Sight:
    view = world.points[name]
    began_ms = max(view.since_ms, term.since_ms)
    if not term.due(world.now_ms) or view.state is State.OFF:
        return _Sight(Verdict.FINE, began_ms, reading=view.power)
    if view.state is State.UNKNOWN or view.sure is None:
        return _Sight(Verdict.UNKNOWN, began_ms)
    if term.order.exempt_kw:
        return _above(term.order.exempt_kw, name, began_ms, world)
    verdict = Verdict.VIOLATED if view.sure.at_ms >= began_ms else Verdict.UNKNOWN
    return _Sight(verdict, began_ms, view.sure.at_ms, view.power)


def _above(exempt_kw: Decimal, name: str, began_ms: int, world: World) -> _Sight:
    """Of a point that runs, and may keep some load: its power decides, however the point is judged, and only
    from when it was read above that load."""
    meter = world.meter_of(name)
    least, whole = meter.kw
    if least is None or world.now_ms - least.at_ms > meter.fresh_ms or least.at_ms < began_ms:
        return _Sight(Verdict.UNKNOWN, began_ms)
    if least.value > exempt_kw:
        return _Sight(Verdict.VIOLATED, least.at_ms, least.at_ms, least)
    return _Sight(Verdict.FINE if whole == least else Verdict.UNKNOWN, began_ms, reading=least)
