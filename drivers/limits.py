"""What the values of one meter cannot leave: bounds by its ratios, its profile and its phases. Pure.

The numbers are ours and generous, not of a standard. Voltage, current and power have bounds where the site
file tells the ratio; of a profile with primary values, or ratios in the meter, only what holds everywhere is
known. Says nothing about one value beside another: ``drivers.plausible`` does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from config.profile import Item
from drivers.exchange import MeterSpec

_TERMINAL_V: Final = Decimal(1000)  # no meter's terminals carry more: the end of low voltage (IEC 60038)
_ELEMENT_V: Final = Decimal(500)  # one element of a power measurement; 230 V and 400 V are usual
_DIRECT_A: Final = Decimal(200)  # twice what direct-connected meters carry (100 A)
_TRANSFORMER_A: Final = Decimal(20)  # twice what meters behind transformers carry (10 A)
ANY_KW: Final = Decimal(100_000)  # a feeder, where nobody told us the ratio
_GRID_HZ: Final = (Decimal(40), Decimal(70))  # below: a generator that starts
_WARMTH_C: Final = (Decimal(-60), Decimal(150))
SLACK_S: Final = 60  # an energy register and a poll are not of one instant
ENERGIES: Final = frozenset({"ep_imp", "ep_exp", "eq_imp", "eq_exp"})
_POWERS: Final = ("p", "q", "s", "demand")
_PHASES: Final = ("a", "b", "c")
_SUMS: Final = tuple(
    (stem, *(f"{stem}_{phase}" for phase in _PHASES)) for stem in ("p", "q")
)  # s does not add up
_PRODUCTS: Final = tuple(tuple(f"{stem}_{phase}" for stem in ("p", "u", "i", "pf")) for phase in _PHASES)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a meter's values cannot leave; ``powers_kw``: the most it measures, on the primary side; the sums
    and products of which its profile has all that is needed."""

    ranges: Mapping[str, tuple[Decimal, Decimal]]
    powers_kw: Mapping[str, Decimal]  # of energies: quantity -> most kW, or kvar
    rises: Mapping[str, Decimal]  # of energies: quantity -> kWh, or kvarh, that need no time at all
    sums: tuple[tuple[str, ...], ...]
    products: tuple[tuple[str, ...], ...]


def limits(spec: MeterSpec) -> Limits:
    """The bounds of one meter: by its ratios where its profile uses them, else only what holds everywhere."""
    items = (*spec.profile.dlt, *spec.profile.modbus)
    ranges = {item.quantity: found for item in items if (found := _range(item, spec)) is not None}
    energies = {item.quantity: _most_kw(item, spec) or ANY_KW for item in items if item.quantity in ENERGIES}
    names = {item.quantity for item in items}
    sums = tuple(one for one in _SUMS if names.issuperset(one))
    products = tuple(one for one in _PRODUCTS if names.issuperset(one[:3]))
    rises = {name: kw * SLACK_S / 3600 for name, kw in energies.items()}
    return Limits(ranges, energies, rises, sums, products)


def _range(item: Item, spec: MeterSpec) -> tuple[Decimal, Decimal] | None:
    stem, _, phase = item.quantity.partition("_")
    told = item.ratio != "none" and spec.profile.ratio_source == "site"
    if stem == "pf":
        return Decimal(-1), Decimal(1)
    if item.quantity == "f":
        return _GRID_HZ
    if item.quantity == "temp":
        return _WARMTH_C
    if stem == "u" and told:
        return Decimal(0), _TERMINAL_V * spec.meter.pt
    if stem == "i" and told:
        most = _amperes(spec) * spec.meter.ct
        return -most, most
    power = _most_kw(item, spec) if stem in _POWERS else None
    if power is None:
        return None
    most = power / spec.profile.phases if phase in _PHASES else power
    return (Decimal(0) if stem == "s" else -most), most


def _amperes(spec: MeterSpec) -> Decimal:
    return _TRANSFORMER_A if spec.meter.ct > 1 else _DIRECT_A


def _most_kw(item: Item, spec: MeterSpec) -> Decimal | None:
    """The most active, reactive or apparent power; None if the ratio stands in the meter alone."""
    if item.ratio != "ptct" or spec.profile.ratio_source != "site":
        return None
    secondary = spec.profile.phases * _ELEMENT_V * _amperes(spec) / 1000
    return secondary * spec.meter.ct * spec.meter.pt
