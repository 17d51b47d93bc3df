"""A LED of the kernel as a notice. Writes below ``<sysfs>/class/leds/<name>`` and nowhere else.

What is written (Documentation/leds/leds-class.rst of the kernel)::

    dark     none > trigger    0 > brightness
    steady   none > trigger    max_brightness > brightness
    blink    timer > trigger   500 > delay_on, delay_off (ms)

The two delay files appear only with the trigger, owned by root until udev has given them away; the kernel's
own pace for a timer without delays is 500 ms as well (``led_blink_setup`` in drivers/leds/led-core.c), so a
LED whose delays cannot be written blinks all the same. A LED that is not there is tried again, and status
says so.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from agent.check import Check
from agent.notices import Document, Outcome
from agent.notices.board import Board, Pattern
from config.site import NotifyLed

BLINK_MS: Final = 500
RETRY_MS: Final = 10_000  # a LED that cannot be set
RENEW_MS: Final = 60_000  # one that can: somebody else may have set it, or it was plugged in anew
TRIAL_MS: Final = 3_000  # how long a test shows
PATIENCE_S: Final = 5.0
WAIT_S: Final = 1.0


class LedNotice:
    """A ``Notice``. ``report`` is told when it ceases to work, and when it works again."""

    kind = "led"

    def __init__(
        self,
        config: NotifyLed,
        sysfs: Path,
        report: Callable[[Outcome], None],
        mono_ms: Callable[[], int],
    ) -> None:
        self._config = config
        self._folder = sysfs / "class" / "leds" / config.led
        self._report = report
        self._mono_ms = mono_ms
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._board = Board(config.levels)
        self._shown: Pattern | None = None
        self._due_ms = 0
        self._trial_ms: int | None = None  # a test shows until then
        self._asked: threading.Event | None = None
        self._outcome = Outcome(True, "SBX-NTF-004", self._facts())

    def tell(self, document: Document) -> None:
        """An alarm changed. Never waits."""
        with self._lock:
            self._board.take(document)
        self._wake.set()

    def test(self) -> Outcome | None:
        """Show what it does not show now, for three seconds."""
        done = threading.Event()
        self._asked = done
        self._wake.set()
        return self._outcome if done.wait(PATIENCE_S) else None

    def checks(self) -> tuple[Check, ...]:
        """The LED's own fault."""
        found = self._outcome
        return () if found.ok else (Check("notify", "warn", found.code, found.facts, "sitebox notify list"),)

    def row(self) -> dict[str, Any]:
        """How it stands."""
        return {
            "id": self._config.id,
            "kind": self.kind,
            "levels": list(self._config.levels),
            "does": self._config.led,
            "state": self._shown,
            "held": 0,
            "ok": self._outcome.ok,
            "code": self._outcome.code,
            "facts": dict(self._outcome.facts),
        }

    def run(self, stop: threading.Event) -> None:
        """Show what is up until ``stop``, then go dark: who does not judge does not claim an alarm."""
        while not stop.is_set():
            due_ms = self.step(self._mono_ms())
            self._wake.wait(min(WAIT_S, max(0, due_ms - self._mono_ms()) / 1000))
            self._wake.clear()
        self._set("dark")

    def step(self, now_ms: int) -> int:
        """Set the LED when it should show something else, or it is time to look after it; the next due."""
        asked, self._asked = self._asked, None
        with self._lock:
            wanted = self._board.pattern()
        if asked is not None:
            self._trial_ms = now_ms + TRIAL_MS
        if self._trial_ms is not None and now_ms < self._trial_ms:
            wanted = "steady" if wanted == "blink" else "blink"
        elif self._trial_ms is not None:
            self._trial_ms = None
        if wanted != self._shown or now_ms >= self._due_ms or asked is not None:
            self._set(wanted)
            self._due_ms = now_ms + (RENEW_MS if self._outcome.ok else RETRY_MS)
        if asked is not None:
            asked.set()
        return min(self._due_ms, self._trial_ms or self._due_ms)

    def _set(self, wanted: Pattern) -> None:
        before = self._outcome
        self._outcome = self._write(wanted)
        self._shown = wanted if self._outcome.ok else None
        if self._outcome.code != before.code:
            self._report(self._outcome)

    def _write(self, wanted: Pattern) -> Outcome:
        try:
            if wanted == "blink":
                _put(self._folder / "trigger", "timer")
                with contextlib.suppress(OSError):  # the kernel's own pace is the same
                    _put(self._folder / "delay_on", str(BLINK_MS))
                    _put(self._folder / "delay_off", str(BLINK_MS))
            else:
                full = (self._folder / "max_brightness").read_text(encoding="ascii").strip()
                _put(self._folder / "trigger", "none")
                _put(self._folder / "brightness", full if wanted == "steady" else "0")
        except FileNotFoundError:
            return Outcome(False, "SBX-NTF-001", self._facts())
        except (OSError, ValueError) as error:
            return Outcome(False, "SBX-NTF-002", {**self._facts(), "reason": _reason(error)})
        return Outcome(True, "SBX-NTF-004", self._facts())

    def _facts(self) -> dict[str, str]:
        return {"notice": self._config.id, "led": self._config.led}


def _put(path: Path, word: str) -> None:
    """Write an attribute that exists; never makes a file."""
    with open(os.open(path, os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC), "w", encoding="ascii") as file:
        file.write(word)


def _reason(error: OSError | ValueError) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or type(error).__name__
