"""What equipment draws, by one reading of its meter: at least so much, and whether that is all. Pure.

A reading may lack what its meter gives otherwise: items are asked for one by one, and each can fail. What is
left then still proves that a machine runs, and not that it stands::

    the phases that the meter gives          power                     all of it
    all read, one negative                   sum without signs         yes
    all read, or it gives none               total without sign        yes
    one not read, none negative              total without sign        if the others do not exceed the total
    else                                     the larger part is lost   no

    the currents that the meter gives        largest phase current     if all were read

Nor is it all while voltage leads are off (``agent.rules.leads``).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from decimal import Decimal

from agent.rules.leads import leads_off

POWERS = ("p_a", "p_b", "p_c")
AMPERES = ("i_a", "i_b", "i_c")
TOLD = frozenset((*POWERS, *AMPERES, "u_a", "u_b", "u_c"))  # what is missed in a reading that lacks it


def drawn_kw(values: Mapping[str, Decimal]) -> Decimal | None:
    """The power that the equipment draws, whichever way round its current transformers are: with one of them
    reversed the meter's total shows a third, and a machine at full load would look as if it stood still."""
    phases = _some(values, POWERS)
    if phases and min(phases) < 0:
        return sum((abs(value) for value in phases), Decimal(0))
    total = values.get("p")
    return None if total is None else abs(total)


def is_all_kw(values: Mapping[str, Decimal], gives: Collection[str]) -> bool:
    """Whether ``drawn_kw`` is all that is drawn. ``gives``: the quantities that the meter gives otherwise."""
    if leads_off(values, gives):
        return False
    lacking = [name for name in POWERS if name in gives and name not in values]
    if not lacking:
        return True
    total, known = values.get("p"), _some(values, POWERS)
    if total is None or len(lacking) > 1 or min(known, default=total) < 0:
        return False
    return sum(known, Decimal(0)) <= total  # so the one that was not read is not negative either


def drawn_a(values: Mapping[str, Decimal]) -> Decimal | None:
    """The largest phase current in A."""
    return max((abs(value) for value in _some(values, AMPERES)), default=None)


def is_all_a(values: Mapping[str, Decimal], gives: Collection[str]) -> bool:
    """Whether the largest current is among them."""
    return all(name in values for name in AMPERES if name in gives)


def _some(values: Mapping[str, Decimal], names: tuple[str, ...]) -> list[Decimal]:
    return [value for name in names if (value := values.get(name)) is not None]
