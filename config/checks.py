"""Checks of the site file that look at more than one key: buses, addresses, thresholds, uplinks.

Each notes its mistakes and goes on. References are checked in ``references``, rules in
``rulechecks``, wire time in ``wiretime``.
"""

from __future__ import annotations

from collections.abc import Mapping

from config.orders import LOCAL
from config.profile import Profile, site_ratios
from config.protocols import PROTOCOLS
from config.site import Bus, Meter, Point
from config.source import Problems
from config.tables import Parts

Profiles = Mapping[str, Profile]


def check_parts(parts: Parts, profiles: Profiles, problems: Problems) -> None:
    """All checks of this module."""
    _buses(parts, problems)
    buses = {bus.id: bus for bus in parts.buses}
    for meter in parts.meters:
        _meter_bus(meter, buses, parts, problems)
        _meter_profile(meter, profiles, parts, problems)
        if meter.slow_every_s < meter.every_s:
            place = parts.place("meter", meter.id, "slow_every_s")
            problems.add("SBX-CFG-058", place, slow=meter.slow_every_s, fast=meter.every_s)
    _addresses(parts, problems)
    _points(parts, profiles, problems)
    _uplinks(parts, problems)
    _issuers(parts, problems)


def items_of(profile: Profile) -> frozenset[str]:
    """The quantities a profile reads."""
    return frozenset(item.quantity for item in (*profile.dlt, *profile.modbus))


def _buses(parts: Parts, problems: Problems) -> None:
    seen: dict[str, str] = {}
    for bus in parts.buses:
        endpoint = bus.port or f"{bus.host}:{bus.tcp_port}"
        if endpoint in seen:
            place = parts.place("bus", bus.id, "port" if bus.kind == "serial" else "host")
            problems.add("SBX-CFG-055", place, endpoint=endpoint, other=seen[endpoint])
        seen.setdefault(endpoint, bus.id)


def _meter_bus(meter: Meter, buses: Mapping[str, Bus], parts: Parts, problems: Problems) -> None:
    bus = buses.get(meter.bus)
    if bus is None:
        return
    kinds = PROTOCOLS[meter.protocol].kinds
    if bus.kind not in kinds:
        place = parts.place("meter", meter.id, "protocol")
        problems.add(
            "SBX-CFG-050", place, protocol=meter.protocol, bus=bus.id, kind=bus.kind, kinds=" ".join(kinds)
        )
    if bus.kind == "serial" and meter.line is None:
        problems.add("SBX-CFG-053", parts.place("meter", meter.id, "line"), bus=bus.id)
    if bus.kind == "tcp" and meter.line is not None:
        problems.add("SBX-CFG-054", parts.place("meter", meter.id, "line"), bus=bus.id)


def _meter_profile(meter: Meter, profiles: Profiles, parts: Parts, problems: Problems) -> None:
    profile = profiles.get(meter.profile)
    place = parts.place("meter", meter.id, "profile")
    if profile is None:  # noted by ``references``
        return
    family = PROTOCOLS[meter.protocol].family
    if profile.family != family:
        problems.add("SBX-CFG-051", place, profile=profile.id, family=profile.family, protocol=meter.protocol)
        return
    for key, ratio in (("ct", meter.ct), ("pt", meter.pt)):
        if ratio != 1 and key not in site_ratios(profile):
            problems.add("SBX-CFG-059", parts.place("meter", meter.id, key), key=key, profile=profile.id)


def _addresses(parts: Parts, problems: Problems) -> None:
    seen: dict[tuple[str, str, str], str] = {}
    for meter in parts.meters:
        slot = (meter.bus, PROTOCOLS[meter.protocol].family, meter.address)
        if slot in seen:
            place = parts.place("meter", meter.id, "address")
            problems.add("SBX-CFG-052", place, address=meter.address, bus=meter.bus, other=seen[slot])
        seen.setdefault(slot, meter.id)


_PAIRS = (("on_above_kw", "off_below_kw", "p"), ("on_above_a", "off_below_a", "i_a"))


def _points(parts: Parts, profiles: Profiles, problems: Problems) -> None:
    meters = {meter.id: meter for meter in parts.meters}
    for point in parts.points:
        measured = _pair_of(point, parts, problems)
        meter = meters.get(point.meter)
        profile = profiles.get(meter.profile) if meter else None
        if meter and profile and measured and measured not in items_of(profile):
            place = parts.place("point", point.id, "meter")
            problems.add("SBX-CFG-046", place, quantity=measured, meter=meter.id, profile=profile.id)


def _pair_of(point: Point, parts: Parts, problems: Problems) -> str | None:
    """The quantity that a point's one whole pair of thresholds is about."""
    written = [(on, off, quantity) for on, off, quantity in _PAIRS if _any(point, on, off)]
    if len(written) != 1 or not all(getattr(point, key) is not None for key in written[0][:2]):
        problems.add("SBX-CFG-056", parts.place("point", point.id, "on_above_kw"))
        return None
    on, off, quantity = written[0]
    high, low = getattr(point, on), getattr(point, off)
    if low > high:
        problems.add("SBX-CFG-060", parts.place("point", point.id, off), key=off, off=low, on_key=on, on=high)
    return quantity


def _any(point: Point, *keys: str) -> bool:
    return any(getattr(point, key) is not None for key in keys)


def _uplinks(parts: Parts, problems: Problems) -> None:
    for uplink in parts.uplinks:
        if uplink.receipts and uplink.blocks and not uplink.platform_key:
            problems.add("SBX-CFG-082", parts.place("uplink", uplink.id, "platform_key"))


def _issuers(parts: Parts, problems: Problems) -> None:
    """An issuer is called as its key is, and never as what is signed by the box itself."""
    for issuer in parts.issuers:
        named = issuer.key.partition("+")[0]
        if named != issuer.id:
            problems.add("SBX-CFG-083", parts.place("issuer", issuer.id, "id"), id=issuer.id, named=named)
        if issuer.id in (LOCAL, parts.site.id if parts.site else LOCAL):
            problems.add("SBX-CFG-084", parts.place("issuer", issuer.id, "id"), id=issuer.id)
