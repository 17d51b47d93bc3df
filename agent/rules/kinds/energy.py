"""Energy since a moment, for rules that count it: what the register says, or the sum of the power read,
whichever is more. The register also counts while the box is off; the sum is newer than the register's last
reading. No kind of rule itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from agent.rules.world import HOUR_MS, World


def opened(
    before: Mapping[str, Any] | None, from_ms: int, points: Iterable[str], world: World
) -> Mapping[str, Any]:
    """What the points had drawn when a stretch began; kept while it lasts. ``from_ms`` names the stretch."""
    names = tuple(points)
    if before is not None and before["from"] == from_ms and all(name in before["sum"] for name in names):
        return before
    registers = {name: _register(name, world) for name in names}
    return {
        "from": from_ms,
        "sum": {name: world.meter_of(name).sum.work for name in names},
        "ep": {name: value for name, value in registers.items() if value is not None},
    }


def drawn_kwh(name: str, start: Mapping[str, Any], world: World) -> Decimal | None:
    """kWh since ``start``; None while nothing is known of the point."""
    meter = world.meter_of(name)
    if not meter.ever_read:
        return None
    found = (meter.sum.work - start["sum"][name]) / HOUR_MS
    register, first = _register(name, world), start["ep"].get(name)
    if register is not None and first is not None:
        found = max(found, register - first)
    return Decimal(found)


def _register(name: str, world: World) -> Decimal | None:
    value = world.meter_of(name).fresh("ep_imp", world.now_ms)
    return None if value is None else value.value
