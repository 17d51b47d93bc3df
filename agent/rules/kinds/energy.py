"""Energy since a moment, for rules that count it: what the register says, or the sum of the power read,
whichever is more. The register also counts while the box is off; the sum is newer than the register's last
reading.

What the register says beyond the sum must have been drawn while nobody measured. More than the equipment can
draw in that time is another meter, or a fault of this one: then the sum counts alone. No kind of rule itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from agent.rules.metering import HOUR_MS
from agent.rules.world import World

MOST = 10  # times what it draws otherwise, or needs to count as running


def opened(
    before: Mapping[str, Any] | None, from_ms: int, points: Iterable[str], world: World
) -> Mapping[str, Any]:
    """What the points had drawn when a stretch began; kept while it lasts. ``from_ms`` names the stretch. A
    point that joins later counts from then on."""
    if before is None or before["from"] != from_ms:
        before = {"from": from_ms, "at": world.now_ms, "sum": {}, "covered": {}, "ep": {}}
    sums = {name: world.meter_of(name).sum for name in points if name not in before["sum"]}
    if not sums:
        return before
    missed_ms = world.now_ms - before["at"]  # no time in which a point that joins was unseen
    registers = {name: _register(name, world) for name in sums}
    return {
        **before,
        "sum": {**before["sum"], **{name: one.work for name, one in sums.items()}},
        "covered": {**before["covered"], **{name: one.covered_ms - missed_ms for name, one in sums.items()}},
        "ep": {**before["ep"], **{name: value for name, value in registers.items() if value is not None}},
    }


def drawn_kwh(name: str, start: Mapping[str, Any], world: World) -> Decimal | None:
    """kWh since ``start``; None while nothing is known of the point."""
    meter = world.meter_of(name)
    if not meter.ever_read:
        return None
    found: Decimal = (meter.sum.work - start["sum"][name]) / HOUR_MS
    register = _register(name, world)
    first: Decimal | None = start["ep"].get(name)
    if register is not None and first is not None and register - first > found:
        covered_ms = meter.sum.covered_ms - start["covered"][name]
        unseen_ms = world.now_ms - start["at"] - covered_ms
        most_kw = MOST * _usual_kw(name, found * HOUR_MS / covered_ms if covered_ms else found, world)
        if register - first - found <= most_kw * unseen_ms / HOUR_MS:
            return register - first
    return found


def _usual_kw(name: str, mean_kw: Decimal, world: World) -> Decimal:
    """The most that is known of it: its mean, what it draws now, what it needs to be running."""
    power, running_kw = world.meter_of(name).power, world.config[name].on_above_kw
    return max(mean_kw, power.value if power else Decimal(0), running_kw or Decimal(0))


def _register(name: str, world: World) -> Decimal | None:
    value = world.meter_of(name).fresh("ep_imp", world.now_ms)
    return None if value is None else value.value
