"""A meter's own ratio that changes is on record, with the old and the new one, through restarts as well.

On a real folder (tmp_path) with the real journal; only the clock is run by hand.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from agent.meters.ratios import told
from config.profiles import builtin_profiles
from config.site import Meter
from drivers.samples import PollResult, Quality, Sample
from tests.support.boxes import Box, result
from tests.support.plants import PAIR, plant


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    made = Box(tmp_path, plant(PAIR))
    made.start(0)
    yield made
    made.crash()


def reading(second: float, meter: str = "kiln-m", **ratios: str | None) -> PollResult:
    """A poll that tells ratios; None: the meter did not."""
    samples = [
        Sample(name, None, Quality.MISSING) if text is None else Sample(name, Decimal(text), Quality.GOOD)
        for name, text in ratios.items()
    ]
    return result(meter, second, "1.0")._replace(samples=(*samples, Sample("p", Decimal(1), Quality.GOOD)))


def take(box: Box, *results: PollResult) -> list[tuple[str, str, str, str]]:
    """Let the recorder take the polls; all events so far."""
    for one in results:
        box.inbox.put(one)
        box.recorder.step(box.at(one.mono_ms / 1000))
    box.recorder.step(box.at(results[-1].mono_ms / 1000 + 1))  # committed
    return [(e["m"], e["name"], e["old"], e["new"]) for e in box.records("meter-event")]


def test_a_change_is_recorded_once_with_the_reading_that_shows_it(box: Box) -> None:
    assert take(box, reading(10, ct="40", pt="1"), reading(20, ct="40.0", pt="1")) == []
    assert take(box, reading(30, ct="60", pt="1"), reading(40, ct="60", pt="1")) == [
        ("kiln-m", "ct", "40.0", "60")
    ]
    (event,) = box.records("meter-event")
    (shown,) = [r for r in box.records("reading") if r["mono"] == 30_000]
    assert event["what"] == "ratio"
    assert (event["since_i"], event["mono"]) == (shown["i"], 30_000)
    assert shown["v"]["ct"] == "60"


def test_each_meter_and_each_ratio_is_its_own(box: Box) -> None:
    take(box, reading(10, ct="40", pt="1"), reading(11, "scrubber-m", ct="20", pt="1"))
    assert take(box, reading(20, ct="40", pt="100"), reading(21, "scrubber-m", ct="30", pt="1")) == [
        ("kiln-m", "pt", "1", "100"),
        ("scrubber-m", "ct", "20", "30"),
    ]


def test_a_ratio_that_is_not_told_is_no_change(box: Box) -> None:
    polls = [
        reading(10, ct="40"),
        reading(20, ct=None),
        reading(30),
        result("kiln-m", 40, None),
        reading(50, ct="40"),
    ]
    assert take(box, *polls) == []
    assert take(box, reading(60, ct="41")) == [("kiln-m", "ct", "40", "41")]


@pytest.mark.parametrize("clean", [True, False])
def test_a_change_while_the_box_was_off_is_seen(box: Box, clean: bool) -> None:
    take(box, reading(10, ct="40"), reading(20))
    if clean:
        box.stop(30)
    else:
        box.crash()
    box.start(40)
    assert take(box, reading(50, ct="60")) == [("kiln-m", "ct", "40", "60")]
    assert take(box, reading(60, ct="60")) == [("kiln-m", "ct", "40", "60")]


def test_only_meters_whose_profile_reads_a_ratio_tell_one() -> None:
    profiles = builtin_profiles()
    meters = tuple(
        Meter(id=name, bus="b", protocol="modbus-rtu", address="1", profile=name)
        for name in ("acrel-adl400-ratio", "eastron-sdm630", "dlt645-2007-3p")
    )
    assert told(replace(plant(PAIR), meters=meters), profiles) == {
        ("acrel-adl400-ratio", "ct"),
        ("acrel-adl400-ratio", "pt"),
    }
