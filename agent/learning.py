"""What a machine draws when it idles and when it runs, learnt from readings. Proposes; decides nothing.

::

    count |  ##                                ####
          |  ####                            ########          idle and running, and a gap between them
    kW    |  0.4   off_below | on_above        12
                 gap +25 %     gap +60 %

A gap counts as clear when nearly no reading lies in it and it is as wide as a third of the way from idle to
running. Without one, or with too little of either side, nothing is proposed: a threshold in the middle of a
machine's range would call it off while it works.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

BINS = 200
STRAY = Decimal("0.002")  # of all readings may lie in the gap
FEWEST = Decimal("0.02")  # of all readings make a side
WIDE = Decimal("0.33")  # of the way from idle to running
MOST_BANDS = 3
_MARGIN = Decimal("0.2")
_ROUND = Decimal("0.01")
LEAST = 500  # readings


@dataclass(frozen=True, slots=True)
class Level:
    """One side of the gap: how many readings, and their quantiles in kW."""

    count: int
    low: Decimal  # 5 %
    middle: Decimal
    high: Decimal  # 95 %


@dataclass(frozen=True, slots=True)
class Learnt:
    """The proposal, and what it stands on."""

    idle: Level
    running: Level
    off_below_kw: Decimal
    on_above_kw: Decimal


@dataclass(frozen=True, slots=True)
class Refused:
    """Why nothing is proposed: "few" readings, no "gap", or only one "side"."""

    why: str
    count: int


def quantile(ordered: Sequence[Decimal], share: Decimal) -> Decimal:
    """Of values in their order; the nearest one, nothing is made up between two."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def learn(powers: Iterable[Decimal]) -> Learnt | Refused:
    """Levels and thresholds from the power readings of some days."""
    ordered = sorted(powers)
    if len(ordered) < LEAST:
        return Refused("few", len(ordered))
    gap = _gap(ordered)
    if gap is None:
        return Refused("gap", len(ordered))
    low, high = gap
    idle, running = [one for one in ordered if one <= low], [one for one in ordered if one >= high]
    if min(len(idle), len(running)) < FEWEST * len(ordered):
        return Refused("side", len(ordered))
    below, above = _level(idle), _level(running)
    if high - low < WIDE * (above.middle - below.middle):
        return Refused("gap", len(ordered))
    off, on = low + (high - low) * Decimal("0.25"), low + (high - low) * Decimal("0.6")
    return Learnt(below, above, off.quantize(_ROUND), on.quantize(_ROUND))


def bands(pairs: Iterable[tuple[Decimal, Decimal]]) -> tuple[tuple[Decimal, Decimal, Decimal], ...]:
    """(from, low, high) kW of treatment by production, from readings of both while treatment runs: thirds of
    production, each with room on both sides; thirds that hardly differ are one."""
    ordered = sorted(pairs)
    if len(ordered) < LEAST:
        return ()
    size = -(-len(ordered) // MOST_BANDS)
    found: list[tuple[Decimal, Decimal, Decimal]] = []
    for start in range(0, len(ordered), size):
        part = ordered[start : start + size]
        powers = sorted(power for _, power in part)
        low = quantile(powers, Decimal("0.01")) * (1 - _MARGIN)
        high = quantile(powers, Decimal("0.99")) * (1 + _MARGIN)
        first = part[0][0] if found else Decimal(0)
        band = (first.quantize(_ROUND), low.quantize(_ROUND), high.quantize(_ROUND))
        if found and _alike(found[-1], band):
            found[-1] = (found[-1][0], min(found[-1][1], band[1]), max(found[-1][2], band[2]))
        elif not found or band[0] > found[-1][0]:
            found.append(band)
    return tuple(found)


def as_point(point: str, found: Learnt) -> str:
    """The thresholds as TOML of the site file."""
    lines = ("[[point]]", f'id = "{point}"', f'on_above_kw = "{found.on_above_kw}"')
    return "\n".join((*lines, f'off_below_kw = "{found.off_below_kw}"', ""))


def as_rule(point: str, by: Sequence[str], found: Sequence[tuple[Decimal, Decimal, Decimal]]) -> str:
    """The bands as TOML."""
    spelt = ", ".join(f'"{start} {low} {high}"' for start, low, high in found)
    names = ", ".join(f'"{name}"' for name in by)
    head = ("[[rule]]", f'id = "{point}-load"', 'kind = "load"', f'point = "{point}"')
    return "\n".join((*head, f"by = [{names}]", f"bands = [{spelt}]", ""))


def paired(
    treatment: Mapping[int, Decimal], production: Sequence[Mapping[int, Decimal]]
) -> list[tuple[Decimal, Decimal]]:
    """Production and treatment power by slot of time, where all of them were read."""
    return [
        (sum((one[slot] for one in production), Decimal(0)), power)
        for slot, power in treatment.items()
        if all(slot in one for one in production)
    ]


def _gap(ordered: Sequence[Decimal]) -> tuple[Decimal, Decimal] | None:
    """The widest stretch in which nearly nothing lies, between the first and the last percent."""
    low, high = quantile(ordered, Decimal("0.01")), quantile(ordered, Decimal("0.99"))
    if high <= low:
        return None
    width = (high - low) / BINS
    counts = [0] * BINS
    for one in ordered:
        if low <= one <= high:
            counts[min(BINS - 1, int((one - low) / width))] += 1
    most = STRAY * len(ordered) / 10
    best = (0, 0)
    start = 0
    for index, count in enumerate([*counts, len(ordered)]):
        if count > most:
            best = max(best, (index - start, -start))
            start = index + 1
    length, first = best[0], -best[1]
    return (low + first * width, low + (first + length) * width) if length > 1 else None


def _level(ordered: Sequence[Decimal]) -> Level:
    low, middle, high = (quantile(ordered, Decimal(share)) for share in ("0.05", "0.5", "0.95"))
    return Level(len(ordered), low, middle, high)


def _alike(one: tuple[Decimal, Decimal, Decimal], other: tuple[Decimal, Decimal, Decimal]) -> bool:
    middle, next_middle = (one[1] + one[2]) / 2, (other[1] + other[2]) / 2
    return abs(next_middle - middle) <= _MARGIN * max(middle, next_middle)
