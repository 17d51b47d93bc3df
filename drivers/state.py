"""What status shows of a bus. Types only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BusState:
    """What status shows of a bus."""

    open: bool
    code: str  # why it is closed, or ""
    facts: Mapping[str, str]  # what the code's text names
    notice: str  # code of something worth knowing about the port, or ""
    last_good_ms: Mapping[str, int]  # meter -> mono ms of its last good value
    silent: tuple[str, ...]  # meters that are only probed
