"""The keys of ``[[order]]`` and ``[[declaration]]``, and of the same as objects of a command.

A file writes moments as a person does, in the plant's zone (``from``, ``to``); a command in UTC ms
(``from_ms``, ``to_ms``), so that nobody's zone can be meant. All else is spelt alike.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import get_args
from zoneinfo import ZoneInfo

from config.build import Shape
from config.calendar import Window, moment_ms
from config.orders import MOST_REFERENCE_DAYS, DeclarationKind, OrderKind, OrderLevel
from config.shapes import DAY_S
from config.values import Wrong, choice, decimal, flag, ident, idents, power, shown, text, whole

MAX_MS = 2**53


def window(value: object) -> Window:
    """A window of the day, ``"22:00-06:00"`` or ``"mon-fri 06:00-22:00"``."""
    try:
        return Window.parse(text(value))
    except ValueError:
        raise Wrong("SBX-ORD-019", value=shown(value)) from None


def percent(value: object) -> Decimal:
    """How much less, above 0 and at most 100, as decimal text."""
    taken = decimal(value)
    if not 0 < taken <= 100:
        raise Wrong("SBX-ORD-013", value=taken)
    return taken


def points(value: object) -> tuple[str, ...]:
    """Some points; none would be an order to nobody."""
    taken = idents(value)
    if not taken:
        raise Wrong("SBX-ORD-014")
    return taken


def moment(zone: ZoneInfo) -> Callable[[object], int]:
    """UTC ms of a moment in the plant's zone."""

    def take(value: object) -> int:
        try:
            return moment_ms(
                value if isinstance(value, str) else "", zone
            )  # also a bare TOML date is refused
        except ValueError:
            raise Wrong("SBX-ORD-018", value=shown(value)) from None

    return take


ORDER: Shape = MappingProxyType(
    {
        "id": ident,
        "kind": choice(*get_args(OrderKind)),
        "provisional": flag,
        "points": points,
        "daily": window,
        "level": choice(*get_args(OrderLevel)),
        "reduce_percent": percent,
        "baseline_kw": power,
        "reference_days": whole(1, MOST_REFERENCE_DAYS),
        "limit_kw": power,
        "limit_kwh": power,
        "per": choice("total", "point"),
        "grace_s": whole(0, DAY_S),
        "exempt_kw": power,
        "replaces": ident,
        "title": text,
    }
)
DECLARATION: Shape = MappingProxyType(
    {"id": ident, "kind": choice(*get_args(DeclarationKind)), "points": points, "reason": text}
)
_IN_MS: Shape = MappingProxyType({"from_ms": whole(0, MAX_MS), "to_ms": whole(0, MAX_MS)})


def in_file(shape: Shape, zone: ZoneInfo) -> Shape:
    """As a person writes it."""
    return {**shape, "from": moment(zone), "to": moment(zone)}


def in_command(shape: Shape) -> Shape:
    """As a command carries it."""
    return {**shape, **_IN_MS}


def in_ms(taken: Mapping[str, object]) -> dict[str, object]:
    """The names of the frozen values, whichever way it was written."""
    return {f"{key}_ms" if key in ("from", "to") else key: value for key, value in taken.items()}
