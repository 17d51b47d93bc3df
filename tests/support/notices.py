"""Alarm documents for tests of notices, a hand-run clock, and a folder in place of /sys."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from agent.notices import Document
from agent.notices.document import Plant, document

PLANT = Plant("SB-1", "三号厂")


def record(name: str, state: str = "raised", level: str = "alarm", **more: Any) -> dict[str, Any]:
    """An alarm record as the journal has it, as far as notices read it."""
    facts = {"production": "kiln", "treatment": "scrubber"}
    found = {"id": name, "rule": name, "state": state, "level": level, "code": "SBX-RUL-001"}
    return {**found, "subjects": ["kiln", "scrubber"], "facts": facts, "i": 7, "t": 1_795_000_000_000, **more}


def change(name: str, state: str = "raised", level: str = "alarm", again: bool = False) -> Document:
    """The document of such a change."""
    return document(record(name, state, level), PLANT, again=again)


class HandClock:
    """Monotonic milliseconds that pass only by hand."""

    def __init__(self) -> None:
        self.ms = 1_000_000

    def __call__(self) -> int:
        return self.ms


def led_folder(sysfs: Path, name: str, full: int = 255) -> Path:
    """A LED as the kernel shows it, delay files included."""
    folder = sysfs / "class" / "leds" / name
    folder.mkdir(parents=True)
    for attribute, value in (("trigger", "none"), ("brightness", "0"), ("max_brightness", str(full))):
        (folder / attribute).write_text(value)
    for attribute in ("delay_on", "delay_off"):
        (folder / attribute).write_text("0")
    return folder


def led_state(folder: Path) -> tuple[str, str, str, str]:
    """What stands in trigger, brightness, delay_on, delay_off."""
    names = ("trigger", "brightness", "delay_on", "delay_off")
    trigger, brightness, on, off = ((folder / name).read_text() for name in names)
    return trigger, brightness, on, off
