"""What happened and cannot become fine again: a cover that was opened stays opened. No kind of rule itself.

::

    a kind sees it   ->  noted()      one entry of its memory, under a key of its own
    each step        ->  standing()   violated for keep_s, then fine once, then forgotten

The alarm is up until somebody acknowledges it or ``keep_s`` has passed, whichever is first
(``agent.rules.alarms``). A key ends with a number that counts on: two events are two alarms, however close
they are, and none is silent because another is up. ``MOST`` of a rule stand at a time; the oldest makes room.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from agent.rules.finding import Fault, Finding, Verdict
from agent.rules.metering import Value
from agent.rules.world import World
from config.anyrule import Level
from config.meterkinds import EventRule

MOST = 64
Event = Mapping[str, Any]
Log = Mapping[str, Any]
NOTHING: Log = {"n": {}, "up": []}


class What(NamedTuple):
    """What happened, in a code and its numbers. ``part`` tells several that one reading tells apart."""

    part: str
    code: str
    facts: Mapping[str, str]
    level: Level | None = None


def noted(log: Log, rule: EventRule, meter: str, seen: Value, what: What) -> Log:
    """The memory with one event more."""
    name = f"{meter}/{what.part}"
    number = log["n"].get(name, 0) + 1
    event = {
        "key": f"{rule.id}/{name}/{number}",
        "code": what.code,
        "m": meter,
        "at": seen.at_ms,
        "i": seen.record,
        "facts": {"meter": meter, **what.facts},
        "level": what.level,
    }
    return {"n": {**log["n"], name: number}, "up": [*log["up"], event]}


def standing(rule: EventRule, log: Log, world: World, fault: Fault) -> tuple[tuple[Finding, ...], Log]:
    """A finding for each event, and the memory without those that are over."""
    events: Sequence[Event] = log["up"]
    if not events:
        return (), log
    oldest_ms, first = world.now_ms - rule.keep_s * 1000, len(events) - MOST
    up = [number >= first and one["at"] > oldest_ms for number, one in enumerate(events)]
    found = (
        _finding(one, Verdict.VIOLATED if stands else Verdict.FINE, fault)
        for one, stands in zip(events, up, strict=True)
    )
    kept = [one for one, stands in zip(events, up, strict=True) if stands]
    return tuple(found), log if all(up) else {**log, "up": kept}


def remembered(held: Mapping[str, Any], meters: Mapping[str, Any], log: Log) -> Mapping[str, Any]:
    """The memory of a kind: what it last knew of each meter, and its events."""
    if meters is held.get("meters") and log is held.get("log"):
        return held  # nothing new
    return {"meters": meters, "log": log}


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
