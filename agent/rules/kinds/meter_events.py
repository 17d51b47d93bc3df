"""The meter counted something that is done to meters (电表事件): programming, clearing, an opened cover.

::

    a counter that is watched                  it happened
    the first value that was ever told         -
    the same as the last                       -
    rose                                       a code for each counter, with how often
    fell                                       SBX-RUL-060  once for all that one record tells

A counter never falls by itself: somebody cleared the meter, or another one answers. With another meter
number the counters begin anew, and ``meter-swapped`` says so. The last values are remembered over a
restart, so that a cover opened while the box was off is seen as well. A power-down is counted at each
power cut and is watched only when ``watch`` names it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from agent.rules.finding import Finding
from agent.rules.kinds.happened import NOTHING, What, noted, remembered, standing
from agent.rules.kinds.metered import news
from agent.rules.metering import Value
from agent.rules.world import World
from config.meterkinds import MeterEvents
from config.quantities import COUNTERS

KIND = "meter-events"
CODES: Mapping[str, str] = MappingProxyType(
    {
        "n_program": "SBX-RUL-050",
        "n_clear": "SBX-RUL-051",
        "n_demand_clear": "SBX-RUL-052",
        "n_event_clear": "SBX-RUL-053",
        "n_time_set": "SBX-RUL-054",
        "n_cover": "SBX-RUL-055",
        "n_terminal_cover": "SBX-RUL-056",
        "n_power_down": "SBX-RUL-057",
        "n_voltage_loss": "SBX-RUL-058",
        **{f"n_phase_break_{phase}": "SBX-RUL-061" for phase in "abc"},
        **{f"n_reverse_flow_{phase}": "SBX-RUL-062" for phase in "abc"},
    }
)
OTHER, FELL = "SBX-RUL-059", "SBX-RUL-060"
_NOT_BY_DEFAULT = "n_power_down"
USES = (*sorted(COUNTERS), "serial")
_DEFAULT = tuple(name for name in USES[:-1] if name != _NOT_BY_DEFAULT)


def step(
    rule: MeterEvents, world: World, held: Mapping[str, Any]
) -> tuple[tuple[Finding, ...], Mapping[str, Any]]:
    """Findings keyed ``rule/meter/counter/number``. ``held``: the last value of each counter."""
    last, log = held.get("meters", {}), held.get("log", NOTHING)
    names = rule.watch or _DEFAULT
    newest = [(view.id, seen) for view in news(rule, world) for seen in (*view.slow[:1], *view.fast[:1])]
    for meter, seen in newest:
        before = last.get(meter, _NONE)
        if seen.record <= before.get("i", -1):
            continue
        if before.get("serial") not in (None, seen.values.get("serial", before.get("serial"))):
            before = (
                _NONE  # another meter, which ``meter-swapped`` says: its counters begin with what they are
            )
        values = {name: seen.values[name] for name in (*names, "serial") if name in seen.values}
        if values:
            last = {**last, meter: {**before, **values, "i": seen.record}}
        for what in _told(before, values):
            log = noted(log, rule, meter, Value(Decimal(0), seen.at_ms, seen.record), what)
    findings, log = standing(rule, log, world, "plant")
    return findings, remembered(held, last, log)


_NONE: Mapping[str, Any] = {}


def _told(before: Mapping[str, Any], now: Mapping[str, Decimal]) -> Iterator[What]:
    fell = []
    for name, value in now.items():
        if name == "serial":
            continue
        old = before.get(name, value)
        if value < old:
            fell.append(f"{name} {old:f} -> {value:f}")
        elif value > old:
            facts = {"counter": name, "times": f"{value - old:f}", "count": f"{value:f}"}
            yield What(name, CODES.get(name, OTHER), facts)
    if fell:
        yield What("fell", FELL, {"counters": ", ".join(fell)})
