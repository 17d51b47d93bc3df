"""What the recorder lets others see. Immutable: replaced as a whole after each step; anybody may read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from agent.lastpolls import LastPoll
from agent.meters.gaps import Gap
from agent.rules.alarms import Alarm
from agent.rules.world import Sight
from buffer.head import Cursor, Head


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What the recorder lets others see; replaced as a whole, never changed."""

    head: Head
    world: Sight
    alarms: tuple[Alarm, ...]
    polls: Mapping[str, LastPoll]
    cursors: Mapping[str, Cursor]
    dropped: int = 0
    refused: tuple[tuple[str, str], ...] = ()  # uplink, code of the last receipt refused
    logbook: str = ""  # why its newest pages are not on the card, or ""
    gaps: tuple[Gap, ...] = ()  # that meters are asked for
    wrong_clocks: tuple[tuple[str, int], ...] = ()  # meters beyond their limit, and their offset in ms
    key_fault: str = ""  # why the ratchet key could not turn, or ""
    rot: frozenset[tuple[int, str]] = frozenset()  # blocks of which something rotted, found since this start
    handovers: tuple[bytes, ...] = ()  # of the box's identities, oldest first: the notes that blocks name
    superseded: bool = False  # this history is at its end: the next start begins another epoch
