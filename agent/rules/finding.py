"""What one rule says of one thing at one moment: violated, fine or unknown, with the numbers it stands on.

UNKNOWN neither raises nor clears. ``facts`` is called only when an alarm changes: the numbers are put into
words for few findings of many.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from decimal import Decimal
from enum import StrEnum
from typing import Literal, NamedTuple

from agent.rules.points import PointView
from config.rulekinds import Level
from config.site import Point

Facts = Callable[[], Mapping[str, str]]
Without = Callable[[Set[str]], int | None]
Fault = Literal["plant", "device", "supply"]  # whose fault it looks like: the plant's doing, ours, the mains


class Verdict(StrEnum):
    """See the module."""

    VIOLATED = "violated"
    FINE = "fine"
    UNKNOWN = "unknown"


class Finding(NamedTuple):
    """``key`` names the alarm (a rule may watch several things); the violation must last ``hold_ms`` from
    ``began_ms`` before the alarm is raised; ``facts`` fill the message of ``code``. ``subjects`` are points,
    meters, uplinks or orders. ``until_ms``: the violation is seen up to here (None: now): what has not been
    seen to last is not held against anybody. ``bridge_ms``: two sights of it no further apart are one.
    ``seen``: from when to when it was seen with no reading missing, where the rule knows better than
    ``agent.rules.sights``, which counts such time alone.
    ``peak``: how far it goes, the largest counts. ``record``: first one behind it, where the rule knows; else
    the newest when the engine first sees it. ``without``: how long, ms, the violation has been seen with some
    points (and their meters) left out of it; None: it is none then. A finding that has no such answer stands
    unless all its subjects are left out."""

    key: str
    verdict: Verdict
    code: str
    began_ms: int
    hold_ms: int
    subjects: tuple[str, ...]
    facts: Facts
    until_ms: int | None = None
    bridge_ms: int = 0
    seen: tuple[int, int] | None = None
    peak: Decimal | None = None
    record: int = 0
    fault: Fault = "plant"
    meters: tuple[str, ...] = ()  # whose readings it stands on, where it is not the power of its points
    level: Level | None = None  # where it is not the rule's
    event: bool = False  # it happened, and nothing can become fine: up until acknowledged, or FINE once
    without: Without | None = None
    order: str = ""  # the one whose keeping it judges
    overruled: bool = False  # by a stricter order on the same points: counted for the day, and no alarm


def shown(value: Decimal | None, unit: str = "kW") -> str:
    """A number for a message: at most three digits behind the point; unknown is a question mark."""
    if value is None:
        return "?"
    text = f"{value:.3f}".rstrip("0").rstrip(".") if value.as_tuple().exponent else f"{value:f}"
    return f"{'0' if text in ('-0', '') else text} {unit}".strip()


def measured(view: PointView, point: Point) -> str:
    """What a point is judged by, for a message: its power in kW, or its largest phase current in A."""
    return shown(view.power.value if view.power else None, "kW" if point.on_above_a is None else "A")
