"""The status of a box as data: what a technician sees first, and what ``--json`` prints.

Built from immutable snapshots; asks nothing and waits for nothing. Each check has a level, a message code and
its arguments, so that people read it in their language and programs need no text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agent.busstatus import BusFacts
from agent.check import LEVELS, Check
from agent.clock import Sync
from agent.lastpolls import LastPoll
from agent.meters.gaps import Gap
from agent.rules.alarms import Alarm
from agent.rules.metering import fresh_ms
from agent.rules.world import Sight
from buffer.instant import Instant
from config.errors import Problem
from config.site import SiteConfig

UPLINK_PATIENCE_MS = 180_000  # an uplink may be without a receipt so long before it is a warning


@dataclass(frozen=True, slots=True)
class UplinkFacts:
    """What status needs of an uplink."""

    id: str
    state: str
    error: str | None
    sent: int
    accepted: int
    confirmed: int
    backlog: int
    quiet_ms: int | None  # since the last receipt
    receipts: bool = True  # whether any are expected
    blocks: bool = True  # whether it carries evidence


@dataclass(frozen=True, slots=True)
class StorageFacts:
    """Bytes on the card; ``days_left`` is None while there is too little history to project."""

    used_bytes: int
    free_bytes: int
    days_left: int | None


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything status is made of."""

    config: SiteConfig
    version: str
    daemon: bool
    now: Instant
    sync: Sync
    polls: Mapping[str, LastPoll]
    alarms: Sequence[Alarm]
    uplinks: Sequence[UplinkFacts]
    storage: StorageFacts
    head_n: int
    records: int
    dropped: int
    buses: Sequence[BusFacts]
    problems: Sequence[Problem]
    last_good: bool
    points: Sequence[Mapping[str, Any]] = ()
    logbook: str = ""  # why its newest pages are not on the card
    gaps: Sequence[Gap] = ()  # that meters are asked for
    wrong_clocks: Sequence[tuple[str, int]] = ()  # meters, and their offset in ms
    key_fault: str = ""  # why the ratchet key could not turn
    rot: frozenset[tuple[int, str]] = frozenset()  # blocks of which something rotted
    more: Sequence[Check] = ()  # what notices and the source of the mains say of themselves


def build(facts: Facts) -> dict[str, Any]:
    """The status object: stable keys, times in UTC ms."""
    checks = [*_daemon(facts), *_meters(facts), *_gaps(facts.gaps)]
    checks += [check for bus in facts.buses for check in bus.checks()]
    for uplink in facts.uplinks:
        checks.append(_uplink(uplink))
    checks += [
        *_storage(facts),
        _clock(facts.sync),
        *_wrong_clocks(facts),
        *_alarms(facts.alarms),
        *_config(facts),
        *facts.more,
    ]
    worst = max((LEVELS.index(check.level) for check in checks), default=0)
    hints = dict.fromkeys(check.hint for check in checks if check.level != "ok" and check.hint)
    return {
        "site": {
            "id": facts.config.site.id,
            "name": facts.config.site.name,
            "timezone": facts.config.site.timezone,
        },
        "version": facts.version,
        "time": facts.now.utc_ms,
        "daemon": facts.daemon,
        "level": LEVELS[worst],
        "checks": [_plain(check) for check in checks],
        "meters": [_meter(meter.id, facts) for meter in facts.config.meters],
        "points": list(facts.points),
        "buses": [bus.row() for bus in facts.buses],
        "uplinks": [_uplink_row(uplink) for uplink in facts.uplinks],
        "journal": {"head": facts.head_n, "records": facts.records, "dropped": facts.dropped},
        "storage": {
            "used_bytes": facts.storage.used_bytes,
            "free_bytes": facts.storage.free_bytes,
            "days_left": facts.storage.days_left,
        },
        "clock": {"synchronised": facts.sync.synchronised, "error_ms": facts.sync.error_ms},
        "alarms": [alarm_row(alarm) for alarm in facts.alarms],
        "next": list(hints) or ["sitebox alarms", "sitebox journal"],
    }


def alarm_row(alarm: Alarm) -> dict[str, Any]:
    """An alarm as plain data."""
    return {
        "id": alarm.key,
        "rule": alarm.rule,
        "level": alarm.level,
        "code": alarm.code,
        "subjects": list(alarm.subjects),
        "facts": dict(alarm.facts),
        "since": alarm.since_ms,
        "fault": alarm.fault,
        "acknowledged": alarm.acknowledged,
        "declared": alarm.declared,
        "since_record": alarm.since_record,
        "record": alarm.record,
    }


def _plain(check: Check) -> dict[str, Any]:
    return {
        "topic": check.topic,
        "level": check.level,
        "code": check.code,
        "args": dict(check.args),
        "next": check.hint,
    }


def _daemon(facts: Facts) -> list[Check]:
    if facts.daemon:
        return []
    return [Check("daemon", "fail", "SBX-SYS-010", {}, "systemctl status sitebox")]


def _silent(meter_id: str, every_s: int, facts: Facts) -> bool:
    poll = facts.polls.get(meter_id)
    if poll is None or poll.good_ms is None:
        return True
    return facts.now.mono_ms - poll.good_ms > fresh_ms(every_s)


