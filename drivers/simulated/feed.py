"""What one meter's terminals see: voltages, currents and powers of its loads through its wiring.

Pure. A phase is a complex power S = P + jQ; wiring mistakes are complex factors on it, as on paper: a
reversed CT is -1, a current taken from the neighbour phase turns S by 120 degrees. Energy registers follow
from the same factors, so that forward minus reverse is always the integral of the power shown.

>>> Wiring(reversed=frozenset("c")).factor(2)
(2, (-1+0j))
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from drivers.simulated.load import Load

PHASES = "abc"
_MAX_SEGMENTS = 256  # switches remembered for past register values


@dataclass(frozen=True, slots=True)
class Wiring:
    """How the meter is wired; the default is right. ``swapped``: B and C exchanged, voltages and currents.
    ``rotated``: each channel takes the current of the next phase. ``reversed``, ``lost``: phase letters."""

    swapped: bool = False
    rotated: bool = False
    reversed: frozenset[str] = frozenset()
    lost: frozenset[str] = frozenset()

    def factor(self, channel: int) -> tuple[int, complex]:
        """Phase whose current a channel takes, and what its wiring makes of that phase's complex power."""
        u_phase = (0, 2, 1)[channel] if self.swapped else channel
        i_phase = (u_phase + 1) % 3 if self.rotated else u_phase
        if PHASES[u_phase] in self.lost or PHASES[i_phase] in self.lost:
            return i_phase, 0j
        turn = cmath.rect(1.0, math.radians(120.0 * (i_phase - u_phase))) if self.rotated else 1 + 0j
        return i_phase, -turn if PHASES[channel] in self.reversed else turn

    def voltage(self, channel: int) -> int | None:
        """Phase on a channel's voltage terminal; None when that phase is lost."""
        phase = (0, 2, 1)[channel] if self.swapped else channel
        return None if PHASES[phase] in self.lost else phase


@dataclass(frozen=True, slots=True)
class Registers:
    """Energy registers, primary kWh and kvarh."""

    ep_imp: float
    ep_exp: float
    eq_imp: float
    eq_exp: float

    def plus(self, gain: Registers, energy_kwh: float) -> Registers:
        """These registers after a load used ``energy_kwh``; ``gain`` is per kWh of that load."""
        return Registers(
            self.ep_imp + gain.ep_imp * energy_kwh,
            self.ep_exp + gain.ep_exp * energy_kwh,
            self.eq_imp + gain.eq_imp * energy_kwh,
            self.eq_exp + gain.eq_exp * energy_kwh,
        )


@dataclass(frozen=True, slots=True)
class _Segment:
    """Registers at ``since_ms`` and what each load adds from then on."""

    since_ms: float
    base: Registers
    gains: tuple[Registers, ...]


