"""A day of the plant as ``summary`` records, and what the rules remember of it. Pure; the fields stand in
docs/journal-format.md.

::

    day       one: the sums of the journal, alarms, declarations; ``prev_n`` leads to the day before
    point     one each: on, off, unknown, kWh by hour and shift
    pair      one each rule treatment-off: synchronous or not
    order     one each order that was in force
    meter     one each: expected, read, stored, confirmed
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from agent.rules.baseline import Baseline
from agent.rules.daycount import CLASSES, STORED, Counts, DayCount
from agent.rules.metering import HOUR_MS
from agent.rules.world import DayUse
from config.calendar import day_span
from config.orders import MOST_REFERENCE_DAYS
from config.rulekinds import TreatmentOff
from config.site import Meter, SiteConfig

KEPT_DAYS = MOST_REFERENCE_DAYS  # of history, in the rules' mind
UNKNOWN = "-"  # an hour of which too little was measured, or one that the clock named twice
_ENOUGH_S, _MOST_S = 2_880, 3_672  # of an hour's 3600 s
_MOST = 60  # alarms and declarations named in one record
_DIGITS = Decimal("0.001")

Fields = dict[str, object]


@dataclass(frozen=True, slots=True)
class Known:
    """What the records need beside the count. ``cursors``: the block up to which each uplink's authority has
    stored; ``baselines``: by order."""

    cursors: Mapping[str, int]
    baselines: Mapping[str, Baseline]


def rows(day: DayCount, config: SiteConfig, known: Known) -> list[Fields]:
    """All but the first one, which knows of the journal."""
    found: list[Fields] = []
    for point in config.points:
        states = day.points.get(point.id, {})
        found.append({"what": "point", "point": point.id, "role": point.role, **_states(states)})
        found[-1] |= {**_energy(day, point.meter, config), **_at(point.id, day)}
    found += [_pair(rule.id, day) for rule in config.rules if isinstance(rule, TreatmentOff)]
    found += [_order(name, counts, known) for name, counts in day.orders.items()]
    found += [_meter(meter, day, known) for meter in config.meters]
    return [{"day": day.day, **row} for row in found]


def first_row(day: DayCount, sums: Mapping[str, object], prev_n: int, count: int) -> Fields:
    """The day itself; ``count`` others follow it."""
    return {
        **sums,
        "what": "day",
        "day": day.day,
        "hours": day.hour_count,
        "counted_s": ((day.end_ms or day.begin_ms) - day.begin_ms) // 1000,
        "alarms": _alarms(day.alarms),
        "declared": [{"id": name, "s": ms // 1000} for name, ms in [*day.declared.items()][:_MOST]],
        "prev_n": prev_n,
        "rows": count,
    }


def use_of(row: Mapping[str, Any], zone: ZoneInfo) -> DayUse:
    """What a point's record says to the rules: kWh of each hour of the clock, at the mean power of what was
    measured of it. An hour that the day has twice is their mean, one that it lacks unknown."""
    begin, _ = day_span(date.fromisoformat(row["day"]), zone)
    by_hour: dict[int, list[Decimal]] = {}
    for index, (text, seconds) in enumerate(zip(row["hours"], row["hour_s"], strict=True)):
        moment = datetime.fromtimestamp(begin // 1000, tz=UTC) + timedelta(hours=index)
        if text != UNKNOWN:
            by_hour.setdefault(moment.astimezone(zone).hour, []).append(Decimal(text) * 3600 / seconds)
    hours = (by_hour.get(hour) for hour in range(24))
    return DayUse(
        row["day"], tuple(None if found is None else sum(found, Decimal(0)) / len(found) for found in hours)
    )


def remembered(
    history: Mapping[str, Sequence[DayUse]], summaries: Iterable[Mapping[str, Any]], zone: ZoneInfo
) -> dict[str, tuple[DayUse, ...]]:
    """The history with more summaries in it, newest day first; of two of one day, what either knows."""
    found = {name: {use.day: use for use in uses} for name, uses in history.items()}
    for row in summaries:
        if row["what"] == "point":
            use, days = use_of(row, zone), found.setdefault(row["point"], {})
            days[use.day] = _either(days.get(use.day), use)
    return {
        name: tuple(days[day] for day in sorted(days, reverse=True)[:KEPT_DAYS])
        for name, days in found.items()
    }


def _either(one: DayUse | None, other: DayUse) -> DayUse:
    if one is None:
        return other
    hours = (a if b is None else b for a, b in zip(one.hours, other.hours, strict=True))
    return DayUse(other.day, tuple(hours))


def _states(counts: Counts) -> Fields:
    return {f"{state}_s": counts.get(state, 0) // 1000 for state in ("on", "off", "unknown")}


def kwh(work: Decimal) -> str:
    """kW ms as kWh."""
    return f"{(work / HOUR_MS).quantize(_DIGITS):f}"


def _energy(day: DayCount, meter: str, config: SiteConfig) -> Fields:
    work, covered_ms = day.drawn.get(meter, (Decimal(0), 0))
    cells = day.hours.get(meter, {})
    hours = [cells.get(str(hour), (Decimal(0), 0)) for hour in range(day.hour_count)]
    seconds = [ms // 1000 for _, ms in hours]
    shifts = day.shifts.get(meter, {})
    return {
        "kwh": kwh(work),
        "measured_s": covered_ms // 1000,
        "hours": [
            kwh(one) if _ENOUGH_S <= at <= _MOST_S else UNKNOWN
            for (one, _), at in zip(hours, seconds, strict=True)
        ],
        "hour_s": seconds,
        "shifts": {shift.id: kwh(shifts[shift.id][0]) for shift in config.shifts if shift.id in shifts},
    }


def _pair(rule: str, day: DayCount) -> Fields:
    counts = day.pairs.get(rule, {})
    names = ("production", "sync", "apart", "unsure", "idle", "unknown")
    found: Fields = {f"{name}_s": counts.get(name, 0) // 1000 for name in names}
    alarms = day.alarms.get(rule, {})
    declared_ms = alarms.get("declared", 0)
    violated = {
        "violated_s": (alarms.get("ms", 0) - declared_ms) // 1000,
        "declared_s": declared_ms // 1000,
    }
    return {"what": "pair", "rule": rule, **found, **violated}


def _order(name: str, counts: Counts, known: Known) -> Fields:
    found: Fields = {f"{word}_s": counts.get(word, 0) // 1000 for word in ("obeyed", "violated", "unknown")}
    base = known.baselines.get(name)
    more = {} if base is None else base.fields()
    return {"what": "order", "order": name, "force_s": sum(counts.values()) // 1000, **found, **more}


def _meter(meter: Meter, day: DayCount, known: Known) -> Fields:
    return {"what": "meter", "m": meter.id, **dict(_classes(meter, day, known)), **_at(meter.id, day)}


def _classes(meter: Meter, day: DayCount, known: Known) -> Iterator[tuple[str, object]]:
    counted_ms = (day.end_ms or day.begin_ms) - day.begin_ms
    for letter, every_s in zip(CLASSES, (meter.every_s, meter.slow_every_s), strict=True):
        name = f"{meter.id}/{letter}"
        if name not in day.polls and letter != CLASSES[0]:
            continue  # a meter may have nothing that is read slowly
        read, failed, stored = day.polls.get(name, [0] * (STORED + 1))
        yield (
            letter,
            {
                "expected": counted_ms // (every_s * 1000),
                "read": read,
                "failed": failed,
                "stored": stored,
                "confirmed": {
                    uplink: min(stored, day.confirmed(n).get(name, 0)) for uplink, n in known.cursors.items()
                },
            },
        )


def _at(subject: str, day: DayCount) -> Fields:
    """The alarms that were about it."""
    return {"alarms": _alarms(day.subjects.get(subject, {}))}


def _alarms(counted: Mapping[str, Counts]) -> list[Fields]:
    """By rule, the longest first."""
    found = sorted(counted.items(), key=lambda one: -one[1].get("ms", 0))
    return [_alarm(rule, counts) for rule, counts in found[:_MOST]]


def _alarm(rule: str, counts: Counts) -> Fields:
    return {
        "rule": rule,
        "raised": counts.get("raised", 0),
        "warnings": counts.get("warnings", 0),
        "s": counts.get("ms", 0) // 1000,
        "declared_s": counts.get("declared", 0) // 1000,
    }
