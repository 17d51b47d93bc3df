"""The engine's memory as one document of the logbook, and back: what a restart must not forget.

The journal comes first: a page says nothing that its records up to there do not say, it only saves reading
them again. Documents are plain JSON; a ``Decimal`` is ``{"=": "12.40"}``. Readings themselves are not kept
but the newest of each class: older ones matter for items that the newest one lacks, and age within seconds.

Orders, declarations and the history of days are not in it: their own owners bring them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import fields
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from agent.rules.alarms import Alarm, Latch
from agent.rules.metering import Gauge, MeterView, Observation, Sum, Value
from agent.rules.points import PointView, State
from agent.rules.sights import Run, Seen
from agent.rules.world import Moment, World

Document = Mapping[str, Any]
_NUMBER = "="  # the key of a number; no point, meter or order is called so
_METER = ("good_ms", "ever_read", "error", "ok", "failed", "part_ms")


def plain(value: Any) -> Any:
    """A value as JSON can hold it."""
    if isinstance(value, Decimal):
        return {_NUMBER: f"{value:f}"}
    if isinstance(value, Mapping):
        return {key: plain(part) for key, part in value.items()}
    if isinstance(value, tuple | list | deque):
        return [plain(part) for part in value]
    return value.value if isinstance(value, State) else value


def back(value: Any) -> Any:
    """The same back; lists stay lists."""
    if isinstance(value, Mapping):
        if value.keys() == {_NUMBER}:
            return Decimal(value[_NUMBER])
        return {key: back(part) for key, part in value.items()}
    return [back(part) for part in value] if isinstance(value, list) else value


def world_page(world: World) -> Document:
    """What is known of meters and points."""
    return {
        "now": world.now_ms,
        "record": world.record,
        "watched": world.watched_ms,
        "vouched": plain(world.vouched),
        "meters": {name: _meter(view) for name, view in world.meters.items()},
        "points": {name: plain(view) for name, view in world.points.items()},
    }


def restore_world(world: World, page: Document) -> None:
    """Put it into a new world; meters and points that the site no longer has are left out."""
    world.now_ms, world.record, world.watched_ms = page["now"], page["record"], page["watched"]
    vouched = page.get("vouched")
    world.vouched = None if vouched is None else Moment(*vouched)
    for name, kept in page["meters"].items():
        if name in world.meters:
            _restore_meter(world.meters[name], back(kept))
    for name, kept in page["points"].items():
        if name in world.points:
            world.points[name] = _point(back(kept))


def latch_page(latch: Latch) -> Document:
    """One latch."""
    found: dict[str, Any] = {
        field.name: plain(getattr(latch, field.name)) for field in fields(latch) if field.name != "alarm"
    }
    if latch.alarm is not None:
        found["alarm"] = {
            field.name: plain(getattr(latch.alarm, field.name)) for field in fields(latch.alarm)
        }
    return found


def restore_latch(page: Document) -> Latch:
    """The same back. KeyError, TypeError or ValueError for what this version did not write."""
    kept = back(page)
    alarm = kept.pop("alarm", None)
    seen = Seen(*kept.pop("seen"))
    before = {name: Sum(*one) for name, one in dict(kept.pop("before")).items()}
    seen = seen._replace(run=None if seen.run is None else Run(*seen.run))
    return Latch(**kept, seen=seen, before=before, alarm=None if alarm is None else _alarm(alarm))


def _alarm(kept: dict[str, Any]) -> Alarm:
    subjects, facts = tuple(kept.pop("subjects")), MappingProxyType(kept.pop("facts"))
    return Alarm(**kept, subjects=subjects, facts=facts)


def _meter(view: MeterView) -> Document:
    return {
        **{name: getattr(view, name) for name in _METER},
        "fast": [plain(seen) for seen in view.fast[:1]],
        "slow": [plain(seen) for seen in view.slow[:1]],
        "kw": plain(view.kw),
        "amperes": plain(view.amperes),
        "gives": [view.profile, sorted(view.gives), sorted(view.slow_gives)],
        "sum": plain(view.sum),
        "trail": plain(view.trail),
    }


def _restore_meter(view: MeterView, kept: Mapping[str, Any]) -> None:
    for name in _METER:
        setattr(view, name, kept[name])
    view.fast = tuple(Observation(*seen) for seen in kept["fast"])
    view.slow = tuple(Observation(*seen) for seen in kept["slow"])
    view.kw, view.amperes = (Gauge(*(_value(one) for one in kept[name])) for name in ("kw", "amperes"))
    profile, gives, slow_gives = kept["gives"]
    if profile == view.profile:  # with another one it may well give less
        view.gives, view.slow_gives = frozenset(gives), frozenset(slow_gives)
    view.sum = Sum(*kept["sum"])
    view.trail = deque(Sum(*one) for one in kept["trail"])


def _point(kept: Sequence[Any]) -> PointView:
    view = PointView(*kept)
    return view._replace(
        state=State(view.state),
        toward=None if view.toward is None else State(view.toward),
        power=_value(view.power),
        sure=_value(view.sure),
        known=State(view.known),
    )


def _value(kept: Any) -> Value | None:
    return None if kept is None else Value(*kept)
