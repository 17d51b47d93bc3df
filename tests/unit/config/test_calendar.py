"""Windows and moments as orders write them: hour 24, midnight, days of the week, summer time."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

import pytest

from config.calendar import Window, day_of, day_span, holding, moment, moment_ms

SHANGHAI = ZoneInfo("Asia/Shanghai")
BERLIN = ZoneInfo("Europe/Berlin")


def at(text: str, zone: ZoneInfo = SHANGHAI) -> int:
    return moment_ms(text, zone)


def test_hour_24_is_the_next_day() -> None:
    assert at("2026-11-25 24:00") == at("2026-11-26 00:00")
    assert moment(at("2026-12-31 24:00"), SHANGHAI) == "2027-01-01 00:00"


@pytest.mark.parametrize(
    "text",
    ["2026-11-25", "2026-11-25 24:01", "2026-11-25 24:00:01", "2026-02-30 10:00", "25.11.2026 10:00", ""],
)
def test_no_other_moment_is_taken(text: str) -> None:
    with pytest.raises(ValueError):
        moment_ms(text, SHANGHAI)


@pytest.mark.parametrize(
    ("window", "inside", "outside"),
    [
        ("22:00-06:00", ["2026-11-25 22:00", "2026-11-26 05:59"], ["2026-11-25 21:59", "2026-11-26 06:00"]),
        ("00:00-24:00", ["2026-11-25 00:00", "2026-11-25 23:59"], []),
        (
            "fri 22:00-06:00",
            ["2026-11-27 23:00", "2026-11-28 05:00"],
            ["2026-11-28 23:00", "2026-11-27 05:00"],
        ),
        ("sat-mon 08:00-10:00", ["2026-11-28 09:00", "2026-11-30 09:00"], ["2026-12-01 09:00"]),
        ("mon,wed 08:00-10:00", ["2026-11-25 09:00"], ["2026-11-24 09:00"]),
    ],
)
def test_windows(window: str, inside: list[str], outside: list[str]) -> None:
    found = Window.parse(window)
    assert Window.parse(str(found)) == found
    for text in inside:
        assert holding(found, at(text), SHANGHAI) is not None, text
    for text in outside:
        assert holding(found, at(text), SHANGHAI) is None, text


def test_a_window_over_midnight_is_one_span() -> None:
    night = Window.parse("22:00-06:00")
    assert night.minutes == 480
    late, early = (holding(night, at(text), SHANGHAI) for text in ("2026-11-25 23:00", "2026-11-26 01:00"))
    assert late == early == (at("2026-11-25 22:00"), at("2026-11-26 06:00"))


@pytest.mark.parametrize(
    "text", ["24:00-06:00", "06:00-06:00", "6:00-8:00", "06:00-25:00", "xyz 06:00-08:00", ""]
)
def test_no_other_window_is_taken(text: str) -> None:
    with pytest.raises(ValueError):
        Window.parse(text)


def test_days_of_summer_time_have_23_and_25_hours() -> None:
    for day, hours in ((date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 7, 1), 24)):
        start, end = day_span(day, BERLIN)
        assert (end - start) // 3_600_000 == hours
        assert day_of(start, BERLIN) == day_of(end - 1, BERLIN) == day
