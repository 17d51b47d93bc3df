"""Production during a stop order (停产期间违规生产, 未响应停产).

Transition table, one finding for each order and point::

    order                     point                                  verdict
    in force, grace over      ON, drawing more than exempt_kw        violated, held hold_s
    in force, grace over      ON with no more than exempt_kw, OFF    fine
    in force, grace lasts     anything                               fine
    in force                  UNKNOWN                                unknown
    clock not to be trusted   anything                               unknown
    not in force              -                                      no finding: an alarm of it ends
    a stricter one is due     -                                      the same, for the day's count alone
"""

from __future__ import annotations

from collections.abc import Iterator

from agent.rules.finding import Finding, Verdict, shown
from agent.rules.inforce import Term, blind, points_of, stopped, terms
from agent.rules.world import State, World
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


def _one(rule: StopOrder, name: str, term: Term, world: World) -> Finding:
    view = world.points[name]
    order = term.order
    verdict, until_ms = Verdict.FINE, None
    began_ms = max(view.since_ms, term.since_ms)
    if not term.due(world.now_ms):
        verdict = Verdict.FINE
    elif view.state is State.UNKNOWN:
        verdict = Verdict.UNKNOWN
    elif view.state is State.ON and view.power is not None and view.sure is not None:
        until_ms = view.sure.at_ms
        kw = world.meter_of(name).power
        if kw is None or kw.value > order.exempt_kw:
            verdict = Verdict.VIOLATED if until_ms >= began_ms else Verdict.UNKNOWN
    return Finding(
        f"{rule.id}/{order.id}/{name}",
        verdict,
        CODE,
        began_ms,
        rule.hold_s * 1000,
        (name,),
        lambda: {
            "point": name,
            "order": order.id,
            "power": shown(view.power.value if view.power else None),
            "since": moment(term.from_ms, world.zone),
        },
        until_ms=until_ms,
        bridge_ms=world.meter_of(name).fresh_ms,
        peak=view.power.value if view.power and verdict is Verdict.VIOLATED else None,
        record=view.since_record if view.since_ms >= term.since_ms else 0,
        order=order.id,
    )
