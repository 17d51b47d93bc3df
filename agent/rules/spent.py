"""What the equipment of an alarm drew: of each meter from when its point, or it, is first named in what is
violated, up to when the alarm is cleared. What joins later counts from then, what leaves counts on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from types import MappingProxyType

from agent.rules.finding import Finding
from agent.rules.metering import HOUR_MS, Sum
from agent.rules.world import World

Begun = Mapping[str, Sum]  # by meter: what it had come to by then
_DIGITS = Decimal("0.001")


def begun(finding: Finding, world: World, before: Begun = MappingProxyType({})) -> Begun:
    """The meters that a violation stands on, as they are now; those known ``before`` stay as they were."""
    return begun_of(finding.meters or finding.subjects, world, before)


def begun_of(names: Iterable[str], world: World, before: Begun = MappingProxyType({})) -> Begun:
    """The same for names of points or meters; others draw nothing."""
    meters = (world.config[name].meter if name in world.config else name for name in names)
    new = {
        meter: world.meters[meter].sum._replace(at_ms=world.now_ms)
        for meter in meters
        if meter in world.meters and meter not in before
    }
    return {**before, **new} if new else before


def drawn(before: Begun, world: World) -> tuple[Decimal | None, int | None]:
    """kWh since then, and how much of that time was measured, %; None where there is nothing to say it of. A
    meter that began anew since then is left out."""
    known = {name: world.meters[name].sum for name in before if name in world.meters}
    pairs = [(before[name], now) for name, now in known.items() if now.covered_ms >= before[name].covered_ms]
    passed_ms = sum(world.now_ms - begin.at_ms for begin, _ in pairs)
    if passed_ms <= 0:
        return None, None
    work = sum((now.work - begin.work for begin, now in pairs), Decimal(0))
    covered_ms = sum(now.covered_ms - begin.covered_ms for begin, now in pairs)
    return (work / HOUR_MS).quantize(_DIGITS), min(100, 100 * covered_ms // passed_ms)
