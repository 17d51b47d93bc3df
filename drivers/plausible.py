"""Doubts values that cannot be, and reads once more before it believes or drops them. Pure.

::

    driver's poll --samples--> all plausible -----------------------------> as they are
                        |  one at least is not
                        +--> the same poll again --> plausible now -------> the second read
                                             |  not, but both reads agree -> believed, the second
                                             +  neither ------------------> INVALID

DL/T 645 has a sum of 8 bits: of 256 frames damaged in a way that keeps their length about one passes.
Doubted is what a plant cannot do, not what is rare: current, power and power factor may jump as they like. A
doubt costs one more read and never takes a value away for good, because two reads that agree are believed.

======  ===============================================================================================
digits  a value that is no number: if a frame is damaged there, its other values are no better
range   a value outside what grid and meter allow
jump    voltage, frequency, temperature far from the last; energy that falls, or rises faster than the
        meter can measure; a ratio, counter, phase order or meter number that is not the last
sum     a total that is not its phases        } so it may seem while a load changes: the second read is
power   P of a phase that is not U x I x PF   } taken as it is, and one poll of ten may be read again for it
======  ===============================================================================================

A rule that a meter has broken in both reads of three polls does not fit that meter, or its profile does not,
and is not asked again until the next start. The bounds are ours and generous, not of a standard;
docs/architecture.md says what they cannot tell.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from config.profile import RATIOS, Item
from config.quantities import QUANTITIES, STANDING
from drivers.exchange import MeterSpec, Poll, Polled
from drivers.samples import Quality, Sample

Ask = Callable[[frozenset[str]], Poll]  # begins the poll, given the blocks not to try

_TERMINAL_V: Final = Decimal(1000)  # no meter's terminals carry more: the end of low voltage (IEC 60038)
_ELEMENT_V: Final = Decimal(500)  # one element of a power measurement; 230 V and 400 V are usual
_DIRECT_A: Final = Decimal(200)  # twice what direct-connected meters carry (100 A)
_TRANSFORMER_A: Final = Decimal(20)  # twice what meters behind transformers carry (10 A)
_ANY_KW: Final = Decimal(100_000)  # a feeder, where nobody told us the ratio
_ANY: Final = (-_ANY_KW, _ANY_KW)
_GRID_HZ: Final = (Decimal(40), Decimal(70))
_WARMTH_C: Final = (Decimal(-60), Decimal(150))
_ENERGIES: Final = frozenset({"ep_imp", "ep_exp", "eq_imp", "eq_exp"})
_POWERS: Final = ("p", "q", "s", "demand")
_PHASES: Final = ("a", "b", "c")
_SUMS: Final = tuple(
    (stem, *(f"{stem}_{phase}" for phase in _PHASES)) for stem in ("p", "q")
)  # s does not add up
_PRODUCTS: Final = tuple(tuple(f"{stem}_{phase}" for stem in ("p", "u", "i", "pf")) for phase in _PHASES)
_STEADY: Final = {  # most change: a share of the last value, or what is nothing anyway
    "u": (Decimal("0.2"), Decimal(20)),
    "f": (Decimal(0), Decimal(1)),
    "temp": (Decimal(0), Decimal(20)),
}
_CHANGES: Final = {name: _STEADY[stem] for name in QUANTITIES if (stem := name.partition("_")[0]) in _STEADY}
_FIXED: Final = STANDING.union(RATIOS)  # the same for months; a change is news, and is read twice
_KEPT: Final = _FIXED.union(_ENERGIES, _CHANGES)
_SUM_SHARE: Final = Decimal("0.05")  # phases and total are not always of one instant
_POWER_SHARE: Final = Decimal("0.25")  # nor are U, I, PF and P
_GRAINS: Final = 20_000  # of the largest power: what rounding may make of a sum
_POWER_GRAINS: Final = 400  # and of a product, or the meter's own starting current
_SLACK_S: Final = 60  # an energy register and a poll are not of one instant either
_ALIKE: Final = 2  # two reads of a changing value agree within this factor
_STRIKES: Final = 3
_CREDIT: Final = 10  # polls for each read that a sum or a power may cost
_MOST_CREDIT: Final = 3 * _CREDIT


@dataclass(frozen=True, slots=True)
class Limits:
    """What a meter's values cannot leave; ``powers_kw``: the most it measures, on the primary side; the sums
    and products of which its profile has all that is needed."""

    ranges: Mapping[str, tuple[Decimal, Decimal]]
    powers_kw: Mapping[str, Decimal]  # of energies: quantity -> most kW, or kvar
    sums: tuple[tuple[str, ...], ...]
    products: tuple[tuple[str, ...], ...]


def limits(spec: MeterSpec) -> Limits:
    """The bounds of one meter: by its ratios where its profile uses them, else only what holds everywhere."""
    items = (*spec.profile.dlt, *spec.profile.modbus)
    ranges = {item.quantity: found for item in items if (found := _range(item, spec)) is not None}
    energies = {
        item.quantity: _most_kw(item, spec) or _ANY_KW for item in items if item.quantity in _ENERGIES
    }
    names = {item.quantity for item in items}
    sums = tuple(one for one in _SUMS if names.issuperset(one))
    products = tuple(one for one in _PRODUCTS if names.issuperset(one[:3]))
    return Limits(ranges, energies, sums, products)


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


Good = Mapping[str, Decimal]  # quantity -> value


def _good(samples: Sequence[Sample]) -> dict[str, Decimal]:
    good: dict[str, Decimal] = {}
    for quantity, value, _ in samples:
        if value is not None:
            good[quantity] = value
    return good


@dataclass(slots=True)
class Watch:
    """The last good values of one meter, and the rules it has shown to be wrong. Belongs to its lane."""

    limits: Limits
    last: dict[str, tuple[Decimal, int]] = field(default_factory=dict)  # value and when, mono ms
    strikes: dict[str, int] = field(default_factory=dict)  # rule -> polls in a row that broke it twice
    credit: int = _MOST_CREDIT

    def poll(self, ask: Ask, learnt: frozenset[str], now_ms: int) -> Poll:
        """The poll that ``ask`` begins, and the same once more if something in it cannot be."""
        first: Polled = yield from ask(learnt)
        good = _good(first.samples)
        doubted = self.doubts(first.samples, good, now_ms)
        self.credit = min(_MOST_CREDIT, self.credit + 1)
        if not doubted or not self._worth_a_read(doubted):
            self._remember(good, now_ms)
            return first
        second: Polled = yield from ask(learnt | first.unsupported)
        samples = self.settle(first.samples, second.samples, now_ms)
        self._remember(_good(samples), now_ms)
        return Polled(samples, first.unsupported | second.unsupported, doubted=len(doubted))

    def doubts(self, samples: Sequence[Sample], good: Good, now_ms: int) -> dict[str, str]:
        """Quantity -> the rule it breaks; what it breaks alone comes first. ``good``: of ``samples``."""
        broken = [*self._alone(good, now_ms)]
        if self.limits.sums:
            broken += _sums(good, self.limits)
        if self.limits.products:
            broken += _products(good, self.limits)
        if not broken and len(good) == len(samples):
            return {}
        digits = [(s.quantity, f"digits {s.quantity}") for s in samples if s.quality is Quality.INVALID]
        found: dict[str, str] = {}
        for name, rule in (*digits, *broken):
            if self.strikes.get(rule, 0) < _STRIKES:
                found.setdefault(name, rule)
        return found

    def _worth_a_read(self, doubted: Mapping[str, str]) -> bool:
        if not all(map(_soft, doubted.values())):
            return True
        if self.credit < _CREDIT:
            return False
        self.credit -= _CREDIT
        return True

    def settle(self, first: Sequence[Sample], second: Sequence[Sample], now_ms: int) -> tuple[Sample, ...]:
        """Of two reads what is believed, in the order of the first."""
        before, after = _good(first), _good(second)
        then, now = self.doubts(first, before, now_ms), self.doubts(second, after, now_ms)
        settled = []
        for sample in first:
            name = sample.quantity
            later = after.get(name)
            fine = later is not None and (name not in now or _soft(now[name]))
            if fine or (name in then and self._agree(name, before.get(name), later)):
                sample = Sample(name, later, Quality.GOOD)
            elif name in then:
                sample = Sample(name, None, Quality.INVALID)
            settled.append(sample)
        self._strike(then, now, {sample.quantity for sample in settled if sample.value is None})
        return tuple(settled)

    def _strike(self, then: Mapping[str, str], now: Mapping[str, str], dropped: set[str]) -> None:
        """Count the rules that both reads broke alike; a jump is news, not a misfit."""
        both = {(name, rule) for name, rule in then.items() if now.get(name) == rule}
        misfits = {rule for name, rule in both if name not in dropped or rule.startswith("digits")}
        for rule in set(then.values()):
            before = self.strikes.pop(rule, 0)
            if rule in misfits and not rule.startswith("jump"):
                self.strikes[rule] = before + 1

    def _agree(self, name: str, then: Decimal | None, now: Decimal | None) -> bool:
        """True if two reads, one behind the other, say the same."""
        if then is None or now is None:
            return False
        if name in _ENERGIES:
            return 0 <= now - then <= self._most_rise(name, 0)
        if name in _FIXED:
            return then == now
        low, high = sorted((abs(then), abs(now)))
        return then * now >= 0 and high <= _ALIKE * low

    def _most_rise(self, name: str, elapsed_ms: int) -> Decimal:
        """kWh, kvarh."""
        return self.limits.powers_kw.get(name, _ANY_KW) * (elapsed_ms // 1000 + _SLACK_S) / 3600

    def _alone(self, good: Good, now_ms: int) -> Iterator[tuple[str, str]]:
        """What a value breaks by itself, or beside its last one."""
        ranges, last = self.limits.ranges, self.last
        for name, value in good.items():
            bounds = ranges.get(name)
            if bounds is not None and not bounds[0] <= value <= bounds[1] and (name != "f" or value):
                yield name, f"range {name}"  # without voltage a meter may show 0 Hz
            elif name in last and not self._follows(name, value, now_ms):
                yield name, f"jump {name}"

    def _follows(self, name: str, value: Decimal, now_ms: int) -> bool:
        """Whether ``value`` may come after the last one."""
        before, when_ms = self.last[name]
        if name in _CHANGES:
            share, floor = _CHANGES[name]
            change = abs(value - before)
            return change <= floor or change <= share * abs(before)
        if name in _ENERGIES:
            return 0 <= value - before <= self._most_rise(name, now_ms - when_ms)
        return value == before

    def _remember(self, good: Good, now_ms: int) -> None:
        for name, value in good.items():
            if name in _KEPT:
                self.last[name] = (value, now_ms)


def _soft(rule: str) -> bool:
    return rule.startswith(("sum", "power"))


def _sums(good: Good, limits: Limits) -> Iterator[tuple[str, str]]:
    """Totals that are not the sum of their phases, and these phases."""
    for names in limits.sums:
        if all(name in good for name in names):
            total, *parts = (good[name] for name in names)
            most = limits.ranges.get(names[0], _ANY)[1]
            if abs(total - sum(parts)) > max(_SUM_SHARE * sum(map(abs, parts)), most / _GRAINS):
                yield from ((name, f"sum {names[0]}") for name in names)


def _products(good: Good, limits: Limits) -> Iterator[tuple[str, str]]:
    """Phases whose power is not voltage times current times power factor; without that, not above it."""
    for names in limits.products:
        p, u, i, pf = map(good.get, names)
        if p is None or u is None or i is None:
            continue
        product = u * abs(i) * (1 if pf is None else abs(pf)) / 1000
        most = limits.ranges.get(names[0], _ANY)[1]
        slack = max(_POWER_SHARE * max(abs(p), product), most / _POWER_GRAINS)
        if abs(p) > product + slack or (pf is not None and abs(p) < product - slack):
            yield from ((name, f"power {names[0]}") for name in names)
