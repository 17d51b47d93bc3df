"""What the kinds that judge a meter and its wiring share: which meters, one reading of a meter, and a
finding on it. No kind of rule itself.

They look at values of **one and the same reading**, and what they say holds up to that reading and no
further::

    reading    10 s    20 s    30 s            40 s
    verdict    wrong   wrong   (none: missed)  fine      wrong from 10 s to 20 s, no longer
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import NamedTuple

from agent.rules.finding import Facts, Fault, Finding, Verdict
from agent.rules.metering import MeterView, Observation, Value
from agent.rules.world import World
from config.meterkinds import MeterRule

DARK_V = 40  # below it there is no voltage, as ``power-cut`` has it: a dark meter says nothing of its phases


NEVER_MS = 2**63


class Said(NamedTuple):
    """What one reading says. ``part`` tells several findings on one meter apart."""

    part: str
    code: str
    verdict: Verdict
    facts: Facts
    peak: Decimal | None = None
    fault: Fault = "device"


def watched(rule: MeterRule, world: World) -> Iterable[MeterView]:
    """The meters of a rule, or all."""
    if not rule.meters:
        return world.meters.values()
    return [world.meters[name] for name in rule.meters]


def reading(view: MeterView, names: Iterable[str], now_ms: int) -> Observation | None:
    """The newest reading that holds any of the quantities, of the fast class where it has them; None when
    it is too old to speak for now."""
    for readings, age_ms in ((view.fast, view.fresh_ms), (view.slow, view.slow_fresh_ms)):
        if readings and any(name in readings[0].values for name in names):
            return readings[0] if now_ms - readings[0].at_ms <= age_ms else None
    return None


def recalled(rule: MeterRule, view: MeterView, world: World) -> Sequence[Finding] | None:
    """What was made of the newest readings; None when there is another, or one has become too old since. The
    same readings give the same findings, so they are judged once and not each second."""
    known = view.memo.get(rule.id)
    return None if known is None or world.now_ms > known[0] else known[1]


def made(rule: MeterRule, view: MeterView, world: World, found: Sequence[Finding]) -> Sequence[Finding]:
    """Keep it until the next of them becomes too old to speak for now."""
    ends = [
        readings[0].at_ms + age_ms
        for readings, age_ms in ((view.fast, view.fresh_ms), (view.slow, view.slow_fresh_ms))
        if readings and readings[0].at_ms + age_ms >= world.now_ms
    ]
    view.memo[rule.id] = (min(ends, default=NEVER_MS), found)
    return found


def news(rule: MeterRule, world: World) -> Iterator[MeterView]:
    """The watched meters that gave a reading since this was asked last."""
    for view in watched(rule, world):
        if rule.id not in view.memo:
            view.memo[rule.id] = ()
            yield view


def newest(view: MeterView, name: str) -> Value | None:
    """The newest value of a quantity however old: for what stands until it is told anew."""
    for readings in (view.slow, view.fast):
        if readings and (value := readings[0].values.get(name)) is not None:
            return Value(value, readings[0].at_ms, readings[0].record)
    return None


def finding(rule: MeterRule, view: MeterView, seen: Observation | None, said: Said) -> Finding:
    """A finding keyed ``rule/meter`` or ``rule/meter/part``. A reading that is fine ends what went before;
    a reading that is missing does not, within the time that a value speaks for its meter."""
    key = f"{rule.id}/{view.id}/{said.part}" if said.part else f"{rule.id}/{view.id}"
    hold_ms = getattr(rule, "hold_s", 0) * 1000
    if seen is None:
        at_ms, record, bridge_ms = view.good_ms, 0, view.fresh_ms
    else:
        at_ms, record = seen.at_ms, seen.record
        bridge_ms = view.slow_fresh_ms if seen.slow else view.fresh_ms
    if said.verdict is Verdict.FINE:
        bridge_ms = 0
    return Finding(
        key,
        said.verdict,
        said.code,
        at_ms,
        hold_ms,
        (view.id,),
        said.facts,
        until_ms=at_ms,
        bridge_ms=bridge_ms,
        peak=said.peak,
        record=record,
        fault=said.fault,
        meters=(view.id,),
    )


def phases(names: Iterable[str]) -> str:
    """``u_a u_c`` -> ``A, C``; the same in every language."""
    return ", ".join(name.partition("_")[2].upper() for name in names)
