"""The rules of the site file, ``[[rule]]``: one frozen type a kind. Data only: what a kind decides stands
in the file of the same name in ``agent/rules/kinds/``, which keys it has in ``config.ruleshapes``. The
kinds that judge meters and wiring are in ``config.meterkinds``.

Powers are kW, energies kWh, currents A, as ``Decimal``; times are whole seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from config.anyrule import AnyRule as AnyRule
from config.anyrule import Level as Level
from config.calendar import Window
from config.meterkinds import (
    Balance,
    Frozen,
    MeterEvents,
    MeterSwapped,
    PhaseLoss,
    PhaseOrder,
    PowerSum,
    RatioChanged,
    Register,
    ReversedCt,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TreatmentOff(AnyRule):
    """Treatment not running while production runs. ``need``: "all", "any" or how many must run."""

    production: tuple[str, ...]
    treatment: tuple[str, ...]
    need: str = "all"
    start_lead_s: int = 0  # treatment may start this much after production
    stop_lag_s: int = 300  # treatment found off must stay off this long before the alarm
    kind: Literal["treatment-off"] = "treatment-off"


@dataclass(frozen=True, slots=True, kw_only=True)
class TreatmentStopped(AnyRule):
    """Treatment was running and stopped before production did, or sooner than ``run_on_s`` after it."""

    production: tuple[str, ...]
    treatment: tuple[str, ...]
    run_on_s: int = 0
    hold_s: int = 60
    kind: Literal["treatment-stopped"] = "treatment-stopped"


@dataclass(frozen=True, slots=True)
class Band:
    """What a machine should draw while production draws at least ``from_kw``."""

    from_kw: Decimal
    low_kw: Decimal
    high_kw: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Load(AnyRule):
    """Treatment that runs, yet idles, or does more or less than its band for the present production. The
    mean of ``average_s`` is judged. ``bands`` rise with the power of the points in ``by``."""

    point: str
    bands: tuple[Band, ...]
    by: tuple[str, ...] = ()
    idle_below_kw: Decimal | None = None
    average_s: int = 300
    hold_s: int = 600
    level: Level = "warning"
    kind: Literal["load"] = "load"


@dataclass(frozen=True, slots=True, kw_only=True)
class StopOrder(AnyRule):
    """A production point runs though a stop order is in force. Always there; write one to change
    numbers."""

    id: str = "stop-order"
    hold_s: int = 120
    kind: Literal["stop-order"] = "stop-order"


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitOrder(AnyRule):
    """More is drawn than a limit order allows. Always there; write one to change its numbers."""

    id: str = "limit-order"
    average_s: int = 900
    hold_s: int = 0
    warn_percent: int = 90  # of the energy that is allowed: a warning before it is used up
    kind: Literal["limit-order"] = "limit-order"


@dataclass(frozen=True, slots=True, kw_only=True)
class OffShift(AnyRule):
    """Production outside the declared shifts (夜间偷产). ``points`` empty: every production point. ``free``:
    days on which no shift is worked, ``"2026-10-01"``."""

    shifts: tuple[Window, ...]
    points: tuple[str, ...] = ()
    free: tuple[str, ...] = ()
    grace_s: int = 900  # to finish what is in the furnace
    hold_s: int = 300
    kind: Literal["off-shift"] = "off-shift"


@dataclass(frozen=True, slots=True, kw_only=True)
class OverCapacity(AnyRule):
    """The points together draw more than is approved: as mean power, or as energy of a day of the plant."""

    points: tuple[str, ...]
    limit_kw: Decimal | None = None
    limit_kwh: Decimal | None = None
    average_s: int = 3600
    hold_s: int = 0
    kind: Literal["over-capacity"] = "over-capacity"


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerCut(AnyRule):
    """Mains lost: said by a contact or supply (``[power]``), by meters without voltage, or by the silence of
    every meter at once while the box runs (feeder or wiring). ``volts_below``: no voltage. Always there."""

    id: str = "power-cut"
    hold_s: int = 30
    volts_below: Decimal = Decimal(40)
    kind: Literal["power-cut"] = "power-cut"


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterSilent(AnyRule):
    """Monitoring lost on some meters (none named: on each)."""

    meters: tuple[str, ...] = ()
    after_s: int = 60
    kind: Literal["meter-silent"] = "meter-silent"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryLate(AnyRule):
    """The oldest block that an uplink has not confirmed nears the age at which it must have arrived."""

    uplinks: tuple[str, ...] = ()
    deadline_s: int = 86_400
    warn_before_s: int = 7_200
    level: Level = "warning"
    kind: Literal["delivery-late"] = "delivery-late"


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold(AnyRule):
    """Any quantity of a meter against a limit, with hysteresis; or the sum of a quantity over the meters of
    some points; or, with ``over``, that sum as a share of the sum over others (1 = equal).

    Exactly one of ``above`` and ``below`` is set; ``clear`` lies on the good side of it. ``when``: only
    then.
    """

    quantity: str = "p"
    meter: str | None = None
    sum: tuple[str, ...] = ()
    over: tuple[str, ...] = ()
    above: Decimal | None = None
    below: Decimal | None = None
    clear: Decimal
    when: tuple[Window, ...] = ()
    hold_s: int = 0
    level: Level = "warning"
    kind: Literal["threshold"] = "threshold"


Rule = (
    TreatmentOff
    | TreatmentStopped
    | Load
    | StopOrder
    | LimitOrder
    | OffShift
    | OverCapacity
    | PowerCut
    | MeterSilent
    | DeliveryLate
    | Threshold
    | PhaseLoss
    | PhaseOrder
    | ReversedCt
    | RatioChanged
    | PowerSum
    | Balance
    | Frozen
    | Register
    | MeterSwapped
    | MeterEvents
)
