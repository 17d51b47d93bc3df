r"""Loads of the simulated plant: power over time, and its exact integral.

Pure: no clock, no state; a load is a closed circle of power values (one pattern day), straight lines between
them, so the energy is their sum and ``energy`` is the integral of ``power`` to the last digit, at any time,
forwards and backwards. Equal (spec, seed, time) give equal values.

::

    kw |      ____/\__            ____/\__        pattern "furnace", hours 06:00-22:00
       |_____/        \__________/        \___    "follow" is on from lead_s before to lag_s after it
       0 h          24 h = period_s         ...   a compressed day keeps its shape: period_s = 60
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal

Pattern = Literal["constant", "shifts", "furnace", "follow"]
LoadRole = Literal["production", "treatment", "other"]

_DAY_MIN = 1440
_MS_PER_H = 3_600_000
_MAX_NODES = 8640  # 10 s apart for a real day
_ON_LEVEL = 0.05  # a load above this share of its rated power counts as running
_CYCLES = 8  # heats of a furnace in one pattern day


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadSpec:
    """``[[load]]`` of the plant file; powers in kW on the primary side, times in real seconds."""

    id: str
    kw: float
    pattern: Pattern = "constant"
    role: LoadRole = "other"
    hours: tuple[tuple[int, int], ...] = ((0, _DAY_MIN),)  # minutes of the pattern day
    idle_kw: float = 0.0
    ramp_s: float = 0.0
    noise: float = 0.02
    pf: float = 0.9
    of: str | None = None  # pattern "follow": the load followed
    lead_s: float = 0.0
    lag_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Load:
    """A load made ready: ``nodes`` in kW, ``sums`` in kWh since the start of the circle."""

    spec: LoadSpec
    period_ms: float
    nodes: tuple[float, ...]
    sums: tuple[float, ...]  # one more entry than nodes: the last is the whole circle
    shares: tuple[float, float, float]  # of phases A, B, C

    def power(self, t_ms: float) -> float:
        """Active power in kW, ``t_ms`` after the pattern's anchor."""
        index, rest = self._place(t_ms)
        here, after = self.nodes[index], self.nodes[(index + 1) % len(self.nodes)]
        return here + (after - here) * rest

    def energy(self, t_ms: float) -> float:
        """Integral of ``power`` from the anchor to ``t_ms``, in kWh; negative before the anchor."""
        index, rest = self._place(t_ms)
        here = self.nodes[index]
        mean = here + (self.power(t_ms) - here) / 2
        step_h = self.period_ms / len(self.nodes) / _MS_PER_H
        return (t_ms // self.period_ms) * self.sums[-1] + self.sums[index] + mean * rest * step_h

    def _place(self, t_ms: float) -> tuple[int, float]:
        position = (t_ms % self.period_ms) * len(self.nodes) / self.period_ms
        index = min(int(position), len(self.nodes) - 1)
        return index, position - index


def build(specs: Sequence[LoadSpec], *, period_s: float, seed: int) -> Mapping[str, Load]:
    """Make all loads ready; a followed load may stand anywhere in ``specs``. KeyError names a missing one."""
    by_id = {spec.id: spec for spec in specs}
    count = max(20, min(_MAX_NODES, int(period_s)))
    built: dict[str, Load] = {}
    for spec in specs:
        levels = _levels(spec, by_id, count, period_s)
        built[spec.id] = _load(spec, levels, period_s, seed)
    return built


def _levels(spec: LoadSpec, by_id: Mapping[str, LoadSpec], count: int, period_s: float) -> list[float]:
    """Share of the rated power at each node, after the ramp."""
    if spec.pattern == "follow":
        if spec.of is None or by_id[spec.of].pattern == "follow":
            raise KeyError(spec.of)  # one step only: no circles to look for
        wanted = _follow(spec, _levels(by_id[spec.of], by_id, count, period_s), period_s)
    else:
        wanted = [_wanted(spec, node / count) for node in range(count)]
    return _ramped(wanted, spec.ramp_s * count / period_s)


def _wanted(spec: LoadSpec, place: float) -> float:
    """Level asked for at ``place`` (0..1) of the pattern day."""
    if spec.pattern == "constant":
        return 1.0
    minute = place * _DAY_MIN
    if not any(_within(minute, start, end) for start, end in spec.hours):
        return 0.0
    return _heat(place * _CYCLES % 1.0) if spec.pattern == "furnace" else 1.0


def _within(minute: float, start: int, end: int) -> bool:
    """Hours may pass midnight: 22:00-06:00."""
    return start <= minute < end if start < end else minute >= start or minute < end


def _heat(place: float) -> float:
    """One heat of a furnace: climb, hold, tap."""
    if place < 0.6:
        return 0.3 + 0.7 * place / 0.6
    return 1.0 if place < 0.9 else 0.3


def _follow(spec: LoadSpec, followed: Sequence[float], period_s: float) -> list[float]:
    count = len(followed)
    lead = round(spec.lead_s * count / period_s)
    lag = round(spec.lag_s * count / period_s)
    running = [level > _ON_LEVEL for level in followed]
    return [
        1.0 if any(running[(node + shift) % count] for shift in range(-lag, lead + 1)) else 0.0
        for node in range(count)
    ]


def _ramped(wanted: Sequence[float], ramp_nodes: float) -> list[float]:
    """Limit the slope to one rated power in ``ramp_nodes``; twice round, so that the circle closes."""
    if ramp_nodes <= 1:
        return list(wanted)
    most = 1.0 / ramp_nodes
    level = wanted[-1]
    for _ in range(2):
        levels = []
        for target in wanted:
            level += max(-most, min(most, target - level))
            levels.append(level)
    return levels


def _load(spec: LoadSpec, levels: Sequence[float], period_s: float, seed: int) -> Load:
    rng = random.Random(f"{seed}:{spec.id}")
    nodes = tuple(
        spec.idle_kw
        + max(0.0, (spec.kw - spec.idle_kw) * level * (1.0 + spec.noise * rng.uniform(-1.0, 1.0)))
        for level in levels
    )
    step_h = period_s / 3600 / len(nodes)
    trapezes = ((here + after) / 2 * step_h for here, after in zip(nodes, nodes[1:] + nodes[:1], strict=True))
    rough = [1.0 + rng.uniform(-0.04, 0.04) for _ in range(3)]
    a, b, _ = (part / sum(rough) for part in rough)
    return Load(spec, period_s * 1000, nodes, (0.0, *accumulate(trapezes)), (a, b, 1.0 - a - b))
