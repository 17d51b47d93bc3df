"""Checks of rules against points, meters and profiles: a rule that could never fire, or always, is a mistake.

Notes problems only; what a rule decides at run time is ``agent.rules``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from config.checks import Profiles, items_of
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


def _silent(rule: MeterSilent, site: _Site) -> None:
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
    }
)


def _warning_first(rule: object, site: _Site) -> None:
    """A warning that comes after the alarm, or before a warning, would never be seen."""
    warn_s = getattr(rule, "warn_s", None)
    hold_s = next((found for name in _HOLDS if (found := getattr(rule, name, None)) is not None), 0)
    if warn_s is not None and (warn_s >= hold_s or getattr(rule, "level", "") == "warning"):
        site.add("SBX-CFG-067", getattr(rule, "id", ""), "warn_s", warn=warn_s, hold=hold_s)


_HOLDS = ("stop_lag_s", "after_s", "hold_s")
