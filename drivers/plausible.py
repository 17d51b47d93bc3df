"""Doubts values that cannot be, and reads once more before it believes or drops them. Pure.

::

    driver's poll --samples--> all plausible -----------------------------> as they are
                        |  one at least is not
                        +--> the same poll again --> plausible now -------> the second read
                                             |  beyond a bound ----------> INVALID
                                             |  not, but both reads agree -> believed, the second
                                             +  neither ------------------> INVALID

DL/T 645 has a sum of 8 bits: of 256 frames damaged in a way that keeps their length about one passes.
Doubted is what a plant cannot do, not what is rare: current, power and power factor may jump as they like. A
doubt costs one more read and never takes a value away for good, because two reads that agree are believed;
only beyond a bound no number of reads makes it true.

======  ===============================================================================================
digits  a value that is no number: if a frame is damaged there, its other values are no better
bound   voltage above what terminals carry, frequency above 70 Hz, power factor beyond 1
range   another value outside what grid and meter allow
jump    voltage, frequency, temperature far from the last; energy that falls, or rises faster than the
        meter can measure; a ratio, counter, phase order or meter number that is not the last
sum     a total that is not its phases        } so it may seem while a load changes: the second read is
power   P of a phase that is not U x I x PF   } taken as it is, and one poll of ten may be read again for it
======  ===============================================================================================

A rule that a meter has broken in both reads of three polls does not fit that meter, or its profile does not,
and is not asked again until the next start; what is beyond a bound is then INVALID without a second read.
docs/architecture.md says what the rules cannot tell.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from config.profile import RATIOS
from config.quantities import QUANTITIES, STANDING
from drivers.exchange import Polled
from drivers.limits import ANY_KW, ENERGIES, SLACK_S, Limits
from drivers.samples import Quality, Sample

_ANY: Final = (-ANY_KW, ANY_KW)
_BOUND: Final = frozenset(name for name in QUANTITIES if name.partition("_")[0] in ("u", "f", "pf"))
_STEADY: Final = {  # most change: a share of the last value, or what is nothing anyway
    "u": (Decimal("0.2"), Decimal(20)),
    "f": (Decimal(0), Decimal(1)),
    "temp": (Decimal(0), Decimal(20)),
}
_CHANGES: Final = {name: _STEADY[stem] for name in QUANTITIES if (stem := name.partition("_")[0]) in _STEADY}
_FIXED: Final = STANDING.union(RATIOS)  # the same for months; a change is news, and is read twice
_KEPT: Final = _FIXED.union(ENERGIES, _CHANGES)
_SUM_SHARE: Final = Decimal("0.05")  # phases and total are not always of one instant
_POWER_SHARE: Final = Decimal("0.25")  # nor are U, I, PF and P
_GRAINS: Final = 20_000  # of the largest power: what rounding may make of a sum
_POWER_GRAINS: Final = 400  # and of a product, or the meter's own starting current
_ALIKE: Final = 2  # two reads of a changing value agree within this factor
_STRIKES: Final = 3
_CREDIT: Final = 10  # polls for each read that a sum or a power may cost
_MOST_CREDIT: Final = 3 * _CREDIT

Good = Mapping[str, Decimal]  # quantity -> value
_NO_DOUBTS: Final[Mapping[str, str]] = MappingProxyType({})


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

    def judge(self, first: Polled, now_ms: int) -> Polled | None:
        """What is believed of the read that began at ``now_ms``; None: it is worth another one."""
        good, doubted = self._look(first.samples, now_ms)
        if self.credit < _MOST_CREDIT:
            self.credit += 1
        if not doubted:
            self._remember(good, now_ms)
            return first
        if self._worth_a_read(doubted):
            return None
        samples = _within(first.samples, doubted)
        self._remember(_good(samples), now_ms)
        return Polled(samples, first.unsupported)

    def _look(self, samples: Sequence[Sample], now_ms: int) -> tuple[Good, Mapping[str, str]]:
        """The values, and of each that is doubted the rule it breaks; what it breaks alone comes first."""
        ranges, last = self.limits.ranges, self.last
        good: dict[str, Decimal] = {}
        broken: list[tuple[str, str]] = []
        for name, value, _ in samples:
            if value is None:
                continue
            good[name] = value
            bounds = ranges.get(name)
            if bounds is not None and not bounds[0] <= value <= bounds[1] and (name != "f" or value):
                beyond = name in _BOUND and abs(value) > bounds[1]
                broken.append((name, f"{'bound' if beyond else 'range'} {name}"))  # 0 Hz: without voltage
            elif name in last and last[name][0] != value and not self._follows(name, value, now_ms):
                broken.append((name, f"jump {name}"))
        if self.limits.sums:
            broken += _sums(good, self.limits)
        if self.limits.products:
            broken += _products(good, self.limits)
        if not broken and len(good) == len(samples):
            return good, _NO_DOUBTS  # as nearly always
        return good, self._doubts(samples, broken)

    def _doubts(self, samples: Sequence[Sample], broken: Sequence[tuple[str, str]]) -> dict[str, str]:
        digits = [(s.quantity, f"digits {s.quantity}") for s in samples if s.quality is Quality.INVALID]
        found: dict[str, str] = {}
        for name, rule in (*digits, *broken):
            if _bound(rule) or self._fits(rule):
                found.setdefault(name, rule)
        return found

    def _fits(self, rule: str) -> bool:
        """False for a rule that the meter has shown to be wrong."""
        return self.strikes.get(rule, 0) < _STRIKES

    def _worth_a_read(self, doubted: Mapping[str, str]) -> bool:
        rules = set(doubted.values())
        if any(self._fits(rule) and not _soft(rule) for rule in rules):
            return True
        if self.credit < _CREDIT or not any(map(_soft, rules)):
            return False
        self.credit -= _CREDIT
        return True

    def settle(self, first: Polled, second: Polled, now_ms: int) -> Polled:
        """What is believed of two reads, the first of which was doubted; in the order of the first."""
        before, then = self._look(first.samples, now_ms)
        after, now = self._look(second.samples, now_ms)
        settled = []
        for sample in first.samples:
            name = sample.quantity
            later = after.get(name)
            fine = later is not None and (name not in now or _soft(now[name]))
            beyond = _bound(then.get(name, "")) or _bound(now.get(name, ""))
            if fine or (name in then and not beyond and self._agree(name, before.get(name), later)):
                sample = Sample(name, later, Quality.GOOD)
            elif name in then:
                sample = Sample(name, None, Quality.INVALID)
            settled.append(sample)
        self._strike(then, now, {sample.quantity for sample in settled if sample.value is None})
        self._remember(_good(settled), now_ms)
        return Polled(tuple(settled), first.unsupported | second.unsupported, doubted=len(then))

    def _strike(self, then: Mapping[str, str], now: Mapping[str, str], dropped: set[str]) -> None:
        """Count the rules that both reads broke alike; a jump is news, not a misfit."""
        both = {(name, rule) for name, rule in then.items() if now.get(name) == rule}
        misfits = {rule for name, rule in both if name not in dropped or rule.startswith(("digits", "bound"))}
        for rule in set(then.values()):
            before = self.strikes.pop(rule, 0)
            if rule in misfits and not rule.startswith("jump"):
                self.strikes[rule] = before + 1

    def _agree(self, name: str, then: Decimal | None, now: Decimal | None) -> bool:
        """True if two reads, one behind the other, say the same."""
        if then is None or now is None:
            return False
        if name in ENERGIES:
            return 0 <= now - then <= self._most_rise(name, 0)
        if name in _FIXED:
            return then == now
        low, high = sorted((abs(then), abs(now)))
        return then * now >= 0 and high <= _ALIKE * low

    def _most_rise(self, name: str, elapsed_ms: int) -> Decimal:
        """kWh, kvarh."""
        return self.limits.powers_kw.get(name, ANY_KW) * (elapsed_ms // 1000 + SLACK_S) / 3600

    def _follows(self, name: str, value: Decimal, now_ms: int) -> bool:
        """Whether ``value`` may come after the last one, which was another."""
        before, when_ms = self.last[name]
        if name in _CHANGES:
            share, floor = _CHANGES[name]
            change = abs(value - before)
            return change <= floor or change <= share * abs(before)
        if name not in ENERGIES:
            return False
        rise, at_once = value - before, self.limits.rises.get(name)
        if at_once is not None and 0 <= rise <= at_once:
            return True  # as nearly always
        return 0 <= rise <= self._most_rise(name, now_ms - when_ms)

    def _remember(self, good: Good, now_ms: int) -> None:
        for name, value in good.items():
            if name in _KEPT:
                self.last[name] = (value, now_ms)


def _within(samples: Sequence[Sample], doubted: Mapping[str, str]) -> tuple[Sample, ...]:
    """What was read, without the values beyond a bound."""
    return tuple(
        Sample(one.quantity, None, Quality.INVALID) if _bound(doubted.get(one.quantity, "")) else one
        for one in samples
    )


def _bound(rule: str) -> bool:
    return rule.startswith("bound")


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
