"""What can be said of a box whose daemon does not run: everything comes from its journal, and says so."""

from __future__ import annotations

import itertools
from types import MappingProxyType
from typing import Any

from agent.accepted import accept
from agent.axis import Axis
from agent.clock import Clock, kernel_boot_id, kernel_sync
from agent.errors import AgentError
from agent.history import Record, alarm_records, alarms_up, newest_first
from agent.lastpolls import LastPoll
from agent.paths import Paths
from agent.rot import SoundReader
from agent.software import version
from agent.status import Facts, UplinkFacts, build
from agent.storage import storage
from buffer.block import is_live
from buffer.reader import JournalReader
from config.site import SiteConfig

_ENDED = ("dur_ms", "kwh", "measured", "fault", "peak", "flaps", "declared", "by", "reason", "to_i")
_LOOK_BACK = 20_000  # records looked at for the last reading of each meter


def open_reader(paths: Paths) -> JournalReader:
    """The journal of a box; a fault names the folder and what to do."""
    return JournalReader(paths.journal)


def status(paths: Paths) -> dict[str, Any]:
    """The status object without a daemon; ``daemon`` is false and its level at least fail."""
    accepted = accept(paths.config, paths.accepted)
    config = accepted.loaded.config
    reader = SoundReader(paths.journal)
    now = Clock(0, kernel_boot_id()).now()
    head = reader.head()
    cursors = reader.cursors()
    uplinks = [
        UplinkFacts(
            uplink.id,
            "offline",
            None,
            0,
            0,
            found.n if found else -1,
            head.n - (found.n if found else -1) if uplink.blocks else 0,
            None,
        )
        for uplink in config.uplinks
        for found in (cursors.get(uplink.id),)
    ]
    return build(
        Facts(
            config=config,
            version=version(),
            daemon=False,
            now=now,
            sync=kernel_sync(),
            polls=MappingProxyType(_polls(reader, config)),
            alarms=tuple(alarms_up(reader, Axis.begin(now)).values()),
            uplinks=uplinks,
            storage=storage(paths, reader, config),
            head_n=head.n,
            records=head.last_i,
            dropped=0,
            buses=(),
            problems=accepted.problems,
            last_good=accepted.last_good,
        )
    )


def _polls(reader: JournalReader, config: SiteConfig) -> dict[str, LastPoll]:
    """The last good reading of each meter; its age is not known to this boot's clock, so it counts as old."""
    found: dict[str, LastPoll] = {}
    for record in itertools.islice(newest_first(reader), _LOOK_BACK):
        if len(found) == len(config.meters):
            break
        if _has_values(record) and record["m"] not in found:
            found[record["m"]] = LastPoll(
                record["mono"], None, None, MappingProxyType(record["v"]), record["t"]
            )
    return found


def _has_values(record: Record) -> bool:
    """A poll that gave values; what a meter told of its past is not its newest."""
    return record["k"] == "reading" and is_live(record) and bool(record["v"])


def last_reading(paths: Paths, meter: str) -> dict[str, Any]:
    """The newest recorded values of a meter, marked as not live."""
    config = accept(paths.config, paths.accepted).loaded.config
    if meter not in {known.id for known in config.meters}:
        raise AgentError("SBX-MTR-015", 64, meter=meter)
    for record in itertools.islice(newest_first(SoundReader(paths.journal)), _LOOK_BACK):
        if _has_values(record) and record["m"] == meter:
            samples = [
                {"quantity": name, "value": value, "quality": "good"} for name, value in record["v"].items()
            ]
            return {
                "meter": meter,
                "live": False,
                "time": record["t"],
                "error": None,
                "samples": samples,
                "frames": [],
            }
    raise AgentError("SBX-MTR-017", 69, meter=meter)


def alarm_history(paths: Paths, last: int) -> list[dict[str, Any]]:
    """The last changes of alarms, newest first."""
    if last == 0:
        return []
    keys = ("i", "t", "id", "rule", "state", "level", "code", "facts", "since_i", "since_t", *_ENDED)
    rows = [
        {key: record[key] for key in keys if key in record}
        for record, _ in alarm_records(SoundReader(paths.journal))
    ]
    return rows[: -last - 1 : -1]
