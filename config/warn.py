"""What is allowed but probably not meant: warnings of an otherwise sound configuration."""

from __future__ import annotations

from collections.abc import Mapping

from config.profile import Profile
from config.rulekinds import MeterSilent, TreatmentOff
from config.site import SiteConfig
from config.source import Place, Problems
from config.tables import Parts


def note_warnings(
    config: SiteConfig, profiles: Mapping[str, Profile], parts: Parts, warnings: Problems
) -> None:
    """Note each warning; none of them keeps the box from running."""
    whole = parts.tables["site"][0].place
    if not config.meters:
        warnings.add("SBX-CFG-092", Place(whole.file, 0, "meter"))
    if not any(uplink.blocks for uplink in config.uplinks):
        warnings.add("SBX-CFG-093", Place(whole.file, 0, "uplink"))
    if config.meters and not any(isinstance(rule, MeterSilent) for rule in config.rules):
        warnings.add("SBX-CFG-094", Place(whole.file, 0, "rule"))
    _points(config, parts, warnings)
    for meter in config.meters:
        if all(source.confidence == "C" for source in profiles[meter.profile].sources):
            place = parts.place("meter", meter.id, "profile")
            warnings.add("SBX-CFG-096", place, profile=meter.profile)
    for uplink in config.uplinks:
        if uplink.blocks and not uplink.receipts:
            warnings.add("SBX-CFG-097", parts.place("uplink", uplink.id, "receipts"))


def _points(config: SiteConfig, parts: Parts, warnings: Problems) -> None:
    pairs = [rule for rule in config.rules if isinstance(rule, TreatmentOff)]
    judged = {name for rule in pairs for name in (*rule.production, *rule.treatment)}
    for point in config.points:
        if point.role != "total" and point.id not in judged:
            warnings.add("SBX-CFG-095", parts.place("point", point.id, "id"), role=point.role)
