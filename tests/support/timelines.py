"""Random plants and what happens at them, for properties of the rules' engine.

::

    plants() -> Case(config, orders, declarations, tracks) --readings--> observations --alarms_of--> changes

A track is what one meter reads, as stretches of a power (None: its polls fail). All meters are polled each
10 s, registers each 60 s; the engine judges at fixed moments, whatever was read.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from agent.rules.alarms import AlarmChange
from agent.rules.engine import Engine
from agent.rules.metering import Observation
from agent.rules.world import Moment
from config.calendar import Window
from config.meterkinds import (
    Balance,
    Frozen,
    PhaseLoss,
    PowerSum,
    RatioChanged,
    Register,
    ReversedCt,
)
from config.orders import Declaration, Order
from config.rulekinds import (
    Band,
    LimitOrder,
    Load,
    MeterSilent,
    OffShift,
    OverCapacity,
    Rule,
    Threshold,
    TreatmentOff,
    TreatmentStopped,
)
from config.site import Meter, Point, Site, SiteConfig

STEP_MS = 10_000
START_MS = 1_000_000_000  # on the axis
UTC_MS = 1_795_614_900_000  # 2026-11-25 21:55 in Shanghai: a shift ends within the timeline
WEEK_MS = 7 * 86_400_000
PRODUCING = (None, "0", "4.5", "6", "8", "12", "12")  # above 5 kW on, below 4 off
TREATING = (None, "0", "0", "0.5", "1.5", "3", "6", "8")  # above 2 kW on, below 1 off
SHARES = {"6": (2, 1, 1), "3": (0, 0, 1)}  # of the phases, where they are not even
Track = tuple[tuple[str | None, int], ...]  # a power, and for how many polls


@dataclass(frozen=True, slots=True)
class Case:
    """A plant and its timeline."""

    config: SiteConfig
    tracks: Mapping[str, Track]
    orders: tuple[Order, ...] = ()
    declarations: tuple[Declaration, ...] = ()

    @property
    def steps(self) -> int:
        """How many polls the longest track has."""
        return max(sum(count for _, count in track) for track in self.tracks.values())


@dataclass(frozen=True, slots=True)
class Way:
    """How a case is played: ``shift_ms`` of the axis, ``utc_ms`` at a step (None: not trusted), steps before
    which the engine goes through its page."""

    shift_ms: int = 0
    utc_ms: Callable[[int], int | None] = field(default=lambda step: UTC_MS + step * STEP_MS)
    restarts: Collection[int] = ()


def readings(case: Case) -> list[Observation]:
    """What is read, in order."""
    found: list[Observation] = []
    kwh = dict.fromkeys(case.tracks, Decimal(0))
    flat = {
        name: [power for power, count in track for _ in range(count)] for name, track in case.tracks.items()
    }
    for step in range(case.steps):
        at_ms = START_MS + step * STEP_MS
        for meter, powers in flat.items():
            power = powers[step] if step < len(powers) else powers[-1]
            kwh[meter] += Decimal(power or 0) / 360
            values = {} if power is None else electrical(power, step)
            error = None if values else "no_reply"
            found.append(Observation(meter, at_ms, len(found) + 1, values, error=error))
            if values and step % 6 == 0:
                jump = 100 if power == "4.5" else 0
                register = {
                    "ep_imp": (1000 + jump + kwh[meter]).quantize(Decimal("0.01")),
                    "ct": Decimal(60 if power == "3" else 40),
                }
                found.append(Observation(meter, at_ms, len(found) + 1, register, slow=True))
    return found


def electrical(power: str, step: int) -> dict[str, Decimal]:
    """What a meter of that power gives. At 6 kW one transformer is the wrong way round and its phase carries
    half, so that the total is nothing; at 3 one phase carries all; at 8 nothing moves, at 4.5 the register is
    another, at 3 the ratio, at 1.5 and 0.5 a phase has no voltage: each rule has cases."""
    volts = Decimal(230) if power == "8" else Decimal(2300 + step * 7 % 5) / 10
    found = {}
    for phase, share in zip("abc", SHARES.get(power, (1, 1, 1)), strict=True):
        drawn = (Decimal(power) * share / sum(SHARES.get(power, (1, 1, 1)))).quantize(Decimal("0.0001"))
        gone = power in ("1.5", "0.5") and phase == "b"
        sign = -1 if power == "6" and phase == "a" else 1
        found[f"u_{phase}"] = Decimal(0) if gone else volts
        found[f"p_{phase}"] = Decimal(0) if gone else sign * drawn
        found[f"i_{phase}"] = (drawn * 1000 / volts).quantize(Decimal("0.001"))
    return {**found, "p": found["p_a"] + found["p_b"] + found["p_c"]}


def alarms_of(case: Case, seen: Iterable[Observation], way: Way = Way()) -> tuple[AlarmChange, ...]:
    """All changes."""
    by_step: dict[int, list[Observation]] = {}
    for one in seen:
        by_step.setdefault((one.at_ms - START_MS) // STEP_MS, []).append(one)
    engine = Engine(case.config, START_MS + way.shift_ms)
    engine.know(case.orders, case.declarations)
    found: list[AlarmChange] = []
    for step in range(case.steps):
        if step in way.restarts:
            engine = reborn(engine, case)
        for one in by_step.get(step, ()):
            engine.observe(one._replace(at_ms=one.at_ms + way.shift_ms))
        now_ms = START_MS + way.shift_ms + step * STEP_MS
        found += engine.tick(Moment(now_ms, way.utc_ms(step)))
    return tuple(found)


def reborn(engine: Engine, case: Case) -> Engine:
    """The engine that goes on from this one's page, as after a restart."""
    page = json.loads(json.dumps(engine.page()))
    after = Engine(case.config, page["world"]["now"])
    after.turn_to(page)
    after.restore(engine.active)
    after.know(case.orders, case.declarations)
    return after


