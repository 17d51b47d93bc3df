"""What a scenario says, as frozen values. Moments are ms since its beginning, in true time; powers are kW."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from config.orders import Declaration, Order
from config.site import SiteConfig

Verb = Literal["raise", "escalate", "clear", "excuse"]
Answer = Literal["back", "silent", "port"]
How = Literal["set", "plus", "times", "missing", "frozen", "free"]


@dataclass(frozen=True, slots=True)
class Power:
    """A meter's power goes to ``kw``, from ``from_kw`` (None: from what it is) within ``over_ms``."""

    meter: str
    kw: float
    from_kw: float | None = None
    over_ms: int = 0


@dataclass(frozen=True, slots=True)
class Item:
    """One quantity of a meter is not what the simulation makes of it."""

    meter: str
    quantity: str
    how: How
    value: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Whole:
    """All of a meter: ``frozen`` as it was read last, phases ``reversed`` or ``lost``, or ``free`` again."""

    meter: str
    how: Literal["frozen", "reversed", "lost", "free"]
    phases: str = ""


@dataclass(frozen=True, slots=True)
class Answers:
    """What some meters, or a whole bus, answer."""

    meters: tuple[str, ...]
    how: Answer
    bus: bool = False


@dataclass(frozen=True, slots=True)
class Lose:
    """So many of a hundred polls fail, by the seed."""

    percent: float
    seed: int


@dataclass(frozen=True, slots=True)
class Mains:
    """What the contact of the mains says; None: it cannot be read."""

    on: bool | None


@dataclass(frozen=True, slots=True)
class Dark:
    """The feeder of all equipment is off, or on again; the meters go on answering."""

    dark: bool


@dataclass(frozen=True, slots=True)
class Restart:
    """The daemon ends and begins again; ``off_ms``: the machine was off so long (None: it was not)."""

    off_ms: int | None = None


@dataclass(frozen=True, slots=True)
class ClockSet:
    """The wall clock steps by ``by_ms`` (None: to the true time); ``sure``: somebody vouches for it."""

    by_ms: int | None
    sure: bool


@dataclass(frozen=True, slots=True)
class Heard:
    """An order or declaration comes, or (``cancel``) is taken back."""

    id: str
    cancel: bool = False


@dataclass(frozen=True, slots=True)
class Owed:
    """The oldest block that an uplink has not confirmed is so old now, and grows older; 0: there is none."""

    uplink: str
    age_ms: int


Act = Power | Item | Whole | Answers | Lose | Mains | Dark | Restart | ClockSet | Heard | Owed


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the timeline."""

    at_ms: int
    act: Act


@dataclass(frozen=True, slots=True)
class Expected:
    """One line of what is expected. Empty texts are not compared."""

    at_ms: int
    within_ms: int
    verb: Verb
    key: str
    level: str = ""
    code: str = ""
    fault: str = ""
    declared: str = ""


@dataclass(frozen=True, slots=True)
class Scenario:
    """``orders`` and ``declarations`` that no line of the timeline brings are known from the beginning.
    ``near``: kinds of rules that are nearly violated, and of which nothing is expected."""

    file: str
    title: str
    title_zh: str
    begin_ms: int
    end_ms: int
    step_ms: int
    config: SiteConfig
    orders: tuple[Order, ...]
    declarations: tuple[Declaration, ...]
    events: tuple[Event, ...]
    expected: tuple[Expected, ...]
    near: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Happened:
    """A change of an alarm, at a moment of the scenario."""

    at_ms: int
    verb: Verb
    key: str
    level: str
    code: str
    fault: str
    declared: str
