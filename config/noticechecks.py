"""Checks of what warns people beside the evidence: notices, uplinks for warnings, the source of the mains.

Notes problems only. What a LED or a supply shows at run time is ``agent.notices`` and ``agent.mains``.
"""

from __future__ import annotations

from config.source import Problems
from config.tables import Parts

# mains -> keys that it needs; a key of another source would be read by nobody
_NEEDS = {"meters": (), "power_supply": ("supply",), "gpio": ("chip", "line")}
_ONLY_GPIO = ("active_low",)


def check_notices(parts: Parts, problems: Problems) -> None:
    """All checks of this module."""
    for notice in parts.notify:
        if not notice.levels:
            problems.add("SBX-CFG-068", parts.place("notify", notice.id, "levels"))
    _leds(parts, problems)
    _uplinks(parts, problems)
    _power(parts, problems)


def _leds(parts: Parts, problems: Problems) -> None:
    """Two notices for one LED would put each other out."""
    seen: dict[str, str] = {}
    for notice in parts.notify:
        if notice.kind != "led":
            continue
        if notice.led in seen:
            place = parts.place("notify", notice.id, "led")
            problems.add("SBX-CFG-069", place, led=notice.led, other=seen[notice.led])
        seen.setdefault(notice.led, notice.id)


def _uplinks(parts: Parts, problems: Problems) -> None:
    for uplink in parts.uplinks:
        if uplink.blocks:
            continue
        if uplink.receipts:
            problems.add("SBX-CFG-088", parts.place("uplink", uplink.id, "receipts"))
        if not uplink.levels:
            problems.add("SBX-CFG-089", parts.place("uplink", uplink.id, "levels"))


def _power(parts: Parts, problems: Problems) -> None:
    if parts.power is None or not parts.tables["power"]:
        return
    table, mains = parts.tables["power"][0], parts.power.mains
    needed = _NEEDS[mains]
    for key in needed:
        if key not in table.cells:
            problems.add("SBX-CFG-078", table.at("mains"), wanted=key, mains=mains)
    others = {key for keys in _NEEDS.values() for key in keys}.union(_ONLY_GPIO).difference(needed)
    if mains == "gpio":
        others.difference_update(_ONLY_GPIO)
    for key in sorted(others.intersection(table.cells)):
        problems.add("SBX-CFG-079", table.at(key), wrong=key, mains=mains)
