"""The parts draw more than the meter that feeds them, or too little of it is explained (总表与分表不符).

Transition table, two findings at most, by the means over that part of ``average_s`` in which all of them were
measured, which must be most of it. A part that was not measured most of the time is left out::

    parts together, those that are measured                       rule/over  SBX-RUL-038
    above total by tolerance_percent of it and by min_kw          violated, held hold_s
    not, and all measured                                         fine
    the total not measured, or parts missing and not above        unknown

    rest = total - parts, with rest_percent                       rule/rest  SBX-RUL-039
    above rest_percent of the total, and min_kw                   violated, held hold_s
    anything not measured                                         unknown
    else                                                          fine

    both under min_kw                                             unknown

What was read and may have been less than is drawn (``agent.rules.drawn``) is not measured; of a part it still
counts against the total. Means are of what equipment draws, without sign: a reversed transformer does not
upset them, and a plant that feeds in cannot be balanced so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import NamedTuple

from agent.rules.finding import Finding, Verdict, shown
from agent.rules.kinds.means import bridge_ms, measured_together
from agent.rules.metering import Mean, MeterView
from agent.rules.world import World
from config.meterkinds import Balance

KIND = "balance"
OVER, REST = "SBX-RUL-038", "SBX-RUL-039"


class _Means(NamedTuple):
    total: Decimal | None
    parts: Decimal  # of those that are measured
    whole: bool  # all parts are, and all that they draw
    at_ms: int


def judge(rule: Balance, world: World) -> Iterator[Finding]:
    """Findings keyed ``rule/over`` and ``rule/rest``."""
    found = _means(rule, world)
    yield _finding(rule, world, "over", OVER, (_over(rule, found), found))
    if rule.rest_percent is not None:
        yield _finding(rule, world, "rest", REST, (_rest(rule, rule.rest_percent, found), found))


def _means(rule: Balance, world: World) -> _Means:
    total, parts = (_measured(names, rule, world) for names in (rule.total, rule.parts))
    at_ms = min((view.sum.at_ms for view, _ in (*total, *parts)), default=world.now_ms)
    nothing = _Means(None, Decimal(0), False, at_ms)
    if len(total) < len(rule.total) or any(_in_part(*one) for one in total):
        return nothing
    both = (*total, *parts)
    if all(mean.most is not None for _, mean in both):
        kw = [mean.most for _, mean in both if mean.most is not None]
    else:
        shares = measured_together([view for view, _ in both], rule.average_s)
        if shares is None:
            return nothing
        kw = shares
    whole = len(parts) == len(rule.parts) and not any(_in_part(*one) for one in parts)
    split = len(total)
    return _Means(sum(kw[:split], Decimal(0)), sum(kw[split:], Decimal(0)), whole, at_ms)


def _measured(names: Iterable[str], rule: Balance, world: World) -> list[tuple[MeterView, Mean]]:
    """Those that were, most of the time."""
    views = [world.meter_of(name) for name in names]
    found = [(view, view.mean(rule.average_s * 1000, world.now_ms)) for view in views]
    return [(view, mean) for view, mean in found if mean is not None and mean.kw is not None]


def _in_part(view: MeterView, mean: Mean) -> bool:
    """Whether what was read may have been less than was drawn."""
    return view.part_ms is not None and view.part_ms >= mean.from_ms


def _over(rule: Balance, means: _Means) -> Verdict:
    if means.total is None or max(means.total, means.parts) < rule.min_kw:
        return Verdict.UNKNOWN
    slack = max(means.total * rule.tolerance_percent / 100, rule.min_kw)
    if means.parts - means.total > slack:
        return Verdict.VIOLATED
    return Verdict.FINE if means.whole else Verdict.UNKNOWN


def _rest(rule: Balance, percent: int, means: _Means) -> Verdict:
    if means.total is None or not means.whole or means.total < rule.min_kw:
        return Verdict.UNKNOWN
    limit = max(means.total * percent / 100, rule.min_kw)
    return Verdict.VIOLATED if means.total - means.parts > limit else Verdict.FINE


def _finding(rule: Balance, world: World, part: str, code: str, judged: tuple[Verdict, _Means]) -> Finding:
    verdict, means = judged
    apart = None if means.total is None else abs(means.total - means.parts)
    return Finding(
        f"{rule.id}/{part}",
        verdict,
        code,
        means.at_ms,
        rule.hold_s * 1000,
        (*rule.total, *rule.parts),
        lambda: {
            "total": shown(means.total),
            "parts": shown(means.parts),
            "apart": shown(apart),
            "points": ", ".join(rule.total),
            "of": ", ".join(rule.parts),
        },
        until_ms=means.at_ms,
        bridge_ms=bridge_ms(rule.total + rule.parts, world),
        peak=apart if verdict is Verdict.VIOLATED else None,
        fault="device",
    )
