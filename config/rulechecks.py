"""Checks of rules against points, meters and profiles: a rule that could never fire, or always, is a mistake.

Notes problems only; what a rule decides at run time is ``agent.rules``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from config.checks import Profiles, items_of
from config.meterkinds import Balance, Frozen, MeterEvents, MeterRule, PowerSum, Register
from config.quantities import COUNTERS
from config.rulekinds import (
    DeliveryLate,
    Load,
    MeterSilent,
    OffShift,
    OverCapacity,
    Threshold,
    TreatmentOff,
    TreatmentStopped,
)
from config.site import Meter, Point
from config.source import Problems
from config.tables import Parts


@dataclass(frozen=True, slots=True)
class _Site:
    """What rules are checked against."""

    points: Mapping[str, Point]
    meters: Mapping[str, Meter]
    profiles: Profiles
    parts: Parts
    problems: Problems

    def add(self, code: str, rule: str, key: str, **args: object) -> None:
        self.problems.add(code, self.parts.place("rule", rule, key), **args)


def check_rules(parts: Parts, profiles: Profiles, problems: Problems) -> None:
    """Each rule by its kind."""
    points = {point.id: point for point in parts.points}
    meters = {meter.id: meter for meter in parts.meters}
    site = _Site(points, meters, profiles, parts, problems)
    for rule in parts.rules:
        check = _CHECKS.get(type(rule))
        if check is not None:
            check(rule, site)
        if isinstance(rule, MeterRule):
            _needs(rule, site)
        _warning_first(rule, site)


def _pair(rule: TreatmentOff | TreatmentStopped, site: _Site) -> None:
    for role, names in (("production", rule.production), ("treatment", rule.treatment)):
        if not names:
            site.add("SBX-CFG-070", rule.id, role, role=role)
        _role(rule.id, role, names, role, site)
    if isinstance(rule, TreatmentOff) and rule.need.isdigit() and int(rule.need) > len(rule.treatment):
        site.add("SBX-CFG-077", rule.id, "need", need=rule.need, count=len(rule.treatment))


def _role(rule: str, key: str, names: Iterable[str], wanted: str, site: _Site) -> None:
    for point in (site.points[name] for name in names if name in site.points):
        if point.role != wanted:
            site.add("SBX-CFG-071", rule, key, point=point.id, role=point.role, wanted=wanted)


def _off_shift(rule: OffShift, site: _Site) -> None:
    _role(rule.id, "points", rule.points, "production", site)
    if not rule.shifts:
        site.add("SBX-CFG-064", rule.id, "shifts")


def _over_capacity(rule: OverCapacity, site: _Site) -> None:
    if not rule.points:
        site.add("SBX-CFG-070", rule.id, "points", role="production")
    if (rule.limit_kw is None) == (rule.limit_kwh is None):
        site.add("SBX-CFG-065", rule.id, "limit_kw" if rule.limit_kw is not None else "kind")


def _limits(rule: Threshold, site: _Site) -> None:
    if (rule.above is None) == (rule.below is None):
        site.add("SBX-CFG-073", rule.id, "above" if rule.above is not None else "kind")
        return
    wrong_above = rule.above is not None and rule.clear > rule.above
    wrong_below = rule.below is not None and rule.clear < rule.below
    if wrong_above or wrong_below:
        side, limit = ("above", rule.above) if wrong_above else ("below", rule.below)
        site.add("SBX-CFG-074", rule.id, "clear", clear=rule.clear, side=side, limit=limit)


def _threshold(rule: Threshold, site: _Site) -> None:
    if (rule.meter is None) == (not rule.sum) or (rule.over and not rule.sum):
        site.add("SBX-CFG-066", rule.id, "kind")
    watched = [] if rule.meter is None else [rule.meter]
    watched += [site.points[name].meter for name in (*rule.sum, *rule.over) if name in site.points]
    for name in watched:
        _reads(rule.id, name, rule.quantity, site)


def _reads(rule: str, name: str, quantity: str, site: _Site) -> None:
    meter = site.meters.get(name)
    profile = site.profiles.get(meter.profile) if meter else None
    if meter and profile and quantity not in items_of(profile):
        site.add("SBX-CFG-046", rule, "quantity", quantity=quantity, meter=meter.id, profile=profile.id)


def _silent(rule: MeterSilent | Frozen, site: _Site) -> None:
    for meter in (site.meters[name] for name in (rule.meters or site.meters) if name in site.meters):
        if rule.after_s <= meter.every_s:
            site.add(
                "SBX-CFG-075", rule.id, "after_s", after=rule.after_s, meter=meter.id, every=meter.every_s
            )


def _load(rule: Load, site: _Site) -> None:
    _role(rule.id, "point", (rule.point,), "treatment", site)
    _role(rule.id, "by", rule.by, "production", site)


def _whole_threshold(rule: Threshold, site: _Site) -> None:
    _limits(rule, site)
    _threshold(rule, site)


def _delivery(rule: DeliveryLate, site: _Site) -> None:
    if rule.warn_before_s >= rule.deadline_s:
        args = {"before": rule.warn_before_s, "deadline": rule.deadline_s}
        site.add("SBX-CFG-076", rule.id, "warn_before_s", **args)


def _balance(rule: Balance, site: _Site) -> None:
    for key, names in (("total", rule.total), ("parts", rule.parts)):
        if not names:
            site.add("SBX-CFG-070", rule.id, key, role=key)
    seen: dict[str, str] = {}
    for key, name in (*(("total", one) for one in rule.total), *(("parts", one) for one in rule.parts)):
        point = site.points.get(name)
        if key == "parts" and name in rule.total:
            site.add("SBX-CFG-130", rule.id, key, point=name)
        elif point is not None:
            first = seen.setdefault(point.meter, name)
            if first != name:
                site.add("SBX-CFG-131", rule.id, key, first=first, second=name, meter=point.meter)


def _register(rule: Register, site: _Site) -> None:
    if rule.max_kw is not None and rule.max_kw <= 0:
        site.add("SBX-CFG-135", rule.id, "max_kw")


def _needs(rule: MeterRule, site: _Site) -> None:
    """A meter that is named must tell what the rule needs; without names some meter must."""
    needed = _needed(rule)
    args = {"kind": getattr(rule, "kind", ""), "needed": " | ".join(" ".join(sorted(one)) for one in needed)}
    able = []
    for meter in (site.meters[name] for name in (rule.meters or site.meters) if name in site.meters):
        profile = site.profiles.get(meter.profile)
        if profile is None or any(one <= frozenset(items_of(profile)) for one in needed):
            able.append(meter)
        elif rule.meters:
            site.add("SBX-CFG-132", rule.id, "meters", meter=meter.id, profile=profile.id, **args)
    if not rule.meters and not able and site.meters:
        site.add("SBX-CFG-133", rule.id, "kind", **args)


def _needed(rule: MeterRule) -> tuple[frozenset[str], ...]:
    """Any of these sets of quantities is enough."""
    if isinstance(rule, MeterEvents):
        return tuple(frozenset((name,)) for name in rule.watch or sorted(COUNTERS))
    if isinstance(rule, PowerSum) and rule.wires == 3:
        return (frozenset(("p", "p_a", "p_c")),)
    return _NEEDED[getattr(rule, "kind", "")]


def _sets(*sets: str) -> tuple[frozenset[str], ...]:
    return tuple(frozenset(one.split()) for one in sets)


_NEEDED: Mapping[str, tuple[frozenset[str], ...]] = MappingProxyType(
    {
        "phase-loss": _sets("u_a u_b", "u_a u_c", "u_ab u_bc", "i_a i_b i_c", "i_a i_c"),
        "phase-order": _sets("phase_order"),
        "reversed-ct": _sets("p", "p_a p_b p_c"),
        "ratio-changed": _sets("ct", "pt"),
        "power-sum": _sets("p p_a p_b p_c", "p u_a u_b u_c i_a i_b i_c pf_a pf_b pf_c"),
        "frozen": _sets("p i_a u_a", "p i_a u_ab"),
        "register": _sets("ep_imp"),
        "meter-swapped": _sets("serial", "ep_imp"),
    }
)
_CHECKS: Mapping[type, Callable[[Any, _Site], None]] = MappingProxyType(
    {
        TreatmentOff: _pair,
        TreatmentStopped: _pair,
        Load: _load,
        OffShift: _off_shift,
        OverCapacity: _over_capacity,
        Threshold: _whole_threshold,
        MeterSilent: _silent,
        DeliveryLate: _delivery,
        Balance: _balance,
        Frozen: _silent,
        Register: _register,
    }
)


def _warning_first(rule: object, site: _Site) -> None:
    """A warning that comes after the alarm, or before a warning, would never be seen."""
    warn_s = getattr(rule, "warn_s", None)
    hold_s = next((found for name in _HOLDS if (found := getattr(rule, name, None)) is not None), 0)
    if warn_s is not None and (warn_s >= hold_s or getattr(rule, "level", "") == "warning"):
        site.add("SBX-CFG-067", getattr(rule, "id", ""), "warn_s", warn=warn_s, hold=hold_s)


_HOLDS = ("stop_lag_s", "after_s", "hold_s")
