"""Checks of rules against points, meters and profiles: a rule that could never fire, or always, is a mistake.

Notes problems only; what a rule decides at run time is ``agent.rules``.
"""

from __future__ import annotations

from collections.abc import Mapping

from config.checks import Profiles, items_of
from config.site import Meter, MeterSilent, Point, Threshold, TreatmentOff
from config.source import Problems
from config.tables import Parts


def check_rules(parts: Parts, profiles: Profiles, problems: Problems) -> None:
    """Each rule by its kind."""
    points = {point.id: point for point in parts.points}
    meters = {meter.id: meter for meter in parts.meters}
    for rule in parts.rules:
        if isinstance(rule, TreatmentOff):
            _treatment_off(rule, points, parts, problems)
        elif isinstance(rule, Threshold):
            _limits(rule, parts, problems)
            _threshold(rule, meters, profiles, parts, problems)
        else:
            _silent(rule, meters, parts, problems)


def _treatment_off(rule: TreatmentOff, points: Mapping[str, Point], parts: Parts, problems: Problems) -> None:
    for role, names in (("production", rule.production), ("treatment", rule.treatment)):
        place = parts.place("rule", rule.id, role)
        if not names:
            problems.add("SBX-CFG-070", place, role=role)
        for point in (points[name] for name in names if name in points):
            if point.role != role:
                problems.add("SBX-CFG-071", place, point=point.id, role=point.role, wanted=role)


def _limits(rule: Threshold, parts: Parts, problems: Problems) -> None:
    if (rule.above is None) == (rule.below is None):
        problems.add(
            "SBX-CFG-073", parts.place("rule", rule.id, "above" if rule.above is not None else "kind")
        )
        return
    wrong_above = rule.above is not None and rule.clear > rule.above
    wrong_below = rule.below is not None and rule.clear < rule.below
    if wrong_above or wrong_below:
        side, limit = ("above", rule.above) if wrong_above else ("below", rule.below)
        place = parts.place("rule", rule.id, "clear")
        problems.add("SBX-CFG-074", place, clear=rule.clear, side=side, limit=limit)


def _threshold(
    rule: Threshold, meters: Mapping[str, Meter], profiles: Profiles, parts: Parts, problems: Problems
) -> None:
    place = parts.place("rule", rule.id, "quantity")
    meter = meters.get(rule.meter)
    profile = profiles.get(meter.profile) if meter else None
    if meter and profile and rule.quantity not in items_of(profile):
        problems.add("SBX-CFG-046", place, quantity=rule.quantity, meter=meter.id, profile=profile.id)


def _silent(rule: MeterSilent, meters: Mapping[str, Meter], parts: Parts, problems: Problems) -> None:
    for meter in (meters[name] for name in (rule.meters or meters) if name in meters):
        if rule.after_s <= meter.every_s:
            place = parts.place("rule", rule.id, "after_s")
            problems.add("SBX-CFG-075", place, after=rule.after_s, meter=meter.id, every=meter.every_s)
