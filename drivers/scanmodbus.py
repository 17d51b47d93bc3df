"""Finds Modbus devices unit by unit, and recognises models by values that only the right map makes plausible.

::

    unit 3   register 0: exception 2          somebody is there
             0x0061 u_a 0.0 V                 not this model
             0x2006 u_a 231.2 V, f 50.01 Hz   chint-dtsu666: recognised

A wrong scale, type or word order never passes 50..500 V and 45..65 Hz. Never says more than that a profile
fits: models that share a map are all named.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Final

from config.profile import ModbusItem, Profile
from config.site import Line
from drivers.exchange import Answer, Exchange
from drivers.modbus.ask import exchange
from drivers.modbus.pdu import Refusal
from drivers.modbus.plan import Range
from drivers.modbus.values import WORDS
from drivers.samples import Quality, Sample
from drivers.search import (
    LATE_MS,
    TIMEOUT_MODBUS_MS,
    Ask,
    Exchanges,
    Found,
    Plan,
    Search,
    failed,
    manner,
    silent_ms_of,
    spec,
)

_BOUNDS: Final = {"V": (Decimal(50), Decimal(500)), "Hz": (Decimal(45), Decimal(65))}
_VOLTAGES: Final = ("u_a", "u_ab")
_SHOWN: Final = ("u_a", "u_ab", "u_b", "p")
_GATEWAY: Final = (0x0A, 0x0B)  # MODBUS Application Protocol V1.1b3, 7: the gateway speaks, not the device
_REQUEST_BYTES: Final = 8
_REPLY_BYTES: Final = 7
_FIRST: Final = Range(3, 0, 1, ())  # nearly every device answers a read of register 0, if only to refuse it


def search(search: Search, protocol: str, line: Line | None) -> Exchanges:
    """All units of the plan on one line."""
    probes = list(_probes(search.plan))
    rest_ms = max(0, LATE_MS - round(len(search.plan.units) * TIMEOUT_MODBUS_MS))
    one_ms = silent_ms_of(protocol, line, _REQUEST_BYTES, _REPLY_BYTES)
    for number, probe in enumerate(probes):
        for at, unit in enumerate(search.plan.units):
            search.ahead_ms -= one_ms
            if search.knows(protocol, str(unit)):
                continue
            asked = _exchange(protocol, unit, line, probe)
            pause = rest_ms if number and not at else 0
            answer = yield from search.send(Ask(manner(protocol, line), asked, pause))
            doubted = answer.failure == "garbled" and search.where not in search.unclear
            if doubted:  # a glitch, or two devices at one address
                answer = yield from search.send(Ask(manner(protocol, line), asked, LATE_MS))
            if _alive(answer):
                yield from _recognise(search, protocol, str(unit), line)
            elif doubted and answer.failure == "garbled":
                search.unclear.append(search.where)


def silent_ms(plan: Plan, protocol: str, line: Line | None) -> float:
    """Time for a line without a device."""
    one = silent_ms_of(protocol, line, _REQUEST_BYTES, _REPLY_BYTES)
    return one * len(plan.units) * len(list(_probes(plan)))


def _probes(plan: Plan) -> Iterator[Range]:
    """Register 0; in a deep search also the voltage of each model that could be silent on it."""
    yield _FIRST
    seen = set()
    for profile in plan.profiles.values() if plan.deep else ():
        for item in _marks(profile)[:1]:
            place = (item.fc, item.address, WORDS[item.type])
            if place not in seen:
                seen.add(place)
                yield Range(*place, (item,))


def _exchange(protocol: str, unit: int, line: Line | None, probe: Range) -> Exchange:
    none = Profile(id="", title="", family="modbus", sources=())
    return exchange(spec(protocol, str(unit), line, none).meter, probe)


def _alive(answer: Answer) -> bool:
    reply = answer.reply
    return reply is not None and not (isinstance(reply, Refusal) and reply.code in _GATEWAY)


def _marks(profile: Profile) -> tuple[ModbusItem, ...]:
    """The items that are judged: a voltage first, then the frequency. Nothing without a voltage."""
    voltages = [item for item in profile.modbus if item.quantity in _VOLTAGES]
    others = [item for item in profile.modbus if item.quantity == "f"]
    return tuple(replace(item, poll="fast") for item in (*voltages[:1], *others[:1])) if voltages else ()


def _recognise(search: Search, protocol: str, unit: str, line: Line | None) -> Exchanges:
    """Try each model's marks; equal marks are read once."""
    seen: dict[tuple[ModbusItem, ...], tuple[Sample, ...]] = {}
    fits: list[Profile] = []
    rest_ms = 0
    for profile in search.plan.profiles.values():
        marks = _marks(profile)
        if profile.family != "modbus" or not marks:
            continue
        key = marks if profile.ratio_source == "site" else (*marks, *_ratios(profile))
        if key not in seen:
            cut = replace(profile, modbus=key)
            seen[key] = yield from search.poll(spec(protocol, unit, line, cut), rest_ms)
            rest_ms = LATE_MS if failed(seen[key]) else 0
        if _plausible(seen[key]):
            fits.append(profile)
    fits.sort(key=lambda one: (-len(_marks(one)), one.ratio_source != "site", -one.phases))
    if not fits:
        search.found.append(Found(protocol, unit, line, None))
        return
    shown = tuple(replace(item, poll="fast") for item in fits[0].modbus if item.quantity in _SHOWN)
    cut = replace(fits[0], modbus=(*shown, *_ratios(fits[0])))
    values = yield from search.poll(spec(protocol, unit, line, cut), rest_ms)
    if not any(sample.quantity == "u_b" and sample.value for sample in values):
        fits.sort(key=lambda one: (-len(_marks(one)), one.phases))
    best, *others = fits
    search.found.append(Found(protocol, unit, line, best.id, tuple(one.id for one in others), values))


def _ratios(profile: Profile) -> tuple[ModbusItem, ...]:
    if profile.ratio_source == "site":
        return ()
    return tuple(replace(item, poll="slow") for item in profile.modbus if item.quantity in ("ct", "pt"))


def _plausible(samples: Sequence[Sample]) -> bool:
    """True if every mark has a value, and each lies within its bounds."""
    return bool(samples) and all(_within(sample) for sample in samples)


def _within(sample: Sample) -> bool:
    low, high = _BOUNDS["Hz" if sample.quantity == "f" else "V"]
    return sample.quality is Quality.GOOD and sample.value is not None and low <= sample.value <= high
