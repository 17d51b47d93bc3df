"""The state of a point by the readings of its meter: ON, OFF or UNKNOWN, by thresholds and a hold time. Pure.

::

    above the on threshold, or below the off threshold, for hold_s without a reading missing   the state
    between the two                                                                            as before
    too old, or less is read than is drawn                                                     never OFF
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from agent.rules.drawn import AMPERES
from agent.rules.metering import MeterView, Value
from config.site import Point


class State(StrEnum):
    """UNKNOWN is not a kind of OFF: nothing may be concluded from it."""

    ON = "on"
    OFF = "off"
    UNKNOWN = "unknown"


class PointView(NamedTuple):
    """A point's state, since when, the record that began it, and the state it is on the way to (hold time).

    ``sure`` is the last reading that says the state by itself: beyond its threshold, not between the two.
    ``known`` is the last other state that was not UNKNOWN, and ``known_ms`` when that was last seen.
    ``left_ms``: when this one was last seen before it went ``toward`` another."""

    state: State
    since_ms: int
    since_record: int = 0
    toward: State | None = None
    toward_ms: int = 0
    toward_record: int = 0
    power: Value | None = None
    sure: Value | None = None
    known: State = State.UNKNOWN
    known_ms: int = 0
    left_ms: int = 0


def moved(point: Point, view: PointView, meter: MeterView, now_ms: int) -> PointView:
    power = _measure(point, view, meter, now_ms)
    if power is None:
        if view.state is State.UNKNOWN:
            return view._replace(toward=None, power=None)
        last_ms = now_ms if view.power is None else view.power.at_ms
        last_ms = last_ms if view.toward is None else view.left_ms
        return PointView(State.UNKNOWN, now_ms, view.since_record, known=view.state, known_ms=last_ms)
    wanted = _wanted(point, power.value)
    if wanted is view.state:
        return view._replace(toward=None, power=power, sure=power)
    if wanted is None:
        return view._replace(toward=None, power=power)
    # A hold time must be seen whole: a reading that is missing begins it anew.
    before = view.power
    whole = before is not None and power.at_ms - before.at_ms <= meter.step_ms
    going = view.toward is wanted and whole
    began, record = (view.toward_ms, view.toward_record) if going else (power.at_ms, power.record)
    last_ms = began if before is None else before.at_ms
    last_ms = last_ms if view.toward is None else view.left_ms
    if power.at_ms - began < point.hold_s * 1000:
        return view._replace(
            toward=wanted, toward_ms=began, toward_record=record, power=power, left_ms=last_ms
        )
    unsure = view.state is State.UNKNOWN
    known, known_ms = (view.known, view.known_ms) if unsure else (view.state, last_ms)
    return PointView(wanted, began, record, power=power, sure=power, known=known, known_ms=known_ms)


def _measure(point: Point, view: PointView, meter: MeterView, now_ms: int) -> Value | None:
    """What the point's thresholds are compared with: kW, or the largest phase current in A. The newest value
    if it is ON; else the newest that was all of it, however little a later one showed; but never one from
    before that by which the point was judged last."""
    gauge, age_ms = meter.kw, meter.fresh_ms
    if point.on_above_a is not None:
        gauge = meter.amperes
        age_ms = meter.slow_fresh_ms if meter.gives.isdisjoint(AMPERES) else age_ms
    seen = gauge.least
    if seen is not None and _wanted(point, seen.value) is not State.ON:
        seen = gauge.whole
        if view.power is not None and (seen is None or seen.at_ms < view.power.at_ms):
            seen = view.power
    return None if seen is None or now_ms - seen.at_ms > age_ms else seen


def _wanted(point: Point, value: Decimal) -> State | None:
    """The state a measure asks for; None inside the hysteresis band."""
    in_kw = point.on_above_a is None
    on, off = (point.on_above_kw, point.off_below_kw) if in_kw else (point.on_above_a, point.off_below_a)
    assert on is not None
    assert off is not None, "config.load refuses a point with half a pair"
    if value > on:
        return State.ON
    if value < off:
        return State.OFF
    return None
