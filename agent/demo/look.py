"""Looks at what runs on the stage: the box over its control socket, the platforms by ``sitebox-receiver``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agent.control import ask
from agent.demo import plant
from agent.demo.processes import Processes
from agent.errors import AgentError


class Look:
    """Asks; changes nothing."""

    def __init__(self, folder: Path, processes: Processes) -> None:
        self.folder = folder
        self._processes = processes

    def status(self) -> dict[str, Any] | None:
        """The daemon's status; None while it does not answer."""
        try:
            return ask(self.folder / "run" / "control.sock", "status", timeout_s=5)
        except AgentError:
            return None

    def rows(self, table: str) -> list[dict[str, Any]]:
        """A list of the status: meters, points, uplinks, alarms; empty while the daemon does not answer."""
        status = self.status()
        return [] if status is None else list(status[table])

    def good_meters(self) -> int:
        """Meters whose last poll was good."""
        return sum(row["error"] is None and row["age_ms"] is not None for row in self.rows("meters"))

    def point(self, name: str) -> str:
        """State of a point: on, off, unknown."""
        return next((str(row["state"]) for row in self.rows("points") if row["id"] == name), "unknown")

    def alarm_up(self, key: str) -> bool:
        """Whether an alarm is up on the box."""
        return any(row["id"] == key for row in self.rows("alarms"))

    def uplink(self, name: str) -> Mapping[str, Any]:
        """The row of an uplink in status."""
        unknown = {"confirmed": -1, "backlog": 0, "state": "unknown", "error": None}
        return next((row for row in self.rows("uplinks") if row["id"] == name), unknown)

    def confirmed(self, name: str) -> int:
        """The last block that a platform confirmed, -1 for none."""
        return int(self.uplink(name)["confirmed"])

    def backlog(self, name: str) -> int:
        """Blocks that a platform has not confirmed."""
        return int(self.uplink(name)["backlog"])

    def head(self) -> int:
        """Number of the box's newest block, -1 while the daemon does not answer."""
        status = self.status()
        return -1 if status is None else int(status["journal"]["head"])

    def platform(self, name: str) -> Mapping[str, Any]:
        """What a platform says of the box."""
        boxes = self._receiver(name, "status").get("boxes", [])
        unknown = {"stored": -1, "gaps": [], "quarantined": 0}
        return next((box for box in boxes if box["box"] == plant.BOX), unknown)

    def platform_alarm(self, name: str, key: str) -> bool:
        """Whether a platform holds a raised alarm of that key."""
        found = self._receiver(name, "alarms").get("alarms", [])
        return any(alarm["id"] == key and alarm["state"] == "raised" for alarm in found)

    def platform_complete(self, name: str, head: int) -> bool:
        """Whether a platform holds every block from 0 to ``head`` without gap or double."""
        box = self.platform(name)
        return int(box["stored"]) >= head and not box["gaps"] and not box["quarantined"]

    def _receiver(self, name: str, verb: str) -> dict[str, Any]:
        """What a platform answers; nothing while it has no store yet (66)."""
        config = str(self.folder / name / "receiver.toml")
        done = self._processes.ask("receiver.service", verb, "--json", "--config", config, good=(0, 1, 2, 66))
        found: dict[str, Any] = json.loads(done.stdout)
        return found
