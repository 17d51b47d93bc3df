"""The demo's story: about a minute of a plant's life, each scene judged by what really happened.

A scene waits for a fact (never for a time), says in one line what was seen, and fails the demo when the fact
does not come. The last scene forges a byte, and must be caught.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from agent.demo.evidence import export, forge, verify
from agent.demo.stage import Stage

PLATFORMS = ("city", "county")


@dataclass(slots=True)
class Story:
    """``tell`` prints one line: level (ok, warn, fail, or "" for a heading), code, arguments."""

    stage: Stage
    tell: Callable[[str, str, dict[str, str]], None]
    failed: list[str] = field(default_factory=list)

    def run(self) -> bool:
        """All scenes in order; True when every one was as it should be."""
        scenes = (
            ("SBX-DEM-001", self._start),
            ("SBX-DEM-002", self._normal),
            ("SBX-DEM-003", self._violation),
            ("SBX-DEM-004", self._unplugged),
            ("SBX-DEM-005", self._outage),
            ("SBX-DEM-006", self._complete),
            ("SBX-DEM-007", self._forgery),
        )
        for code, scene in scenes:
            self.tell("", code, {})
            scene()
            if self.failed:
                return False
        return True

    def _see(self, code: str, fact: Callable[[], object], seconds: float, **args: str) -> bool:
        """Wait for a fact; a scene whose fact does not come fails the demo."""
        found = self.stage.wait_for(fact, seconds)
        self.tell("ok" if found else "fail", code, args)
        if not found:
            self.failed.append(code)
        return found

    def _start(self) -> None:
        stage = self.stage
        stage.start_plant()
        for name in PLATFORMS:
            stage.start_broker(name)
            stage.start_receiver(name)
        stage.start_daemon()
        self._see("SBX-DEM-101", self._all_read, 20, meters=str(stage.meters))

    def _all_read(self) -> bool:
        return self.stage.look.good_meters() == self.stage.meters

    def _normal(self) -> None:
        look = self.stage.look
        self._see("SBX-DEM-102", lambda: all(look.confirmed(name) >= 1 for name in PLATFORMS), 25)
        self._see(
            "SBX-DEM-103",
            lambda: look.point("kiln") == "on" and look.point("scrubber") == "on",
            10,
        )

    def _violation(self) -> None:
        stage = self.stage
        stage.switch("treatment-off", load="scrubber", on=True)
        if not self._see("SBX-DEM-104", lambda: stage.look.alarm_up("kiln-scrubber"), 30):
            return
        for name in PLATFORMS:
            arrived = partial(stage.look.platform_alarm, name, "kiln-scrubber")
            self._see("SBX-DEM-105", arrived, 15, platform=name)
        stage.switch("treatment-off", load="scrubber", on=False)
        self._see("SBX-DEM-106", lambda: not stage.look.alarm_up("kiln-scrubber"), 20)

    def _unplugged(self) -> None:
        stage = self.stage
        stage.switch("unplug", meter="press-1", on=True)
        self._see("SBX-DEM-107", lambda: stage.look.alarm_up("silent/press-1"), 30)
        stage.switch("unplug", meter="press-1", on=False)
        self._see("SBX-DEM-108", lambda: not stage.look.alarm_up("silent/press-1"), 30)

    def _outage(self) -> None:
        stage = self.stage
        stage.kill_broker("city")
        before = stage.look.confirmed("city")
        self._see("SBX-DEM-109", lambda: stage.look.backlog("city") >= 2, 25)
        stage.kill_daemon()
        stage.start_daemon()
        self._see("SBX-DEM-110", self._all_read, 25)
        self._see("SBX-DEM-111", lambda: stage.look.confirmed("county") > before, 20)
        stage.start_broker("city")
        self._see(
            "SBX-DEM-112",
            lambda: stage.look.confirmed("city") > before and stage.look.backlog("city") <= 1,
            45,
        )

    def _complete(self) -> None:
        stage = self.stage
        head = stage.look.head()
        for name in PLATFORMS:
            complete = partial(stage.look.platform_complete, name, head)
            self._see("SBX-DEM-113", complete, 30, platform=name, head=str(head))
        if self.failed:
            return
        found = verify(stage, export(stage, "evidence.zip"))
        self._see("SBX-DEM-114", lambda: found["exit"] in (0, 1), 0, blocks=str(found["blocks"]))

    def _forgery(self) -> None:
        stage = self.stage
        forged = forge(stage.folder / "evidence.zip", "forged.zip")
        found = verify(stage, forged.path)
        caught = found["exit"] == 65 and found["first_wrong"] == forged.block
        self._see("SBX-DEM-115", lambda: caught, 0, block=str(forged.block))
