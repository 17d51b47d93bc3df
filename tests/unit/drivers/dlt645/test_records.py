"""Events, freezes and load records beyond the vectors: shapes, borders, and records not to be believed."""

from __future__ import annotations

import random

import pytest

from drivers.dlt645 import load
from drivers.dlt645.item import lookup
from drivers.samples import Quality
from tests.unit.drivers.dlt645.meter import bcd
from tests.unit.drivers.dlt645.test_decode import reply, told

CLOCK = [0x05, 0x40, 0x16, 0x23, 0x11, 0x26]  # ss mm hh DD MM YY
WHEN = "2026-11-23 16:40:05"
FREEZE_TIME = [0x00, 0x00, 0x23, 0x11, 0x26]
SEED = 6


@pytest.mark.parametrize(
    ("di", "size"),
    [
        ("03010000", 18),
        ("03010101", 131),
        ("0304030A", 131),
        ("03050000", 6),
        ("030E0000", 18),
        ("030E0101", 115),
        ("03110000", 3),
        ("03110001", 12),
        ("03300000", 3),
        ("03300001", 50),
        ("03300100", 3),
        ("0330010A", 106),
        ("03300301", 14),
        ("03300400", 3),
        ("03300401", 16),
        ("03300D00", 3),
        ("03300D01", 60),
        ("03300E01", 60),
        ("05060001", 5),
        ("05061001", 24),
        ("05040101", 4),
    ],
)
def test_sizes_of_events_and_freezes(di: str, size: int) -> None:
    layout = lookup(di)
    assert layout is not None
    assert layout.count(size) == len(layout.fields) or layout.count(size) == layout.least
    assert sum(field.size for field in layout.fields[: layout.least]) == size


def test_a_power_down_record_has_its_two_times() -> None:
    assert reply("03110001", [*CLOCK, *CLOCK]) == [("event start", WHEN), ("event end", WHEN)]
    assert reply("03110000", bcd("12", 3)) == [("power-down event count", "12")]


def test_a_record_of_an_event_that_never_happened_has_no_values() -> None:
    items = told(0x91, [1, 0, 0x11, 3, *[0] * 12]).items
    assert [(i.value, i.quality) for i in items] == [(None, Quality.MISSING)] * 2


def test_a_time_setting_says_who_and_how_far() -> None:
    assert reply("03300401", [0x78, 0x56, 0x34, 0x12, *CLOCK, 0x06, *CLOCK[1:]]) == [
        ("operator", "12345678"),
        ("before", WHEN),
        ("after", "2026-11-23 16:40:06"),
    ]


def test_a_programming_record_names_the_items_written() -> None:
    items = reply("03300001", [*CLOCK, 1, 0, 0, 0, 0x01, 0x0C, 0x00, 0x04, *[0xFF] * 36])
    assert items[:4] == [("occurred", WHEN), ("operator", "00000001"), ("DI 1", "04000C01"), ("DI 2", None)]


def test_a_freeze_with_its_tariffs() -> None:
    data = [byte for n in range(5) for byte in bcd(f"{n}.00", 4)]
    items = reply("05060101", data)
    assert [value for _, value in items] == ["0.00", "1.00", "2.00", "3.00", "4.00"]
    assert items[1][0] == "daily freeze forward active energy T1, last 1"


@pytest.mark.parametrize("border", [[], [0xAA]])
def test_an_hourly_set_with_and_without_borders(border: list[int]) -> None:
    data = [*FREEZE_TIME, *border, *bcd("7.01", 4), *border, *bcd("0.02", 4)]
    assert [value for _, value in reply("0504FF01", data)] == ["2026-11-23 00:00", "7.01", "0.02"]


def test_a_daily_set_is_walked_part_by_part() -> None:
    energy = [*bcd("7.01", 4), *bcd("3.00", 4), 0xAA]
    demand = [*bcd("1.5", 3), 0x15, 0x08, 0x22, 0x11, 0x26, 0xAA]
    powers = [byte for _ in range(8) for byte in bcd("-0.2512", 3)]
    data = [*FREEZE_TIME, 0xAA, *energy * 3, 0xAA, *energy * 4, *demand, 0xAA, *powers, 0xAA]
    items = reply("0506FF01", data)
    assert len(items) == 1 + 14 + 2 + 8
    assert [value for _, value in items[-3:]] == ["-0.2512"] * 3
    assert ("daily freeze forward active max demand total time, last 1", "2026-11-22 08:15") in items


@pytest.mark.parametrize("size", [1, 4, 6, 8, 12, 14, 30])
def test_a_set_that_does_not_come_out_even_has_no_values(size: int) -> None:
    items = told(0x91, [1, 0xFF, 4, 5, *[0x11] * size]).items
    assert {i.value for i in items if i.kind != "text"} == {None}


