"""What the rules knew before the restart: the alarms that are up, and the readings their hold times need.

The journal is the truth. What the replay alone would raise is raised, and recorded, by the engine's next
tick; what is up is not raised a second time.
"""

from __future__ import annotations

from agent import readings
from agent.history import Record, alarms_up, recent
from agent.latches import Page
from agent.rules.engine import Engine
from agent.rules.world import fresh_ms
from buffer.block import is_live
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


def start_of_rules(reader: JournalReader, config: SiteConfig, now: Instant) -> int:
    """When the rules begin to watch, mono ms: at the oldest reading of this boot they will be shown again."""
    replay = recent(reader, now.mono_ms - horizon_ms(config), now.boot_id)
    return min((record["mono"] for record in replay if _is_poll(record)), default=now.mono_ms)


def restore(reader: JournalReader, config: SiteConfig, now: Instant, page: Page) -> Engine:
    """An engine that knows what one that had never stopped would know."""
    engine = Engine(config, start_of_rules(reader, config, now))
    for record in recent(reader, now.mono_ms - horizon_ms(config), now.boot_id):
        if _is_poll(record) and record["m"] in engine.world.meters:
            engine.observe(readings.replayed(record))
    engine.restore(alarms_up(reader, now.boot_id, page).values())
    return engine


def _is_poll(record: Record) -> bool:
    return record["k"] == "reading" and is_live(record)
