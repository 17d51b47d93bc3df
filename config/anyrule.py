"""What every kind of ``[[rule]]`` has. Data only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["warning", "alarm"]  # 预警: the enterprise alone | 报警: enterprise and authority


@dataclass(frozen=True, slots=True, kw_only=True)
class AnyRule:
    """What every kind has. A violation that lasts ``warn_s`` is raised as a warning first. An alarm is
    cleared when all was fine for ``clear_s``; what is violated again before is the same alarm."""

    id: str
    level: Level = "alarm"
    clear_s: int = 0
    warn_s: int | None = None
