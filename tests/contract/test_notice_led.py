"""A LED in a real folder in place of /sys: what is written, and what is said when it cannot be."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from agent.notices import Outcome
from agent.notices.led import RENEW_MS, RETRY_MS, TRIAL_MS, LedNotice
from config.site import NotifyLed
from tests.support.notices import HandClock, change, led_folder, led_state

DARK = ("none", "0", "0", "0")
STEADY = ("none", "255", "0", "0")


class Lamp:
    def __init__(self, sysfs: Path) -> None:
        self.said: list[Outcome] = []
        self.clock = HandClock()
        self.notice = LedNotice(NotifyLed(id="lamp", led="red:alarm"), sysfs, self.said.append, self.clock)

    def step(self) -> int:
        return self.notice.step(self.clock())


@pytest.fixture
def lamp(tmp_path: Path) -> Lamp:
    return Lamp(tmp_path)


def test_alarm_steady_warning_blinks_nothing_dark(lamp: Lamp, tmp_path: Path) -> None:
    folder = led_folder(tmp_path, "red:alarm")
    (folder / "brightness").write_text("200")
    lamp.step()
    assert led_state(folder) == DARK, "what was lit before this start and is not up goes dark"
    lamp.notice.tell(change("a", level="warning"))
    lamp.step()
    assert led_state(folder) == ("timer", "0", "500", "500")
    lamp.notice.tell(change("b"))
    lamp.step()
    assert led_state(folder)[:2] == ("none", "255")
    lamp.notice.tell(change("b", "cleared"))
    lamp.notice.tell(change("a", "cleared", "warning"))
    lamp.step()
    assert led_state(folder)[:2] == ("none", "0")
    assert lamp.notice.checks() == ()
    assert lamp.said == []


def test_full_brightness_is_the_leds_own(lamp: Lamp, tmp_path: Path) -> None:
    folder = led_folder(tmp_path, "red:alarm", full=1)
    lamp.notice.tell(change("a"))
    lamp.step()
    assert led_state(folder)[:2] == ("none", "1")


def test_a_missing_led_is_said_once_and_tried_again(lamp: Lamp, tmp_path: Path) -> None:
    lamp.notice.tell(change("a"))
    due = lamp.step()
    assert due == lamp.clock() + RETRY_MS
    (check,) = lamp.notice.checks()
    assert (check.level, check.code, dict(check.args)) == (
        "warn",
        "SBX-NTF-001",
        {"notice": "lamp", "led": "red:alarm"},
    )
    lamp.clock.ms += 10 * RETRY_MS
    lamp.step()
    assert [outcome.code for outcome in lamp.said] == ["SBX-NTF-001"]
    assert list(tmp_path.iterdir()) == [], "nothing is made where nothing is"
    folder = led_folder(tmp_path, "red:alarm")
    lamp.clock.ms += RETRY_MS
    lamp.step()
    assert led_state(folder) == STEADY
    assert [outcome.code for outcome in lamp.said] == ["SBX-NTF-001", "SBX-NTF-004"]
    assert lamp.notice.checks() == ()


def test_a_led_that_refuses_is_said(lamp: Lamp, tmp_path: Path) -> None:
    folder = led_folder(tmp_path, "red:alarm")
    (folder / "brightness").unlink()
    (folder / "brightness").mkdir()  # refuses every writer, root as well
    lamp.notice.tell(change("a"))
    lamp.step()
    (check,) = lamp.notice.checks()
    assert check.code == "SBX-NTF-002"
    assert check.args["reason"] == "Is a directory"
    assert lamp.notice.row()["state"] is None, "it is not known what it shows"


def test_it_blinks_without_delay_files(lamp: Lamp, tmp_path: Path) -> None:
    folder = led_folder(tmp_path, "red:alarm")
    (folder / "delay_on").unlink()
    (folder / "delay_off").unlink()
    lamp.notice.tell(change("a", level="warning"))
    lamp.step()
    assert (folder / "trigger").read_text() == "timer"
    assert lamp.notice.checks() == ()
    assert not (folder / "delay_on").exists()


def test_what_somebody_else_set_is_set_back_within_a_minute(lamp: Lamp, tmp_path: Path) -> None:
    folder = led_folder(tmp_path, "red:alarm")
    lamp.notice.tell(change("a"))
    due = lamp.step()
    (folder / "brightness").write_text("0")
    assert due == lamp.clock() + RENEW_MS
    lamp.clock.ms = due
    lamp.step()
    assert led_state(folder) == STEADY


@pytest.mark.parametrize(
    ("level", "trial", "after"),
    [(None, "timer", "none"), ("alarm", "timer", "none"), ("warning", "none", "timer")],
)
def test_a_test_shows_another_pattern_for_three_seconds(
    lamp: Lamp, tmp_path: Path, level: str | None, trial: str, after: str
) -> None:
    folder = led_folder(tmp_path, "red:alarm")
    if level is not None:
        lamp.notice.tell(change("a", level=level))
    lamp.step()
    outcomes: list[Outcome | None] = []
    person = threading.Thread(target=lambda: outcomes.append(lamp.notice.test()))
    person.start()
    while person.is_alive():
        due = lamp.step()
        person.join(0.01)
    assert outcomes == [Outcome(True, "SBX-NTF-004", {"notice": "lamp", "led": "red:alarm"})]
    assert led_state(folder)[0] == trial
    assert due == lamp.clock() + TRIAL_MS
    lamp.clock.ms = due
    lamp.step()
    assert led_state(folder)[0] == after


def test_its_thread_shows_at_once_and_goes_dark_at_a_stop(tmp_path: Path) -> None:
    folder = led_folder(tmp_path, "red:alarm")
    shown = threading.Event()
    lamp = Lamp(tmp_path)
    real = lamp.notice.step

    def step(now_ms: int) -> int:
        due = real(now_ms)
        if led_state(folder) == STEADY:
            shown.set()
        return due

    lamp.notice.step = step  # type: ignore[method-assign]  # looks on
    stop = threading.Event()
    thread = threading.Thread(target=lamp.notice.run, args=(stop,))
    thread.start()
    lamp.notice.tell(change("a"))
    assert shown.wait(5)
    stop.set()
    thread.join(5)
    assert not thread.is_alive()
    assert led_state(folder) == DARK
