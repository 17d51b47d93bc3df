"""From a change of an alarm to its record, and back to the alarm that is up."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from agent.axis import Axis
from agent.rules.alarms import Alarm, AlarmChange


def covered(change: AlarmChange) -> dict[str, object]:
    """The fields of a ``declaration`` record: what it kept from becoming an alarm."""
    alarm = change.alarm
    return {
        "op": "covered",
        "id": alarm.declared,
        "alarm": alarm.key,
        "rule": alarm.rule,
        "code": alarm.code,
        "facts": dict(alarm.facts),
        "since_i": alarm.since_record,
    }


def fields(change: AlarmChange, axis: Axis) -> dict[str, object]:
    """The record's own fields; the recorder adds number, boot and time. What does not apply is left out."""
    alarm = change.alarm
    found: dict[str, object] = {
        "id": alarm.key,
        "rule": alarm.rule,
        "state": change.change,
        "level": alarm.level,
        "code": alarm.code,
        "subjects": list(alarm.subjects),
        "facts": dict(alarm.facts),
        "fault": alarm.fault,
        "since_i": alarm.since_record,
        "since_t": alarm.since_ms,
    }
    since_mono = axis.mono(alarm.since_ms)
    more = {
        "since_mono": since_mono,
        "peak": None if alarm.peak is None else f"{alarm.peak:f}",
        "flaps": alarm.flaps or None,
        "declared": alarm.declared or None,
        "by": alarm.acknowledged or None,
        "raised_i": None if change.raised else alarm.record or None,
        "dur_ms": None if since_mono is None else change.dur_ms,  # over a power cut nobody measured it
        "kwh": None if change.kwh is None else f"{change.kwh:f}",
        "measured": change.measured_percent,
        "to_i": change.to_record or None,
        "reason": change.reason or None,
    }
    return found | {name: value for name, value in more.items() if value is not None}


def alarm_of(record: Mapping[str, Any], axis: Axis | None) -> Alarm:
    """The alarm a record leaves up. ``axis``: of the record's boot, if it is the present one."""
    since_ms = record.get("since_t", record["t"])
    if axis is not None and "since_mono" in record:
        since_ms = axis.at(record["since_mono"])
    peak = record.get("peak")
    return Alarm(
        record["id"],
        record["rule"],
        record["code"],
        record["level"],
        tuple(record["subjects"]),
        record["facts"],
        since_ms,
        record["since_i"],
        record["i"] if record["state"] == "raised" else record.get("raised_i", record["i"]),
        record.get("fault", "plant"),
        None if peak is None else Decimal(peak),
        record.get("flaps", 0),
        record.get("by", ""),
        record.get("declared", ""),
    )
