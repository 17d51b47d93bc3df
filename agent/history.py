"""What the journal tells the agent about the past: recent records, alarms, boots. Reads only.

Bounded: recent readings are looked for from the newest block backwards, alarms and
orders only in blocks that hold some.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from agent.alarmrecords import alarm_of
from agent.axis import Axis
from agent.latches import NO_PAGE, Page
from agent.rules.alarms import Alarm
from buffer.block import Header, decode_header
from buffer.note import decode
from buffer.reader import JournalReader
from buffer.rows import decode_body
from buffer.verify import BlockData

Record = Mapping[str, Any]
MOST_BLOCKS = 2_000  # some 1.4 days of blocks a minute: longer holds than this no rule has


def records_of(block: BlockData | None) -> tuple[Record, ...]:
    """The records of a block; none when its body is no longer kept."""
    return () if block is None or block.body is None else tuple(decode_body(block.body))


def recent(reader: JournalReader, since_mono_ms: int, boot_id: str) -> list[Record]:
    """The sealed records of this boot of the machine since a moment of its monotonic clock, oldest first.

    A start seals what it found in the tail under its own header: those records may be of another boot, whose
    monotonic time means nothing now."""
    found: list[tuple[Record, ...]] = []
    ids: dict[int, str] = {}
    for n in range(reader.head().n, max(-1, reader.head().n - MOST_BLOCKS), -1):
        block = reader.block(n)
        if block is None:  # it rotted: the older ones count no less
            continue
        header, records = decode_header(decode(block.note).text), records_of(block)
        ids |= _boots(header, records)
        if header.boot_id != boot_id or header.mono_ms < since_mono_ms:
            break
        found.append(records)
    whole = (record for block in reversed(found) for record in block)
    return [one for one in whole if ids.get(one["boot"]) == boot_id and one["mono"] >= since_mono_ms]


def _boots(header: Header, records: Iterable[Record]) -> dict[int, str]:
    """The machine's boot id behind each start that a block knows of."""
    told = {record["boot"]: str(record["id"]) for record in records if record["k"] == "boot"}
    return told | {header.boot: header.boot_id}


def newest_first(reader: JournalReader) -> Iterator[Record]:
    """Every record, the newest first: the tail, then block by block backwards."""
    yield from reversed(reader.tail_records())
    for n in range(reader.head().n, -1, -1):
        yield from reversed(records_of(reader.block(n)))


def alarm_records(reader: JournalReader, after_n: int = -1) -> Iterator[tuple[Record, str]]:
    """The alarm records behind block ``after_n``, oldest first, each with the id of the machine's boot it was
    written under."""
    return records_of_kinds(reader, ("alarm",), after_n)


def records_of_kinds(
    reader: JournalReader, kinds: Collection[str], after_n: int = -1
) -> Iterator[tuple[Record, str]]:
    """The same of some kinds among those that the store finds without a scan (``sealing.INDEXED``)."""
    for n in reader.alarm_blocks(after_n):
        block = reader.block(n)
        if block is None:
            continue
        records = records_of(block)
        ids = _boots(decode_header(decode(block.note).text), records)
        before = reader.block(n - 1) if any(one["boot"] not in ids for one in records) else None
        if before is not None:  # sealed by a later start than the one that wrote it
            ids = _boots(decode_header(decode(before.note).text), ()) | ids
        yield from ((one, ids.get(one["boot"], "")) for one in records if one["k"] in kinds)
    _, boot_id = reader.last_boot()
    yield from ((record, boot_id) for record in reader.tail_records() if record["k"] in kinds)


def behind(reader: JournalReader, n: int) -> Iterator[Record]:
    """Every record behind block ``n``, oldest first, those of the tail included."""
    for number in range(n + 1, reader.head().n + 1):
        yield from records_of(reader.block(number))
    yield from reader.tail_records()


def alarms_up(reader: JournalReader, axis: Axis, page: Page = NO_PAGE) -> dict[str, Alarm]:
    """Fold the alarm records behind a logbook page into the alarms that are up. A page of a block that the
    journal does not have (restored card) counts as none."""
    if page.n > reader.head().n:
        page = NO_PAGE
    up = dict(page.up)
    for record, raised_under in alarm_records(reader, page.n):
        if record["state"] == "cleared":
            up.pop(record["id"], None)
        else:
            up[record["id"]] = alarm_of(record, axis if raised_under == axis.boot_id else None)
    return up
