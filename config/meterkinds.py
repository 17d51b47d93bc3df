"""The rules that ask whether a meter and its wiring can be believed, as ``config.rulekinds`` has the
others.

Powers are kW, energies kWh, currents A, as ``Decimal``, always on the primary side; times are whole
seconds. ``meters`` empty means every meter of the site that tells what the rule needs.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from config.anyrule import AnyRule, Level

Wires = Literal[3, 4]
DAY_S = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterRule(AnyRule):
    """What the kinds of this module have in common."""

    meters: tuple[str, ...] = ()
    level: Level = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRule(MeterRule):
    """Something that happened and cannot become fine again: its alarm is up until it is acknowledged, or
    for ``keep_s``."""

    keep_s: int = DAY_S


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseLoss(MeterRule):
    """A phase without voltage, or without current while the others carry ``min_a`` (0: currents are not
    judged). ``wires`` 3: the middle phase is not measured."""

    below_percent: int = 70  # of the largest phase voltage
    min_a: Decimal = Decimal(5)
    wires: Wires = 4
    hold_s: int = 60
    kind: Literal["phase-loss"] = "phase-loss"


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseOrder(MeterRule):
    """The meter says that the phases come in the wrong order."""

    hold_s: int = 300
    kind: Literal["phase-order"] = "phase-order"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReversedCt(MeterRule):
    """Active power of a phase, or the total, is negative by more than ``min_kw`` while ``min_a`` flow.
    ``export``: the plant feeds in."""

    min_kw: Decimal = Decimal("0.5")
    min_a: Decimal = Decimal(1)
    wires: Wires = 4
    export: bool = False
    hold_s: int = 300
    kind: Literal["reversed-ct"] = "reversed-ct"


@dataclass(frozen=True, slots=True, kw_only=True)
class RatioChanged(EventRule):
    """The meter tells another transformer ratio than before."""

    kind: Literal["ratio-changed"] = "ratio-changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerSum(MeterRule):
    """Active power does not agree with voltage, current and power factor, or with the sum of its phases."""

    tolerance_percent: int = 20  # a power factor of the fundamental alone is off by so much behind drives
    min_kw: Decimal = Decimal(1)
    wires: Wires = 4
    hold_s: int = 300
    kind: Literal["power-sum"] = "power-sum"


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance(AnyRule):
    """The points in ``parts`` draw more than those in ``total`` that feed them; with ``rest_percent``,
    also: so much of the total is not measured by any part."""

    total: tuple[str, ...]
    parts: tuple[str, ...]
    tolerance_percent: int = 5
    rest_percent: int | None = None
    min_kw: Decimal = Decimal(1)
    average_s: int = 900
    hold_s: int = 900
    level: Level = "warning"
    kind: Literal["balance"] = "balance"


@dataclass(frozen=True, slots=True, kw_only=True)
class Frozen(MeterRule):
    """All values of a meter under load stay exactly the same for ``after_s``."""

    min_kw: Decimal = Decimal(1)
    after_s: int = 1_800
    kind: Literal["frozen"] = "frozen"


@dataclass(frozen=True, slots=True, kw_only=True)
class Register(EventRule):
    """The register of imported energy went back, rolled over, or rose by more than can have been drawn.
    ``max_kw``: the most that can flow through the meter."""

    max_kw: Decimal | None = None
    kind: Literal["register"] = "register"


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterSwapped(EventRule):
    """Another meter answers in place of the one before."""

    kind: Literal["meter-swapped"] = "meter-swapped"


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterEvents(EventRule):
    """The meter counted programming, clearing, an opened cover. ``watch`` empty: every counter but
    power-down."""

    watch: tuple[str, ...] = ()
    kind: Literal["meter-events"] = "meter-events"
