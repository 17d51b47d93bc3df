"""Plays the vectors of a profile through its driver: same requests, same samples, plausible values.

::

    vector --request--> equal to the driver's? --reply--> taken? --samples--> equal? plausible?

Has no port and no clock, and shares nothing with the code that made the vectors. A finding is a message code
with its arguments; no finding means that everything held. Never judges a meter: only a profile.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType

from config.profile import Profile
from config.quantities import QUANTITIES
from config.site import Meter
from config.vectors import Vector, VectorCase
from drivers.exchange import Answer, Driver, MeterSpec
from drivers.modbus.pdu import PduError
from drivers.samples import Sample

_MAX_ASKED = 256  # requests of one poll: a driver that never ends is a finding, not a hang
# Facts on register maps: the probe that a slip by ten, by a thousand or of word order never passes
_VOLTS = (Decimal(50), Decimal(500))
_HERTZ = (Decimal(45), Decimal(65))
_SUM_SLACK = Decimal("0.02")  # of the largest part
_POWER_SLACK = Decimal("0.25")  # U x I x PF against P: the three are not read at one instant


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that does not hold."""

    code: str
    case: str
    args: Mapping[str, str] = field(default_factory=dict)


def rehearse(profile: Profile, vector: Vector, driver: Driver) -> tuple[Finding, ...]:
    """All findings of all cases, in the order of the file."""
    return (
        *_uncovered(profile, vector),
        *(f for case in vector.cases for f in _case(profile, vector, case, driver)),
    )


def _uncovered(profile: Profile, vector: Vector) -> Iterator[Finding]:
    if vector.profile != profile.id:
        yield Finding("SBX-PRF-016", "-", {"profile": vector.profile, "id": profile.id})
    shown = {
        name for case in vector.cases for name in case.samples if _decimal(case.samples[name]) is not None
    }
    for item in (*profile.dlt, *profile.modbus):
        if item.quantity not in shown:
            yield Finding("SBX-PRF-014", "-", {"quantity": item.quantity})


def _case(profile: Profile, vector: Vector, case: VectorCase, driver: Driver) -> Iterator[Finding]:
    meter = Meter(
        id="vector",
        bus="vector",
        protocol=vector.protocol,
        address=vector.address,
        profile=profile.id,
        ct=vector.ct,
        pt=vector.pt,
    )
    name = f"{case.name}, {case.poll}"
    findings: list[Finding] = []
    samples = _play(MeterSpec(meter, profile), case, driver, findings)
    yield from findings
    got = {sample.quantity: _shown(sample) for sample in samples}
    for quantity in dict.fromkeys((*case.samples, *got)):
        found, expected = got.get(quantity, "-"), case.samples.get(quantity, "-")
        if found != expected:
            yield Finding("SBX-PRF-012", name, {"quantity": quantity, "found": found, "expected": expected})
    values = {sample.quantity: sample.value for sample in samples if sample.value is not None}
    yield from (Finding(f.code, name, f.args) for f in implausible(values, _pt(vector, case)))


def _pt(vector: Vector, case: VectorCase) -> Decimal:
    """The voltage ratio in force: as the meter says in another poll of the same case, or the site's."""
    said = (_decimal(other.samples.get("pt", "-")) for other in vector.cases if other.name == case.name)
    return next((value for value in said if value), vector.pt)


def _play(spec: MeterSpec, case: VectorCase, driver: Driver, findings: list[Finding]) -> tuple[Sample, ...]:
    """Run one poll against the case; the samples, none if the driver would not begin."""
    name = f"{case.name}, {case.poll}"
    left = list(case.exchanges)
    answer: Answer | None = None
    try:
        going = driver.poll(spec, case.poll, frozenset())
        for asked in range(1, _MAX_ASKED):
            exchange = next(going) if answer is None else going.send(answer)
            request, reply = left.pop(0) if left else (b"", b"")
            if exchange.request != request:
                args = {
                    "number": str(asked),
                    "found": exchange.request.hex(),
                    "expected": request.hex() or "-",
                }
                findings.append(Finding("SBX-PRF-010", name, args))
            found = exchange.scan(reply).reply if reply else None
            if reply and found is None:
                findings.append(Finding("SBX-PRF-011", name, {"number": str(asked), "reply": reply.hex()}))
            answer = Answer(failure="no_reply") if found is None else Answer(reply=found)
    except StopIteration as stop:
        if left:
            findings.append(Finding("SBX-PRF-013", name, {"count": str(len(left))}))
        return tuple(stop.value.samples)
    except PduError as error:
        findings.append(Finding("SBX-PRF-015", name, {"reason": str(error)}))
        return ()
    findings.append(Finding("SBX-PRF-015", name, {"reason": f"more than {_MAX_ASKED} requests"}))
    return ()


def implausible(values: Mapping[str, Decimal], pt: Decimal) -> tuple[Finding, ...]:
    """What cannot be true of a low-voltage plant: voltage and frequency out of range, phase powers that are
    not the total, a power that is not U x I x PF. ``pt`` brings voltages back to the meter's terminals."""
    return tuple(Finding(code, "-", MappingProxyType(args)) for code, args in _implausible(values, pt))


def _implausible(values: Mapping[str, Decimal], pt: Decimal) -> Iterator[tuple[str, dict[str, str]]]:
    for name, value in values.items():
        low, high = _VOLTS if name.startswith("u_") else _HERTZ
        shown = value / pt if name.startswith("u_") else value
        if (name == "f" or name.startswith("u_")) and not low <= shown <= high:
            yield "SBX-PRF-020", {"quantity": name, "value": f"{shown:f}", "unit": QUANTITIES[name].unit}
    for total in ("p", "q"):
        parts = [values[f"{total}_{phase}"] for phase in "abc" if f"{total}_{phase}" in values]
        if len(parts) == 3 and total in values and _apart(values[total], sum(parts, Decimal(0)), parts):
            yield "SBX-PRF-021", {"quantity": total, "value": f"{values[total]:f}", "sum": f"{sum(parts):f}"}
    for end in ("_a", "_b", "_c"):
        power = values.get(f"p{end}", values.get("p") if end == "_a" and "i_b" not in values else None)
        known = [values.get(f"u{end}"), values.get(f"i{end}"), values.get(f"pf{end}", values.get("pf"))]
        if power is None or None in known[:2]:
            continue
        yield from _power(end, power, [one for one in known if one is not None])


def _apart(total: Decimal, added: Decimal, parts: list[Decimal]) -> bool:
    return abs(total - added) > _SUM_SLACK * max(abs(part) for part in parts)


def _power(end: str, power: Decimal, known: list[Decimal]) -> Iterator[tuple[str, dict[str, str]]]:
    """P against U x I x PF; without a power factor P may not pass U x I, nor be less than a tenth of it."""
    apparent = abs(known[0] * known[1]) / 1000
    wanted = apparent * abs(known[2]) if len(known) == 3 else apparent
    least = wanted * (1 - _POWER_SLACK) if len(known) == 3 else wanted / 9
    if not least <= abs(power) <= wanted * (1 + _POWER_SLACK):
        yield "SBX-PRF-022", {"quantity": f"p{end}", "value": f"{power:f}", "wanted": f"{wanted:.3f}"}


def _shown(sample: Sample) -> str:
    return str(sample.quality) if sample.value is None else f"{sample.value:f}"


def _decimal(text: str) -> Decimal | None:
    return Decimal(text) if text[-1:].isdigit() else None
