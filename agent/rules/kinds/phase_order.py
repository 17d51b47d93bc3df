"""The phases come in the wrong order (相序错误), as the meter says: quantity ``phase_order``, 1 reversed, 0
right.

Transition table, one finding a meter that tells it::

    phase_order    voltages                                verdict
    1              all there, or not read                  violated, held hold_s
    0              all there, or not read                  fine
    anything       one missing, or none: no order then     unknown
    not told       anything                                unknown

A motor whose phases are exchanged runs backwards: a fan then blows a third of its air at nearly full power.
"""

from __future__ import annotations

from collections.abc import Iterator

from agent.rules.finding import Facts, Finding, Verdict
from agent.rules.kinds.metered import DARK_V, Said, finding, made, reading, recalled, watched
from agent.rules.kinds.phase_loss import voltages
from agent.rules.metering import MeterView
from agent.rules.world import World
from config.meterkinds import PhaseOrder

KIND = "phase-order"
CODE = "SBX-RUL-032"
_TOLD = ("phase_order",)
_VOLTS = ("u_a", "u_b", "u_c", "u_ab", "u_bc", "u_ca")
USES = (*_TOLD, *_VOLTS)
_WHOLE = 2  # the largest voltage is less than so many times the smallest


def judge(rule: PhaseOrder, world: World) -> Iterator[Finding]:
    """Findings keyed ``rule/meter``."""
    for view in watched(rule, world):
        said = recalled(rule, view, world)
        yield from made(rule, view, world, (_meter(rule, view, world),)) if said is None else said


def _meter(rule: PhaseOrder, view: MeterView, world: World) -> Finding:
    seen = reading(view, _TOLD, world.now_ms)
    verdict = Verdict.UNKNOWN
    if seen is not None and _whole(view, world):
        told = seen.values["phase_order"]
        verdict = {0: Verdict.FINE, 1: Verdict.VIOLATED}.get(int(told), Verdict.UNKNOWN)
    return finding(rule, view, seen, Said("", CODE, verdict, _facts(view)))


def _whole(view: MeterView, world: World) -> bool:
    seen = reading(view, _VOLTS, world.now_ms)
    values = voltages(seen, 4).values() if seen is not None else ()
    if not values:
        return True
    return max(values) >= DARK_V and max(values) < _WHOLE * min(values)


def _facts(view: MeterView) -> Facts:
    return lambda: {"meter": view.id}
