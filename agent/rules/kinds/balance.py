"""The parts draw more than the meter that feeds them, or too little of it is explained (总表与分表不符).

Transition table, two findings at most, by the means of ``average_s``::

    parts together, those that are measured                       rule/over  SBX-RUL-038
    above total by tolerance_percent of it and by min_kw          violated, held hold_s
    not, and all measured                                         fine
    the total not measured, or parts missing and not above        unknown

    rest = total - parts, with rest_percent                       rule/rest  SBX-RUL-039
    above rest_percent of the total, and min_kw                   violated, held hold_s
    anything not measured                                         unknown
    else                                                          fine

    both under min_kw                                             unknown

Means are of what equipment draws, without sign: a reversed transformer does not upset them, and a plant
that feeds in cannot be balanced so. A part that is silent counts as nothing against the total, and never
as missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import NamedTuple

from agent.rules.finding import Finding, Verdict, shown
from agent.rules.world import World
from config.meterkinds import Balance

KIND = "balance"
OVER, REST = "SBX-RUL-038", "SBX-RUL-039"


class _Means(NamedTuple):
    total: Decimal | None
    parts: Decimal  # of those that are measured
    whole: bool  # all parts are


def judge(rule: Balance, world: World) -> Iterator[Finding]:
    """Findings keyed ``rule/over`` and ``rule/rest``."""
    total, whole_total = _mean(rule.total, rule, world)
    parts, whole = _mean(rule.parts, rule, world)
    means = _Means(total if whole_total else None, parts, whole)
    yield _finding(rule, world, "over", OVER, (_over(rule, means), means))
    if rule.rest_percent is not None:
        yield _finding(rule, world, "rest", REST, (_rest(rule, rule.rest_percent, means), means))


def _mean(names: Iterable[str], rule: Balance, world: World) -> tuple[Decimal, bool]:
    found = [world.meter_of(name).mean_kw(rule.average_s * 1000, world.now_ms) for name in names]
    known = [mean for mean in found if mean is not None]
    return sum(known, Decimal(0)), len(known) == len(found)


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
        world.now_ms,
        rule.hold_s * 1000,
        (*rule.total, *rule.parts),
        lambda: _facts(rule, means, apart),
        peak=apart if verdict is Verdict.VIOLATED else None,
        fault="device",
    )


def _facts(rule: Balance, means: _Means, apart: Decimal | None) -> Mapping[str, str]:
    return {
        "total": shown(means.total),
        "parts": shown(means.parts),
        "apart": shown(apart),
        "points": ", ".join(rule.total),
        "of": ", ".join(rule.parts),
    }
