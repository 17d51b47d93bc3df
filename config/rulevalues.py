"""Takers of rules: how many of some, windows, days, bands. Strict as ``config.values``.

>>> bands(["0 2 6", "40 5 9"])[1].low_kw
Decimal('5')
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from typing import TypeVar

from config.calendar import Window
from config.quantities import COUNTERS
from config.rulekinds import Band
from config.suggest import nearest
from config.values import MAX_LIST, Wrong, idents, shown, text

T = TypeVar("T")

_DECIMAL = re.compile(r"[0-9]{1,9}(\.[0-9]{1,6})?")


def needed(value: object) -> str:
    """How many of some must run: "all", "any", or a number as text."""
    taken = text(value)
    if taken not in ("all", "any") and not re.fullmatch(r"[1-9][0-9]?", taken):
        raise Wrong("SBX-CFG-024", value=taken, choices="all any 1 2 ...")
    return taken


def windows(value: object) -> tuple[Window, ...]:
    """A list of windows "mon-fri 06:00-22:00"."""
    return tuple(_each(value, window))


def window(value: object) -> Window:
    """One window "22:00-06:00"."""
    taken = text(value)
    try:
        return Window.parse(taken)
    except ValueError:
        raise Wrong("SBX-CFG-061", value=taken) from None


def days(value: object) -> tuple[str, ...]:
    """A list of days "2026-10-01"."""
    return tuple(_each(value, _day))


def _day(value: object) -> str:
    taken = text(value)
    try:
        return date.fromisoformat(taken).isoformat()
    except ValueError:
        raise Wrong("SBX-CFG-062", value=taken) from None


def counters(value: object) -> tuple[str, ...]:
    """A list of counters of a meter: ``n_cover`` and the like."""
    taken = idents(value)
    for name in taken:
        if name not in COUNTERS:
            raise Wrong("SBX-CFG-134", value=name, near=nearest(name, sorted(COUNTERS)))
    return taken


def bands(value: object) -> tuple[Band, ...]:
    """A list of "from low high" in kW, rising."""
    taken = tuple(_each(value, _band))
    rising = all(one.from_kw < two.from_kw for one, two in itertools.pairwise(taken))
    if not taken or not rising:
        raise Wrong("SBX-CFG-063", value=shown(value))
    return taken


def _band(value: object) -> Band:
    taken = text(value)
    words = taken.split()
    if len(words) != 3 or not all(_DECIMAL.fullmatch(word) for word in words):
        raise Wrong("SBX-CFG-063", value=taken)
    start, low, high = map(Decimal, words)
    if not 0 <= low < high or start < 0:
        raise Wrong("SBX-CFG-063", value=taken)
    return Band(start, low, high)


def _each(value: object, take: Callable[[object], T]) -> Iterator[T]:
    if not isinstance(value, list):
        raise Wrong("SBX-CFG-025", value=shown(value))
    if len(value) > MAX_LIST:
        raise Wrong("SBX-CFG-019", limit=MAX_LIST)
    yield from map(take, value)
