"""A meter whose voltage leads are off: current flows on a phase that has no voltage. Its power is then too
low, by that phase or by all of them, and says nothing of what stands still. Pure.

A feeder that is cut has neither; a single-phase meter, or one that gives no voltages, is never judged.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

NO_VOLTS = Decimal(40)  # as power-cut's volts_below
FLOWS_A = Decimal("0.2")  # primary; what transformers show without load lies below


def leads_off(values: Mapping[str, Decimal]) -> bool:
    """Whether power read with these values may be less than is drawn."""
    for phase in ("a", "b", "c"):
        volts, amperes = values.get(f"u_{phase}"), values.get(f"i_{phase}")
        if volts is not None and amperes is not None and abs(volts) < NO_VOLTS and abs(amperes) > FLOWS_A:
            return True
    return False
