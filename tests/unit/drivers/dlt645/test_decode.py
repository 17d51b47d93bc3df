"""Frames in words, beyond what the vectors show."""

from __future__ import annotations

from itertools import product

import pytest

from drivers.dlt645.decode import Explained, explain
from drivers.dlt645.frame import hunt
from drivers.samples import Quality
from tests.unit.drivers.dlt645.meter import bcd, di, wire

ADDRESS = "123456789012"


def told(control: int, data: list[int]) -> Explained:
    ((_, frame),) = hunt(wire(ADDRESS, control, data)).frames
    return explain(frame)


def reply(name: str, data: list[int], control: int = 0x91) -> list[tuple[str, str | None]]:
    return [(i.name, i.value) for i in told(control, [*di(name), *data]).items]


def test_who_speaks_to_whom() -> None:
    asked = told(0x11, di("00010000"))
    assert (asked.direction, asked.function, asked.di, asked.more) == (
        "master->meter",
        "read",
        "00010000",
        False,
    )
    answered = told(0xB1, [*di("00010000"), 0, 0, 0, 0])
    assert (answered.direction, answered.function, answered.more) == ("meter->master", "read", True)
    assert answered.address == ADDRESS


def test_a_voltage_with_a_byte_more_is_flagged() -> None:
    assert reply("02010100", [0x01, 0x23, 0x00]) == [("voltage A", "230.1"), ("trailing", "00")]


@pytest.mark.parametrize("data", [[0x01, 0x23, 0x02], [0x01], [0x01, 0x23, 0x00, 0x00]])
def test_any_other_length_is_no_value(data: list[int]) -> None:
    items = told(0x91, [*di("02010100"), *data]).items
    assert (items[0].value, items[0].quality) == (None, Quality.INVALID)
    assert (items[1].name, items[1].value) == ("data of wrong length", bytes(data).hex())


def test_status_words_name_their_bits() -> None:
    (word,) = told(0x91, [*di("04000504"), 0x81, 0x00]).items
    assert (word.value, word.flags) == ("0x0081", ("voltage loss", "phase break"))
    (word,) = told(0x91, [*di("04000501"), 0x08, 0x80]).items
    assert word.flags == ("reading battery low", "clock fault")
    (word,) = told(0x91, [*di("04000502"), 0x08, 0x00]).items
    assert word.flags == ("bit 3",)


@pytest.mark.parametrize("length", [14, 18])
def test_the_status_block_of_old_and_new_meters(length: int) -> None:
    items = told(0x91, [*di("040005FF"), *range(1, length + 1)]).items
    assert [i.name for i in items] == [f"status word {n}" for n in range(1, length // 2 + 1)]
    assert items[1].value == "0x0403"


def test_a_block_with_fill_and_a_wrong_nibble() -> None:
    items = told(0x91, [*di("0201FF00"), *bcd("230.1", 2), 0xFF, 0xFF, 0x0A, 0x00]).items
    assert [(i.value, i.quality) for i in items] == [
        ("230.1", Quality.GOOD),
        (None, Quality.MISSING),
        (None, Quality.INVALID),
    ]


def test_apparent_power_without_its_top_bit() -> None:
    assert reply("02050000", [0x11, 0x22, 0x83]) == [("apparent power total", "3.2211")]
    block = reply("0205FF00", [0x11, 0x22, 0x83, *bcd("1.0000", 3), *bcd("1.1000", 3), 0x11, 0x22, 0x91])
    assert [value for _, value in block] == ["3.2211", "1.0000", "1.1000", "11.2211"]


def test_a_first_frame_shows_whole_fields_only() -> None:
    data = [*bcd("1.00", 4), *bcd("2.00", 4), 0x11, 0x22]
    assert reply("0001FF00", data, 0xB1) == [
        ("forward active energy block total", "1.00"),
        ("forward active energy block T1 sharp", "2.00"),
        ("cut by frame border", "1122"),
    ]


def test_a_follow_up_frame_shows_its_number() -> None:
    assert reply("0001FF00", [1, 2, 3, 7], 0xB2) == [("data", "010203"), ("sequence", "7")]


@pytest.mark.parametrize(
    ("word", "meaning"),
    [(0x01, "other error"), (0x02, "no such data requested"), (0x06, None), (0x80, "bit 7"), (0x00, "")],
)
def test_error_words(word: int, meaning: str | None) -> None:
    (item,) = told(0xD1, [word]).items
    assert item.value == f"0x{word:02x}"
    assert item.unit == (
        meaning if meaning is not None else "no such data requested, password wrong or not authorised"
    )


def test_an_error_frame_of_another_length_is_shown_as_sent() -> None:
    (item,) = told(0xDC, [1, 2]).items
    assert item.value == "3435"


@pytest.mark.parametrize("length", [0, 1, 3, 4, 5, 6, 16, 200])
def test_nothing_a_frame_can_hold_raises(length: int) -> None:
    for control, fill in product(range(256), (0x00, 0x99, 0xFF)):
        explained = told(control, [fill] * length)
        assert all((item.value is None) == (item.quality is not Quality.GOOD) for item in explained.items)


def test_texts_and_times() -> None:
    assert reply("04000404", list(b"V022\0\0")) == [("rated voltage", "220V")]
    assert reply("0400010C", [0x25, 0x40, 0x10, 0x01, 0x05, 0x06, 0x17]) == [
        ("date and time", "2017-06-05 10:40:25 weekday 01")
    ]
    assert reply("04000B01", [0x99, 0x99]) == [("settlement day 1", None)]
    assert reply("01010000", [*bcd("1.2345", 3), *[0] * 5]) == [
        ("forward active max demand total", "1.2345"),
        ("occurred", None),
    ]
