"""What happened and cannot become fine again: a cover that was opened stays opened. No kind of rule itself.

::

    a kind sees it   ->  event()      one entry of its memory, under a key of its own
    each step        ->  standing()   violated for keep_s, then fine once, then forgotten

The alarm is up until somebody acknowledges it or ``keep_s`` has passed, whichever is first
(``agent.rules.alarms``). A key ends with the number of the record that told it: two events are two alarms,
however close they are, and none is silent because another is up. ``MOST`` of a rule stand at a time; the
oldest makes room.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from agent.rules.finding import Fault, Finding, Verdict
from agent.rules.world import Value, World
from config.anyrule import Level
from config.meterkinds import EventRule

MOST = 64
Event = Mapping[str, Any]


class What(NamedTuple):
    """What happened, in a code and its numbers. ``part`` tells several that one record tells apart."""

    part: str
    code: str
    facts: Mapping[str, str]
    level: Level | None = None


def event(rule: EventRule, meter: str, seen: Value, what: What) -> Event:
    """The entry of a kind's memory."""
    return {
        "key": f"{rule.id}/{meter}/{what.part}/{seen.record}",
        "code": what.code,
        "m": meter,
        "at": seen.at_ms,
        "i": seen.record,
        "facts": {"meter": meter, **what.facts},
        "level": what.level,
    }


def standing(
    rule: EventRule, events: Sequence[Event], world: World, fault: Fault
) -> tuple[tuple[Finding, ...], Sequence[Event]]:
    """A finding for each event, and the events that are still up."""
    if not events:
        return (), events
    oldest_ms, first = world.now_ms - rule.keep_s * 1000, len(events) - MOST
    up = [number >= first and one["at"] > oldest_ms for number, one in enumerate(events)]
    found = (
        _finding(one, Verdict.VIOLATED if stands else Verdict.FINE, fault)
        for one, stands in zip(events, up, strict=True)
    )
    kept = events if all(up) else [one for one, stands in zip(events, up, strict=True) if stands]
    return tuple(found), kept


def remembered(
    held: Mapping[str, Any], meters: Mapping[str, Any], events: Iterable[Event]
) -> Mapping[str, Any]:
    """The memory of a kind: what it last knew of each meter, and its events."""
    if meters is held.get("meters") and events is held.get("up"):
        return held  # nothing new
    return {"meters": meters, "up": events}


def _finding(one: Event, verdict: Verdict, fault: Fault) -> Finding:
    return Finding(
        one["key"],
        verdict,
        one["code"],
        one["at"],
        0,
        (one["m"],),
        lambda: one["facts"],
        record=one["i"],
        fault=fault,
        level=one["level"],
        event=True,
    )
