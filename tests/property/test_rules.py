"""What must hold of the rules whatever a plant does: metamorphic properties over random timelines."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.rules.alarms import AlarmChange
from agent.rules.metering import Observation
from config.orders import Declaration, Order
from config.rulekinds import LimitOrder, Rule, StopOrder, TreatmentOff
from tests.support.plants import plant
from tests.support.timelines import (
    START_MS,
    STEP_MS,
    UTC_MS,
    WEEK_MS,
    Case,
    Way,
    alarms_of,
    meter,
    plants,
    readings,
    told,
    tracks,
)

LESS = settings(max_examples=40, deadline=None)
Span = tuple[int, int]
NEVER_MS = START_MS * 2


def spans(changes: Sequence[AlarmChange], key: str, levels: Collection[str]) -> list[Span]:
    """From when to when an alarm was up that came to one of the levels, by what it says of its own
    beginning."""
    found: list[Span] = []
    for change in changes:
        if change.alarm.key != key or change.alarm.level not in levels:
            continue
        up = bool(found) and found[-1][1] == NEVER_MS
        if change.change in ("raised", "escalated") and not up:
            found.append((change.alarm.since_ms, NEVER_MS))
        elif change.change == "cleared":
            found[-1] = found[-1][0], change.at_ms
    return found


@st.composite
def _without_some(draw: st.DrawFn, cases: st.SearchStrategy[Case]) -> tuple[Case, list[Observation]]:
    """A case, and its readings without some stretches of some meters, or single ones. What is removed fails
    in a third of the stretches, is not there at all in another, and lacks its powers in the last. Single
    phases are not removed: what a power is without one of them is for the world to say."""
    case = draw(cases)
    left = readings(case)
    for _ in range(draw(st.integers(1, 6))):
        name = draw(st.sampled_from(sorted(case.tracks)))
        first = draw(st.integers(0, case.steps))
        from_ms = START_MS + first * STEP_MS
        to_ms = from_ms + draw(st.sampled_from((1, 1, 2, 3, 4, 9, 60))) * STEP_MS
        way = draw(st.sampled_from(("fails", "lacks", "gone")))
        left = [
            _less(one, way) if gone else one
            for one in left
            for gone in (one.meter == name and from_ms <= one.at_ms < to_ms,)
            if not gone or way != "gone"
        ]
    return case, left


def _less(one: Observation, way: str) -> Observation:
    """A poll that failed, or that gave no power."""
    if way == "fails":
        return one._replace(values={}, error="no_reply")
    return one._replace(values={name: value for name, value in one.values.items() if name[0] != "p"})


@LESS
@given(_without_some(plants()))
def test_removing_readings_never_creates_a_treatment_off_alarm(found: tuple[Case, list[Observation]]) -> None:
    """Each alarm that comes without some readings lies within one that comes with all of them; and what is
    an alarm of the authority, at once or when a warning becomes it, within one that is that too."""
    case, left = found
    whole = alarms_of(case, readings(case))
    for change in alarms_of(case, left):
        if change.alarm.key == "off" and change.change in ("raised", "escalated"):
            levels = ("alarm",) if change.alarm.level == "alarm" else ("alarm", "warning")
            since_ms, at_ms = change.alarm.since_ms, change.at_ms
            up = spans(whole, "off", levels)
            assert [span for span in up if span[0] <= at_ms and since_ms <= span[1]], (up, change)


@st.composite
def _lowered(draw: st.DrawFn) -> Case:
    """Two scrubbers must run; one of them is in declared maintenance all the time."""
    need = TreatmentOff(
        id="off",
        production=("kiln",),
        treatment=("scrubber", "spare"),
        stop_lag_s=draw(st.sampled_from((0, 60))),
    )
    said = Declaration(
        id="d1", kind="maintenance", from_ms=0, to_ms=2 * UTC_MS, declared_ms=0, points=("spare",)
    )
    found = {
        "kiln-m": draw(tracks(("12", "12", "4.5", "0", None))),
        "scrubber-m": draw(tracks(("8", "8", "8", "0", None))),
        "spare-m": draw(tracks(("0", "0", "0", "8"))),
    }
    return Case(plant(need), found, declarations=(said,))


@LESS
@given(_without_some(_lowered()))
def test_removing_readings_never_makes_an_alarm_of_a_warning(found: tuple[Case, list[Observation]]) -> None:
    """A declaration lowers with fewer readings what it lowers with all of them."""
    case, left = found
    whole = spans(alarms_of(case, readings(case)), "off", ("alarm",))
    for change in alarms_of(case, left):
        severe = change.alarm.level == "alarm" and change.change in ("raised", "escalated")
        if change.alarm.key == "off" and severe:
            since_ms, at_ms = change.alarm.since_ms, change.at_ms
            assert [span for span in whole if span[0] <= at_ms and since_ms <= span[1]], (whole, change)


@st.composite
def _under_orders(draw: st.DrawFn) -> Case:
    """A plant under a stop order or a limit of power from the first minute, whatever else. Its points have no
    hold times: where a reading is missing in a pause no longer than those, the point runs on."""
    case = draw(plants())
    exempt_kw = Decimal(draw(st.sampled_from((0, 5))))
    per: Any = draw(st.sampled_from(("total", "point")))
    order = draw(
        st.sampled_from(
            (
                Order(id="s0", kind="stop", source="a", from_ms=UTC_MS, grace_s=60, exempt_kw=exempt_kw),
                Order(
                    id="l0", kind="limit", source="a", from_ms=UTC_MS, grace_s=0, limit_kw=Decimal(6), per=per
                ),
            )
        )
    )
    rules = (
        *(rule for rule in case.config.rules if rule.kind != "limit-order"),
        StopOrder(hold_s=draw(st.sampled_from((0, 30, 60)))),
        LimitOrder(average_s=draw(st.sampled_from((30, 60, 120))), hold_s=draw(st.sampled_from((0, 30)))),
    )
    points = tuple(replace(point, hold_s=0) for point in case.config.points)
    config = replace(case.config, points=points, rules=rules)
    return replace(case, config=config, orders=(order, *case.orders))


@LESS
@given(_without_some(_under_orders()))
def test_removing_readings_never_creates_an_alarm_of_an_order(found: tuple[Case, list[Observation]]) -> None:
    """With and without exempt load, alone and beside other orders; energy is not read but counted."""
    case, left = found
    whole = alarms_of(case, readings(case))
    for change in alarms_of(case, left):
        if change.alarm.code in ("SBX-RUL-006", "SBX-RUL-007") and change.change == "raised":
            since_ms, at_ms = change.alarm.since_ms, change.at_ms
            known = spans(whole, change.alarm.key, ("alarm", "warning"))
            assert [span for span in known if span[0] <= at_ms and since_ms <= span[1]], (whole, change)


@LESS
@given(plants(), st.integers(-10 * WEEK_MS, 10 * WEEK_MS), st.integers(-20, 20))
def test_shifting_all_times_shifts_all_alarms(case: Case, shift_ms: int, weeks: int) -> None:
    """The axis by anything; the calendar by whole weeks, with the orders and declarations that it dates."""
    moved_ms = weeks * WEEK_MS
    later = replace(
        case,
        orders=tuple(
            replace(one, from_ms=one.from_ms + moved_ms, to_ms=one.to_ms and one.to_ms + moved_ms)
            for one in case.orders
        ),
        declarations=tuple(
            replace(one, from_ms=one.from_ms + moved_ms, to_ms=one.to_ms + moved_ms)
            for one in case.declarations
        ),
    )
    way = Way(shift_ms, lambda step: UTC_MS + moved_ms + step * STEP_MS)
    expected = [told(change) for change in alarms_of(case, readings(case))]
    found = [told(change, shift_ms) for change in alarms_of(later, readings(case), way)]
    assert [_undated(one) for one in found] == [_undated(one) for one in expected]


def _undated(one: dict[str, object]) -> dict[str, object]:
    """Without the texts that say a date."""
    facts = one["facts"]
    assert isinstance(facts, dict)
    return {**one, "facts": {key: text for key, text in facts.items() if key not in ("since", "time")}}


@LESS
@given(plants(), st.sets(st.integers(0, 200), min_size=1, max_size=12))
def test_a_run_split_at_any_restart_gives_the_same_alarms(case: Case, restarts: set[int]) -> None:
    """Through the page, as JSON, into a new engine: with the same facts, energies and records."""
    seen = readings(case)
    expected = [told(change) for change in alarms_of(case, seen)]
    found = [told(change) for change in alarms_of(case, seen, Way(restarts=restarts))]
    assert found == expected


@LESS
@given(plants(), st.data())
def test_an_unrelated_meter_changes_nothing(case: Case, data: st.DataObject) -> None:
    """On a bus of its own, in no rule. It is silent when the first meter is: whether all meters are silent at
    once is a question about all of them."""
    first = next(iter(case.tracks))
    twin = tuple((None if power is None else "7", count) for power, count in case.tracks[first])
    named = tuple(_on_meters(rule, tuple(case.tracks)) for rule in case.config.rules)
    config = replace(case.config, rules=named)
    place = data.draw(st.integers(0, len(config.meters)))
    meters = (*config.meters[:place], meter("stray-m", "b9"), *config.meters[place:])
    more = replace(case, config=replace(config, meters=meters), tracks={**case.tracks, "stray-m": twin})
    seen = readings(more)
    without = [one for one in seen if one.meter != "stray-m"]
    expected = [told(change) for change in alarms_of(replace(case, config=config), without)]
    found = [told(change) for change in alarms_of(more, seen)]
    assert [_own(one) for one in found] == [_own(one) for one in expected]


def _on_meters(rule: Any, meters: tuple[str, ...]) -> Rule:
    """A rule that watches every meter, told which."""
    found: Rule = replace(rule, meters=meters) if hasattr(rule, "meters") else rule
    return found


def _own(one: dict[str, object]) -> dict[str, object]:
    """Without the number of meters, and of the newest record, which may be one of the stray meter."""
    facts, alarm = one["facts"], one["alarm"]
    assert isinstance(facts, dict)
    return {
        **{key: value for key, value in one.items() if key != "records"},
        "facts": {key: text for key, text in facts.items() if key != "meters"},
        "alarm": replace(alarm, since_record=0),  # type: ignore[type-var] # an Alarm
    }


@LESS
@given(
    plants(orders=False),
    st.lists(st.tuples(st.integers(0, 200), st.integers(-WEEK_MS, WEEK_MS)), max_size=6),
    st.booleans(),
)
def test_a_step_of_the_clock_changes_no_duration(
    case: Case, steps: list[tuple[int, int]], known: bool
) -> None:
    """Of no rule that asks for no calendar, whether the clock is trusted between its steps or not."""
    timeless = tuple(rule for rule in case.config.rules if rule.id not in ("shift", "day", "when"))
    case = replace(case, config=replace(case.config, rules=timeless))

    def wall(step: int) -> int | None:
        wrong_ms = sum(by_ms for at, by_ms in steps if at <= step)
        return UTC_MS + step * STEP_MS + wrong_ms if known or not wrong_ms else None

    seen = readings(case)
    expected = [told(change) for change in alarms_of(case, seen)]
    assert [told(change) for change in alarms_of(case, seen, Way(utc_ms=wall))] == expected


@LESS
@given(plants(), st.sampled_from(("maintenance", "rebuild")))
def test_a_declaration_of_another_point_changes_nothing(case: Case, kind: Any) -> None:
    """It is neither counted nor named."""
    said = Declaration(id="x", kind=kind, from_ms=0, to_ms=2 * UTC_MS, declared_ms=0, points=("elsewhere",))
    seen = readings(case)
    expected = [told(change) for change in alarms_of(case, seen)]
    more = replace(case, declarations=(said, *case.declarations))
    assert [told(change) for change in alarms_of(more, seen)] == expected


PARTS = (("p_a",), ("p_a", "p_b"), ("p_b", "p_c"), ("i_b",), ("i_c",), ("i_a", "i_b", "i_c"), ("u_b", "i_b"))
NO_BLAME = ("silent", "power-cut", "ratio", "register")  # of what is not read, or stands for a while


def _none_is_new(case: Case, left: list[Observation]) -> None:
    """Each alarm that comes of what is left lies within one that comes of all."""
    expected = alarms_of(case, readings(case))
    for change in alarms_of(case, left):
        key = change.alarm.key
        if change.change == "raised" and key.split("/")[0] not in NO_BLAME:
            whole = spans(expected, key, ("alarm", "warning"))
            since_ms, at_ms = change.alarm.since_ms, change.at_ms
            assert [span for span in whole if span[0] <= at_ms and since_ms <= span[1]], (whole, change)


@st.composite
def _lacking_some(draw: st.DrawFn) -> tuple[Case, list[Observation]]:
    """A case in which production runs, and its readings without some quantities of some meters for some time.
    The first of a meter stay whole: what it never gave nobody can miss."""
    case = draw(plants())
    makers = [point.meter for point in case.config.points if point.role == "production"]
    length = case.steps
    case = replace(case, tracks={**case.tracks, **{name: (("12", length),) for name in makers}})
    left = readings(case)
    whole = {one.meter: one.at_ms for one in reversed(left) if one.values and not one.slow}
    for _ in range(draw(st.integers(4, 12))):
        name, lacks = draw(st.sampled_from(sorted(case.tracks.keys() - makers))), draw(st.sampled_from(PARTS))
        from_ms = max(START_MS + draw(st.integers(0, length)) * STEP_MS, whole.get(name, 0) + 1)
        to_ms = from_ms + draw(st.sampled_from((2, 13, 60))) * STEP_MS
        left = [
            one._replace(values={key: value for key, value in one.values.items() if key not in lacks})
            if one.meter == name and from_ms <= one.at_ms < to_ms
            else one
            for one in left
        ]
    return case, left


@LESS
@given(_lacking_some())
def test_removing_single_quantities_accuses_nobody(found: tuple[Case, list[Observation]]) -> None:
    """By no kind of rule."""
    _none_is_new(*found)


@st.composite
def _silences(draw: st.DrawFn) -> tuple[Case, list[Observation]]:
    """A case, and its readings with silences longer than a value speaks for its meter. It counts no energy
    (for what nobody measured the register speaks, and here it jumps) and has no threshold of a sum (it adds
    values of two moments as long as both are fresh)."""
    case = draw(plants())
    orders = tuple(order for order in case.orders if order.limit_kwh is None)
    rules = tuple(rule for rule in case.config.rules if rule.id not in ("day", "sum", "share"))
    case = replace(case, orders=orders, config=replace(case.config, rules=rules))
    left = readings(case)
    for _ in range(draw(st.integers(1, 6))):
        name, first = draw(st.sampled_from(sorted(case.tracks))), draw(st.integers(0, case.steps))
        gone = range(first, first + draw(st.sampled_from((4, 6, 13, 60))))
        left = [
            one._replace(values={}, error="no_reply")
            if one.meter == name and (one.at_ms - START_MS) // STEP_MS in gone
            else one
            for one in left
        ]
    return case, left


@LESS
@given(_silences())
def test_a_silence_accuses_nobody(found: tuple[Case, list[Observation]]) -> None:
    """Nor by a mean power."""
    _none_is_new(*found)