def record(body: list[int], mark: int = 0xA0) -> list[int]:
    raw = [mark, mark, len(body) + 5, 0x15, 0x00, 0x07, 0x01, 0x26, *body]
    return [*raw, sum(raw) % 256, 0xE5]


ENERGY = [*bcd("100.25", 4), *bcd("1.00", 4), *bcd("-10.05", 4), *bcd("2.00", 4)]
NAMES = ["fwd active", "rev active", "comb reactive 1", "comb reactive 2"]


@pytest.mark.parametrize(("before", "behind"), [(3, 3), (0, 3), (0, 1), (0, 0)])
def test_a_single_class_with_and_without_the_borders_of_others(before: int, behind: int) -> None:
    found = load.parse("06040001", bytes(record([*[0xAA] * before, *ENERGY, *[0xAA] * behind])))
    (one,) = found.records
    assert (one.time, one.quality, found.rest) == ("2026-01-07 00:15", Quality.GOOD, b"")
    assert [(i.name, i.value) for i in one.items] == list(
        zip(NAMES, ["100.25", "1.00", "-10.05", "2.00"], strict=True)
    )


def test_class_six_of_a_newer_meter() -> None:
    six = [*bcd("1.2345", 3), *bcd("-0.0112", 3), *bcd("-1.500", 3), *bcd("2.0000", 3)]
    for body in ([*[0xAA] * 5, *six, 0xAA], [*six, 0xAA], six):
        (one,) = load.parse("06060001", bytes(record(body))).records
        assert [i.value for i in one.items] == ["1.2345", "-0.0112", "-1.500", "2.0000"]


def test_a_record_of_no_class_is_good_and_empty() -> None:
    (one,) = load.parse("06000001", bytes(record([0xAA] * 6))).records
    assert (one.quality, one.items) == (Quality.GOOD, ())


def test_what_is_not_to_be_believed() -> None:
    good = record([*[0xAA] * 3, *ENERGY, *[0xAA] * 3])
    marked = record([*[0xAA] * 3, *ENERGY, *[0xAA] * 3], mark=0xE0)
    flipped = [*good[:12], good[12] ^ 1, *good[13:]]
    uneven = record([*[0xAA] * 3, *ENERGY[1:], *[0xAA] * 3])
    found = load.parse("06040001", bytes([*good, *marked, *flipped, *uneven, *good]))
    assert [one.reason for one in found.records] == [
        "",
        "record the meter marks as wrong",
        "record with wrong sum",
        "record of unknown shape",
        "",
    ]
    assert [len(one.items) for one in found.records] == [4, 0, 0, 0, 4]


@pytest.mark.parametrize("data", [b"", b"\x00\x00", b"\xff\xff\xff\xff"])
def test_an_empty_reply_means_no_record(data: bytes) -> None:
    assert load.parse("06040001", data) == load.Records((), b"")


def test_fill_for_a_phase_that_is_not_there() -> None:
    one = [*bcd("230.1", 2), *[0xFF] * 4, *bcd("1.500", 3), *[0xFF] * 6, *bcd("50.00", 2)]
    (found,) = load.parse("06010001", bytes(record([*one, *[0xAA] * 6]))).records
    assert [i.quality for i in found.items][:3] == [Quality.GOOD, Quality.MISSING, Quality.MISSING]
    assert found.items[-1].value == "50.00"


def test_apparent_power_of_a_record_is_that_of_its_live_item() -> None:
    demands = [*bcd("1.0000", 3), *bcd("0.5000", 3), *bcd("0.100", 3), 0x11, 0x22, 0x83]
    (found,) = load.parse("06060001", bytes(record([*[0xAA] * 5, *demands, 0xAA]))).records
    assert (found.items[-1].name, found.items[-1].value) == ("apparent power", "3.2211")


def test_broken_records_never_raise_and_never_show_a_value_that_was_not_sent() -> None:
    rng = random.Random(SEED)
    good = bytes(record([*[0xAA] * 3, *ENERGY, *[0xAA] * 3]) * 3)
    for _ in range(2000):
        raw = bytearray(good)
        for _ in range(rng.randint(1, 4)):
            at = rng.randrange(len(raw))
            raw[at : at + rng.randint(0, 2)] = rng.randbytes(rng.randint(0, 2))
        for one in load.parse(rng.choice(["06000001", "06040001", "06070001"]), bytes(raw)).records:
            assert one.raw in bytes(raw)
            assert one.quality is Quality.GOOD or not one.items
            assert all(item.raw in one.raw for item in one.items), raw.hex()
