"""From a change of an alarm to its record."""

from __future__ import annotations

from agent.rules.engine import AlarmChange


def fields(change: AlarmChange) -> dict[str, object]:
    """The record's own fields; the recorder adds number, boot and time."""
    alarm = change.alarm
    found: dict[str, object] = {
        "id": alarm.key,
        "rule": alarm.rule,
        "state": "raised" if change.raised else "cleared",
        "level": alarm.level,
        "code": alarm.code,
        "subjects": list(alarm.subjects),
        "facts": dict(alarm.facts),
        "since_i": alarm.since_record,
    }
    if alarm.since_ms is not None:
        found["since_mono"] = alarm.since_ms
    if change.dur_ms is not None:
        found["dur_ms"] = change.dur_ms
    return found
