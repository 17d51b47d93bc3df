"""One line of a status: what it is about, how bad, and in which words. Types only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

LEVELS = ("ok", "warn", "fail")


@dataclass(frozen=True, slots=True)
class Check:
    """``topic`` groups, ``level`` is one of LEVELS."""

    topic: str
    level: str
    code: str
    args: Mapping[str, str]
    hint: str = ""  # a command that helps