def told(change: AlarmChange, shift_ms: int = 0) -> dict[str, Any]:
    """All that is recorded of a change, its times less a shift."""
    alarm = change.alarm
    ended = None if change.ended_ms is None else change.ended_ms - shift_ms
    return {
        "change": change.change,
        "at": change.at_ms - shift_ms - START_MS,
        "since": alarm.since_ms - shift_ms - START_MS,
        "ended": None if ended is None else ended - START_MS,
        "alarm": replace(alarm, since_ms=0, facts={}),
        "facts": dict(alarm.facts),
        "work": (change.kwh, change.measured_percent),
        "records": (alarm.since_record, change.to_record),
    }


def meter(name: str, bus: str = "b1") -> Meter:
    """Of which the rules need name, bus and period."""
    return Meter(
        id=name, bus=bus, protocol="dlt645-2007", address="1", profile="x", every_s=10, slow_every_s=60
    )


def tracks(powers: tuple[str | None, ...]) -> st.SearchStrategy[Track]:
    """Up to half an hour of one meter; short failures are frequent."""
    power = st.sampled_from(powers)
    stretch = st.tuples(power, st.sampled_from((1, 2, 3, 4, 5, 7, 13, 31)))
    return st.lists(stretch, min_size=2, max_size=9).map(tuple)


@st.composite
def plants(draw: st.DrawFn, *, orders: bool = True) -> Case:
    """One to two producers, one to three treatments, any rules; with or without orders and declarations."""
    makers = [f"p{n}" for n in range(draw(st.integers(1, 2)))]
    cleaners = [f"t{n}" for n in range(draw(st.integers(1, 3)))]
    held = st.sampled_from((0, 0, 20))
    points = (
        *(draw(_by_current(_point(name, "production", ("5", "4"), draw(held)))) for name in makers),
        *(draw(_by_current(_point(name, "treatment", ("2", "1"), draw(held)))) for name in cleaners),
    )
    buses = st.sampled_from(("b1", "b1", "b2"))
    config = SiteConfig(
        site=Site(id="T1"),
        meters=tuple(meter(f"{point.id}-m", draw(buses)) for point in points),
        points=points,
        rules=tuple(draw(_rules(tuple(makers), tuple(cleaners)))),
    )
    found = {
        f"{point.id}-m": draw(tracks(PRODUCING if point.role == "production" else TREATING))
        for point in points
    }
    if not orders:
        return Case(config, found)
    names = (*makers, *cleaners)
    return Case(config, found, draw(_orders(tuple(makers))), draw(_declarations(names)))


def _point(name: str, role: str, levels: tuple[str, str], hold_s: int) -> Point:
    return Point(
        id=name,
        role="production" if role == "production" else "treatment",
        meter=f"{name}-m",
        on_above_kw=Decimal(levels[0]),
        off_below_kw=Decimal(levels[1]),
        hold_s=hold_s,
    )


@st.composite
def _by_current(draw: st.DrawFn, point: Point) -> Point:
    """One in four is judged by its largest phase current: 230 V, three even phases."""
    on, off = ("7", "6") if point.role == "production" else ("3", "1.5")
    if draw(st.integers(0, 3)) < 3:
        return point
    return replace(
        point, on_above_kw=None, off_below_kw=None, on_above_a=Decimal(on), off_below_a=Decimal(off)
    )


