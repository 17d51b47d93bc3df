"""What the rules knew before the restart: the alarms that are up, and the readings their hold times need.

The journal is the truth; the logbook only says how far back to look. Without a logbook everything is found
again, only later (DESIGN 6).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from agent import readings
from agent.rules.engine import Active, Engine
from agent.rules.world import fresh_ms
from buffer.instant import Instant
from buffer.reader import JournalReader
from config.site import SiteConfig, Threshold, TreatmentOff

_MARGIN_MS = 60_000


def horizon_ms(config: SiteConfig) -> int:
    """How much history the rules need: the longest hold and the longest freshness, with a margin."""
    holds = [rule.stop_lag_s + rule.start_lead_s for rule in config.rules if isinstance(rule, TreatmentOff)]
    holds += [rule.hold_s for rule in config.rules if isinstance(rule, Threshold)]
    holds += [point.hold_s for point in config.points]
    slow = [fresh_ms(meter.slow_every_s) for meter in config.meters]
    return max(holds, default=0) * 1000 + max(slow, default=0) + _MARGIN_MS


def alarms_up(
    records: Iterable[Mapping[str, Any]], boots: Mapping[int, str], boot_id: str
) -> dict[str, Active]:
    """Fold alarm records, oldest first, into the alarms that are up. ``since_ms`` is kept only for alarms
    raised under the machine's present boot: another boot's monotonic clock means nothing now."""
    up: dict[str, Active] = {}
    for record in records:
        if record["k"] != "alarm":
            continue
        if record["state"] == "cleared":
            up.pop(record["id"], None)
            continue
        since = record.get("since_mono") if boots.get(record["boot"]) == boot_id else None
        up[record["id"]] = Active(
            record["id"],
            record["rule"],
            record["code"],
            record["level"],
            tuple(record["subjects"]),
            record["facts"],
            since,
            record["since_i"],
            record["i"],
        )
    return up


def restore(engine: Engine, reader: JournalReader, config: SiteConfig, now: Instant) -> None:
    """Replay the readings of this boot's recent past, then put up exactly the alarms that the journal says
    are up: what the replay alone would raise is raised, and recorded, by the engine's next tick."""
    for record in recent(reader, now.mono_ms - horizon_ms(config), now.boot_id):
        if record["k"] == "reading" and record["m"] in engine.world.meters:
            engine.observe(readings.replayed(record))
    engine.restore(alarms_up(alarm_records(reader), now.boot_id).values())
