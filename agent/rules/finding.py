"""What one rule says at one moment: violated, fine or unknown, with the numbers it stands on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """UNKNOWN neither raises nor clears."""

    VIOLATED = "violated"
    FINE = "fine"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Finding:
    """``key`` names the alarm (a rule may watch several things); the violation must last ``hold_ms`` from
    ``began_ms`` before the alarm is raised; ``facts`` fill the message of ``code``."""

    key: str
    verdict: Verdict
    code: str
    began_ms: int
    hold_ms: int
    subjects: tuple[str, ...]
    facts: Mapping[str, str]