@st.composite
def _rules(draw: st.DrawFn, makers: tuple[str, ...], cleaners: tuple[str, ...]) -> list[Rule]:
    lag_s = draw(st.sampled_from((0, 30, 60, 120)))
    clear_s = draw(st.sampled_from((0, 0, 60)))
    need = draw(st.sampled_from(("all", "any", *(str(n + 1) for n in range(len(cleaners))))))
    rules: list[Rule] = [
        TreatmentOff(
            id="off",
            production=makers,
            treatment=cleaners,
            need=need,
            start_lead_s=draw(st.sampled_from((0, 0, 30, 90))),
            stop_lag_s=lag_s,
            clear_s=clear_s,
            warn_s=draw(st.sampled_from((None, 20))) if lag_s > 20 else None,
        )
    ]
    average_s = draw(st.sampled_from((30, 60, 120)))
    hold_s = draw(st.sampled_from((0, 30, 60)))
    bands = (Band(Decimal(0), Decimal(1), Decimal(7)), Band(Decimal(9), Decimal(3), Decimal(9)))
    shift = Window.parse("06:00-22:00")
    others: tuple[Rule, ...] = (
        TreatmentStopped(
            id="stopped",
            production=makers,
            treatment=cleaners,
            run_on_s=draw(st.sampled_from((0, 60))),
            hold_s=hold_s,
        ),
        Load(
            id="load",
            point=cleaners[0],
            by=makers,
            bands=bands,
            idle_below_kw=Decimal("2.5"),
            average_s=average_s,
            hold_s=hold_s,
        ),
        OffShift(id="shift", shifts=(shift,), grace_s=60, hold_s=hold_s, clear_s=clear_s),
        OverCapacity(id="cap", points=makers, limit_kw=Decimal(7), average_s=average_s, hold_s=hold_s),
        OverCapacity(id="day", points=makers, limit_kwh=Decimal("1.5")),
        LimitOrder(average_s=average_s, warn_percent=60),
        MeterSilent(id="silent", after_s=draw(st.sampled_from((40, 60, 120)))),
        Threshold(id="sum", sum=(*makers, *cleaners), above=Decimal(15), clear=Decimal(12), hold_s=hold_s),
        Threshold(id="share", sum=cleaners, over=makers, below=Decimal("0.3"), clear=Decimal("0.5")),
        Threshold(
            id="when",
            meter=f"{makers[0]}-m",
            above=Decimal(7),
            clear=Decimal(5),
            when=(shift,),
            hold_s=hold_s,
        ),
    )
    others += (
        Frozen(id="frozen", after_s=60),
        PhaseLoss(id="loss", min_a=Decimal(1), hold_s=hold_s),
        ReversedCt(id="ct", hold_s=hold_s),
        PowerSum(id="volts", hold_s=hold_s),
        RatioChanged(id="ratio", keep_s=300),
        Register(id="register", keep_s=300, max_kw=Decimal(100)),
        Balance(id="balance", total=makers, parts=cleaners, average_s=average_s, hold_s=hold_s),
    )
    rules += draw(st.lists(st.sampled_from(others), unique_by=lambda rule: rule.id, max_size=len(others)))
    return rules


@st.composite
def _orders(draw: st.DrawFn, makers: tuple[str, ...]) -> tuple[Order, ...]:
    minute = st.integers(0, 15).map(lambda n: UTC_MS + n * 60_000)
    found = (
        Order(id="s1", kind="stop", source="city", from_ms=draw(minute), grace_s=60, exempt_kw=Decimal(3)),
        Order(id="s2", kind="stop", source="county", from_ms=draw(minute), to_ms=UTC_MS + 900_000, grace_s=0),
        Order(id="l1", kind="limit", source="city", from_ms=draw(minute), limit_kw=Decimal(7), grace_s=0),
        Order(
            id="l2",
            kind="limit",
            source="city",
            from_ms=draw(minute),
            points=makers[:1],
            limit_kwh=Decimal(1),
            to_ms=UTC_MS + 1_200_000,
        ),
        Order(
            id="l3",
            kind="limit",
            source="city",
            from_ms=draw(minute),
            reduce_percent=Decimal(30),
            baseline_kw=Decimal(9),
            per="point",
            daily=Window.parse("22:00-06:00"),
            grace_s=60,
        ),
    )
    return tuple(draw(st.lists(st.sampled_from(found), unique_by=lambda order: order.id, max_size=3)))


@st.composite
def _declarations(draw: st.DrawFn, names: tuple[str, ...]) -> tuple[Declaration, ...]:
    kinds = st.sampled_from(("stop", "maintenance", "power-cut", "rebuild"))
    found = []
    for number in range(draw(st.integers(0, 2))):
        from_ms = UTC_MS + draw(st.integers(0, 20)) * 60_000
        found.append(
            Declaration(
                id=f"d{number}",
                kind=draw(kinds),  # type: ignore[arg-type] # one of the literals
                from_ms=from_ms,
                to_ms=from_ms + draw(st.integers(1, 15)) * 60_000,
                declared_ms=from_ms,
                points=draw(st.sampled_from(((), names[:1], names[-1:]))),
            )
        )
    return tuple(found)
