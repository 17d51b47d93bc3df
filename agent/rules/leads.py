"""A meter whose voltage leads are off: current flows on a phase that has no voltage. Its power is then too
low, by that phase or by all of them, and says nothing of what stands still. Pure.

A phase is all right by its voltage, or by having no current; what the meter gives otherwise and not in this
reading proves neither. A feeder that is cut has neither; a single-phase meter, or one that gives no voltages,
is never judged.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from decimal import Decimal

NO_VOLTS = Decimal(40)  # as power-cut's volts_below
FLOWS_A = Decimal("0.2")  # primary; what transformers show without load lies below
_PAIRS = tuple((f"u_{phase}", f"i_{phase}") for phase in "abc")


def leads_off(values: Mapping[str, Decimal], gives: Collection[str] = ()) -> bool:
    """Whether power read with these values may be less than is drawn. ``gives``: the quantities that the
    meter gives otherwise."""
    for volts, amperes in _PAIRS:
        u, i = values.get(volts), values.get(amperes)
        if (u is None and volts not in gives) or (i is None and amperes not in gives):
            continue
        if (u is None or abs(u) < NO_VOLTS) and (i is None or abs(i) > FLOWS_A):
            return True
    return False