@dataclass(frozen=True, slots=True)
class Feed:
    """One meter's feeder at one setting of the switches; ``changed`` gives the next."""

    loads: tuple[Load, ...]
    phases: int  # 1 or 3
    nominal_v: float  # phase voltage, primary
    seed: float  # 0..1, makes this meter's voltage wander differ from others'
    factors: tuple[float, ...]
    wiring: Wiring
    segments: tuple[_Segment, ...]

    def changed(self, t_ms: float, factors: Sequence[float], wiring: Wiring) -> Feed:
        """The feed from ``t_ms`` on; registers run on without a step."""
        after = replace(self, factors=tuple(factors), wiring=wiring)
        segment = _Segment(t_ms, self.registers(t_ms), after._gains())
        return replace(after, segments=(*self.segments, segment)[-_MAX_SEGMENTS:])

    def registers(self, t_ms: float) -> Registers:
        """Energy registers at any time, past ones as they then were; never below 0."""
        part = self.segments[0]
        for segment in self.segments:
            if segment.since_ms <= t_ms:
                part = segment
        sums = part.base
        for load, gain in zip(self.loads, part.gains, strict=True):
            sums = sums.plus(gain, load.energy(t_ms) - load.energy(part.since_ms))
        return Registers(*(max(0.0, value) for value in (sums.ep_imp, sums.ep_exp, sums.eq_imp, sums.eq_exp)))

    def values(self, t_ms: float) -> Mapping[str, float]:
        """All quantities by the names of the vocabulary, primary side; a current has its power's sign."""
        volts = [self._voltage(channel, t_ms) for channel in range(3)]
        powers = self._powers(t_ms)
        sums = self.registers(t_ms)
        shown = {
            "f": 50.0 + 0.02 * math.sin(t_ms / 7919 + 6 * self.seed),
            "temp": 31.0 + 6.0 * math.sin(2 * math.pi * (t_ms / 86_400_000 + self.seed)),
            "ep_imp": sums.ep_imp,
            "ep_exp": sums.ep_exp,
            "eq_imp": sums.eq_imp,
            "eq_exp": sums.eq_exp,
        }
        currents = [(s / u * 1000).conjugate() if u else 0j for s, u in zip(powers, volts, strict=True)]
        shown["i_n"] = abs(sum(currents))
        for phase, u, i, s in zip(PHASES, volts, currents, powers, strict=True):
            shown[f"u_{phase}"] = abs(u)
            shown[f"i_{phase}"] = math.copysign(abs(i), s.real)
            shown.update(_power(f"_{phase}", s))
        for first, second in ((0, 1), (1, 2), (2, 0)):
            shown[f"u_{PHASES[first]}{PHASES[second]}"] = abs(volts[first] - volts[second])
        shown.update(_power("", sum(powers), sum(abs(s) for s in powers)))
        shown["demand_p"] = shown["p"]
        return MappingProxyType(shown)

    def _voltage(self, channel: int, t_ms: float) -> complex:
        phase = self.wiring.voltage(channel)
        if phase is None or channel >= self.phases:
            return 0j
        wander = 0.008 * math.sin(t_ms / 11_000 + 2.1 * phase + 6 * self.seed)
        return cmath.rect(self.nominal_v * (1 + wander), math.radians(-120.0 * phase))

    def _powers(self, t_ms: float) -> list[complex]:
        """Complex power in kVA on each channel."""
        powers = [0j, 0j, 0j]
        for load, factor in zip(self.loads, self.factors, strict=True):
            power = load.power(t_ms) * factor
            for channel in range(3):
                powers[channel] += power * self._share(load, channel)
        return powers

    def _share(self, load: Load, channel: int) -> complex:
        """Complex power on a channel per kW of the load."""
        reactive = math.tan(math.acos(load.spec.pf))
        if self.phases == 1:
            return self.wiring.factor(0)[1] * complex(1, reactive) if channel == 0 else 0j
        phase, factor = self.wiring.factor(channel)
        return factor * load.shares[phase] * complex(1, reactive)

    def _gains(self) -> tuple[Registers, ...]:
        gains = []
        for load, factor in zip(self.loads, self.factors, strict=True):
            total = factor * sum(self._share(load, channel) for channel in range(3))
            active, reactive = total.real, total.imag
            gains.append(Registers(max(0, active), max(0, -active), max(0, reactive), max(0, -reactive)))
        return tuple(gains)


def start(loads: Sequence[Load], *, phases: int, nominal_v: float, seed: float, base: Registers) -> Feed:
    """A feed wired right, all loads on, with ``base`` in its registers at the anchor."""
    feed = Feed(tuple(loads), phases, nominal_v, seed, (1.0,) * len(loads), Wiring(), ())
    return replace(feed, segments=(_Segment(0.0, base, feed._gains()),))


def _power(suffix: str, s: complex, apparent: float | None = None) -> dict[str, float]:
    size = abs(s) if apparent is None else apparent
    return {
        f"p{suffix}": s.real,
        f"q{suffix}": s.imag,
        f"s{suffix}": size,
        f"pf{suffix}": s.real / size if size > 1e-9 else 1.0,
    }
