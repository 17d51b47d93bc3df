"""What the journal tells the agent about the past: recent records, alarms, boots. Reads only.

Bounded: recent readings are looked for from the newest block backwards, alarms and
orders only in blocks that hold some.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from agent.alarmrecords import alarm_of
from agent.axis import Axis
from agent.latches import NO_PAGE, Page
from agent.rules.alarms import Alarm
from buffer.block import decode_header
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
    """The sealed records of this boot of the machine since a moment of its monotonic clock, oldest first."""
    found: list[tuple[Record, ...]] = []
    for n in range(reader.head().n, max(-1, reader.head().n - MOST_BLOCKS), -1):
        block = reader.block(n)
        if block is None:
            break
        header = decode_header(decode(block.note).text)
        if header.boot_id != boot_id or header.mono_ms < since_mono_ms:
            break
        found.append(records_of(block))
    return [record for block in reversed(found) for record in block if record["mono"] >= since_mono_ms]


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
        boot_id = decode_header(decode(block.note).text).boot_id
        yield from ((record, boot_id) for record in records_of(block) if record["k"] in kinds)
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