def _meters(facts: Facts) -> list[Check]:
    meters = facts.config.meters
    silent = [meter.id for meter in meters if _silent(meter.id, meter.every_s, facts)]
    ages = [facts.now.mono_ms - poll.good_ms for poll in facts.polls.values() if poll.good_ms is not None]
    args = {"good": str(len(meters) - len(silent)), "all": str(len(meters))}
    if not silent:
        return [Check("meters", "ok", "SBX-STA-001", args | {"age_s": str(max(ages, default=0) // 1000)})]
    level = "fail" if len(silent) == len(meters) else "warn"
    shown = ", ".join(silent[:4]) + (" ..." if len(silent) > 4 else "")
    return [Check("meters", level, "SBX-STA-002", args | {"silent": shown}, f"sitebox read {silent[0]}")]


def _uplink(uplink: UplinkFacts) -> Check:
    args = {
        "uplink": uplink.id,
        "sent": str(uplink.sent),
        "confirmed": str(uplink.confirmed),
        "backlog": str(uplink.backlog),
    }
    heard = uplink.quiet_ms is not None and uplink.quiet_ms < UPLINK_PATIENCE_MS
    if uplink.state == "online" and (heard if uplink.receipts else uplink.error is None):
        return Check("uplink", "ok", "SBX-STA-021" if uplink.blocks else "SBX-STA-024", args)
    if uplink.error is not None:
        return Check(
            "uplink", "warn", "SBX-STA-023", args | {"code": uplink.error}, f"sitebox help {uplink.error}"
        )
    return Check("uplink", "warn", "SBX-STA-022", args | {"state": uplink.state}, "sitebox status --json")


def _uplink_row(uplink: UplinkFacts) -> dict[str, Any]:
    return {
        "id": uplink.id,
        "state": uplink.state,
        "error": uplink.error,
        "sent": uplink.sent,
        "accepted_by_broker": uplink.accepted,
        "confirmed": uplink.confirmed,
        "backlog": uplink.backlog,
        "last_receipt_age_ms": uplink.quiet_ms,
    }


def _storage(facts: Facts) -> list[Check]:
    storage = facts.storage
    args = {"used_mib": str(storage.used_bytes >> 20), "free_mib": str(storage.free_bytes >> 20)}
    if storage.days_left is None:
        found = Check("storage", "ok", "SBX-STA-031", args)
    else:
        args["days"] = str(min(storage.days_left, 9999))
        level = "ok" if storage.days_left >= 30 else "warn" if storage.days_left >= 3 else "fail"
        found = Check("storage", level, "SBX-STA-032", args, "" if level == "ok" else "sitebox journal")
    checks = [found]
    if facts.dropped:
        checks.append(
            Check("storage", "fail", "SBX-STA-033", {"count": str(facts.dropped)}, "sitebox journal")
        )
    if facts.rot:
        blocks = ", ".join(str(n) for n, _ in sorted(facts.rot)[:4])
        args = {"count": str(len(facts.rot)), "blocks": blocks}
        checks.append(Check("storage", "fail", "SBX-JNL-018", args))
    if facts.key_fault:
        checks.append(Check("storage", "warn", "SBX-KEY-005", {"reason": facts.key_fault}, "df -h"))
    if facts.logbook:
        checks.append(Check("storage", "warn", "SBX-STA-034", {"reason": facts.logbook}, "df -h"))
    return checks


def _clock(sync: Sync) -> Check:
    if sync.synchronised:
        return Check("clock", "ok", "SBX-CLK-001", {"error_ms": str(sync.error_ms)})
    return Check("clock", "warn", "SBX-CLK-002", {}, "timedatectl")


def _wrong_clocks(facts: Facts) -> list[Check]:
    return [
        Check("clock", "warn", "SBX-CLK-003", {"meter": meter, "offset_s": f"{offset_ms / 1000:+.0f}"})
        for meter, offset_ms in facts.wrong_clocks
    ]


def _gaps(gaps: Sequence[Gap]) -> list[Check]:
    return [
        Check(
            "meters",
            "ok",
            "SBX-STA-035",
            {
                "meter": gap.meter,
                "hours": gap.hours,
                "records": str(len(gap.have)),
            },
        )
        for gap in gaps
    ]


def _alarms(alarms: Sequence[Alarm]) -> list[Check]:
    return [
        Check(
            "alarm",
            "fail" if alarm.level == "alarm" else "warn",
            alarm.code,
            dict(alarm.facts) | {"alarm": alarm.key},
            "sitebox alarms",
        )
        for alarm in alarms
    ]


def _config(facts: Facts) -> list[Check]:
    if not facts.last_good:
        return []
    args = {"count": str(len(facts.problems))}
    return [Check("config", "fail", "SBX-CFG-900", args, "sitebox config check")]


def _meter(meter_id: str, facts: Facts) -> dict[str, Any]:
    poll = facts.polls.get(meter_id)
    if poll is None:
        return {"id": meter_id, "error": None, "age_ms": None, "values": {}}
    age = None if poll.good_ms is None else facts.now.mono_ms - poll.good_ms
    return {"id": meter_id, "error": poll.error, "age_ms": age, "values": dict(poll.values)}


def points(world: Sight, config: SiteConfig) -> list[dict[str, Any]]:
    """The three states of each point."""
    views = world.points
    return [
        {
            "id": point.id,
            "role": point.role,
            "state": views[point.id].state.value,
            "for_ms": world.now_ms - views[point.id].since_ms,
        }
        for point in config.points
    ]
