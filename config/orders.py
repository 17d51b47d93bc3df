"""Orders (停产, 限产) and declarations (报备) as frozen values, and their one spelling as fields of a record.

An order says what some points must not do, for a while; a declaration says what the plant has announced. Both
come from outside and are judged by ``agent.rules``; nothing here knows how they came.

All moments are UTC ms; powers are kW, energies kWh, as ``Decimal``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from config.calendar import Window

OrderKind = Literal["stop", "limit"]
OrderLevel = Literal["yellow", "orange", "red"]
DeclarationKind = Literal["stop", "maintenance", "power-cut", "rebuild"]
VERBS = ("order-put", "order-cancel", "declaration-put", "declaration-end")  # of commands, so far
LOCAL = "local"  # source of an order that an installer put in by file
MOST_REFERENCE_DAYS = 14  # before an order, for its baseline: the rules remember no more
GRACE_S = 1800  # time for a safe shutdown where the order names none


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One stop or limit order.

    ``points`` empty: every production point of the site. ``to_ms`` None: until it is cancelled; an order with
    ``provisional`` says that its end may still be moved, by a later order that names it in ``replaces``.
    ``daily`` None: all the time between ``from_ms`` and ``to_ms``, else only within that window of each day.

    A limit is exactly one of: ``reduce_percent`` less than the baseline (``baseline_kw`` if the order gives
    it, else the mean power of the ``reference_days`` before it came into force), ``limit_kw`` as mean power,
    ``limit_kwh`` as energy of each window. ``per``: for the sum of the points, or for each of them.
    ``exempt_kw``: load a point may keep, e.g. to keep a kiln warm (保安负荷).
    """

    id: str
    kind: OrderKind
    source: str
    from_ms: int
    to_ms: int | None = None
    provisional: bool = False
    points: tuple[str, ...] = ()
    daily: Window | None = None
    level: OrderLevel | None = None
    reduce_percent: Decimal | None = None
    baseline_kw: Decimal | None = None
    reference_days: int = 7
    limit_kw: Decimal | None = None
    limit_kwh: Decimal | None = None
    per: Literal["total", "point"] = "total"
    grace_s: int = GRACE_S
    exempt_kw: Decimal = Decimal(0)
    replaces: str | None = None
    title: str = ""
    heard_ms: int = 0  # when the box heard it, by its own clock; no part of what an issuer writes

    def fields(self) -> dict[str, object]:
        """As an object in a record; what has its default is left out."""
        return _fields(self)

    @classmethod
    def take(cls, fields: Mapping[str, Any]) -> Order:
        """The same back. KeyError, ValueError or TypeError for what ``fields`` would not give."""
        found = dict(fields)
        for name in ("reduce_percent", "baseline_kw", "limit_kw", "limit_kwh", "exempt_kw"):
            if name in found:
                found[name] = Decimal(found[name])
        if "daily" in found:
            found["daily"] = Window.parse(found["daily"])
        if "points" in found:
            found["points"] = tuple(found["points"])
        return cls(**found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """One announcement of the plant (报备). ``points`` empty: the whole plant. ``declared_ms``: when the box
    heard it; later than ``from_ms`` it was late."""

    id: str
    kind: DeclarationKind
    from_ms: int
    to_ms: int
    declared_ms: int
    points: tuple[str, ...] = ()
    by: str = ""
    reason: str = ""

    @property
    def late_ms(self) -> int:
        """How long after its own beginning it was declared; 0 for one in time."""
        return max(0, self.declared_ms - self.from_ms)

    def fields(self) -> dict[str, object]:
        """As an object in a record."""
        return _fields(self)

    @classmethod
    def take(cls, fields: Mapping[str, Any]) -> Declaration:
        """The same back."""
        found = dict(fields)
        if "points" in found:
            found["points"] = tuple(found["points"])
        return cls(**found)


def _fields(value: Order | Declaration) -> dict[str, object]:
    found: dict[str, object] = {}
    for name in value.__dataclass_fields__:
        held = getattr(value, name)
        default = value.__dataclass_fields__[name].default
        if held != default:
            found[name] = _plain(held)
    return found


def _plain(held: object) -> object:
    if isinstance(held, Decimal):
        return f"{held:f}"
    if isinstance(held, tuple):
        return list(held)
    return str(held) if isinstance(held, Window) else held
