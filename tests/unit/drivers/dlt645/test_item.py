"""The table of data items: complete where it claims to be, and silent where it knows nothing."""

from __future__ import annotations

import pytest

from drivers.dlt645.item import lookup
from drivers.dlt645.layout import Field


def fields(di: str) -> list[tuple[str, str, int, str, bool]]:
    layout = lookup(di)
    assert layout is not None
    return [(f.name, f.form, f.size, f.unit, f.signed) for f in layout.fields]


@pytest.mark.parametrize(
    ("di", "name", "form", "size", "unit", "signed"),
    [
        ("00000000", "combined active energy total", "XXXXXX.XX", 4, "kWh", True),
        ("00010000", "forward active energy total", "XXXXXX.XX", 4, "kWh", False),
        ("00010100", "forward active energy T1 sharp", "XXXXXX.XX", 4, "kWh", False),
        ("00013f00", "forward active energy T63", "XXXXXX.XX", 4, "kWh", False),
        ("0001000C", "forward active energy total, settlement 12", "XXXXXX.XX", 4, "kWh", False),
        ("00020000", "reverse active energy total", "XXXXXX.XX", 4, "kWh", False),
        ("00030000", "combined reactive 1 energy total", "XXXXXX.XX", 4, "kvarh", True),
        ("00040000", "combined reactive 2 energy total", "XXXXXX.XX", 4, "kvarh", True),
        ("00080000", "quadrant-4 reactive energy total", "XXXXXX.XX", 4, "kvarh", False),
        ("000A0000", "reverse apparent energy total", "XXXXXX.XX", 4, "kVAh", False),
        ("00150000", "phase A forward active energy", "XXXXXX.XX", 4, "kWh", False),
        ("001E0000", "phase A reverse apparent energy", "XXXXXX.XX", 4, "kVAh", False),
        ("00290000", "phase B forward active energy", "XXXXXX.XX", 4, "kWh", False),
        ("003F0000", "phase C combined reactive 1 energy", "XXXXXX.XX", 4, "kvarh", True),
        ("00440000", "phase C quadrant-4 reactive energy", "XXXXXX.XX", 4, "kvarh", False),
        ("00850000", "copper loss active energy total", "XXXXXX.XX", 4, "kWh", False),
        ("00C20000", "phase C iron loss active energy", "XXXXXX.XX", 4, "kWh", False),
        ("02010300", "voltage C", "XXX.X", 2, "V", False),
        ("02020100", "current A", "XXX.XXX", 3, "A", True),
        ("02030000", "active power total", "XX.XXXX", 3, "kW", True),
        ("02040300", "reactive power C", "XX.XXXX", 3, "kvar", True),
        ("02050000", "apparent power total", "XX.XXXX", 3, "kVA", False),
        ("02060200", "power factor B", "X.XXX", 2, "", True),
        ("02070100", "phase angle A", "XXX.X", 2, "deg", False),
        ("020B0315", "current C harmonic 21", "XX.XX", 2, "%", False),
        ("02800001", "neutral current", "XXX.XXX", 3, "A", True),
        ("02800002", "frequency", "XX.XX", 2, "Hz", False),
        ("02800007", "temperature", "XXX.X", 2, "C", True),
        ("04000101", "date", "WW DD MM YY", 4, "", False),
        ("04000409", "active constant", "XXXXXX", 3, "imp/kWh", False),
        ("04000A07", "load class 6 interval", "XXXX", 2, "min", False),
        ("04000B03", "settlement day 3", "hh DD", 2, "", False),
        ("04800003", "maker's code", "ascii", 32, "", False),
    ],
)
def test_items(di: str, name: str, form: str, size: int, unit: str, signed: bool) -> None:
    assert fields(di) == [(name, form, size, unit, signed)]


def test_the_top_bit_of_apparent_power_alone_is_masked() -> None:
    known = (f"02{di2:02X}{di1:02X}00" for di2 in range(0x0C) for di1 in (0, 1, 2, 3, 0xFF))
    found = {di: {f.masked for f in layout.fields} for di in known if (layout := lookup(di)) is not None}
    assert {di for di, masked in found.items() if masked == {True}} == {
        "02050000",
        "02050100",
        "02050200",
        "02050300",
        "0205FF00",
    }
    assert {frozenset(masked) for masked in found.values()} == {frozenset({True}), frozenset({False})}
    for di in ("00090000", "01090000", "02800006"):
        layout = lookup(di)
        assert layout is not None
        assert not any(f.masked for f in layout.fields), di


@pytest.mark.parametrize(
    ("di", "lengths"),
    [
        ("0201FF00", {6}),
        ("0202FF00", {9}),
        ("0203FF00", {12}),
        ("0206FF00", {8}),
        ("02010100", {2}),
        ("01010000", {8}),
        ("040005FF", {14, 18}),
        ("0001FF00", set(range(4, 257, 4))),
        ("000000FF", set(range(4, 53, 4))),
        ("0101FF00", set(range(8, 513, 8))),
        ("04000403", {32}),
    ],
)
def test_lengths(di: str, lengths: set[int]) -> None:
    layout = lookup(di)
    assert layout is not None
    assert {n for n in range(600) if layout.count(n) is not None} == lengths


def test_tariff_blocks() -> None:
    assert [f[0] for f in fields("0001FF00")][:6] == [
        "forward active energy block total",
        "forward active energy block T1 sharp",
        "forward active energy block T2 peak",
        "forward active energy block T3 flat",
        "forward active energy block T4 valley",
        "forward active energy block T5",
    ]
    assert [f[0] for f in fields("000100FF")][:2] == [
        "forward active energy total, now",
        "forward active energy total, settlement 1",
    ]
    assert [f[0] for f in fields("01010000")] == ["forward active max demand total", "occurred"]


@pytest.mark.parametrize(
    "di",
    [
        "000B0000",  # after the last kind
        "00140000",
        "001F0000",  # between the phases
        "00014000",  # tariff 64
        "0001000D",  # settlement 13
        "0001FFFF",
        "00870000",
        "009B0000",
        "01000000",  # demand of combined active
        "010B0000",
        "02000000",
        "02010000",
        "02010400",
        "020A0116",
        "020A0100",
        "03990000",
        "03010401",
        "0330000B",
        "05080001",
        "05060000",
        "0506FF01",
        "04000999",
        "06000001",
        "FFFFFFFF",
    ],
)
def test_nothing_is_known_of(di: str) -> None:
    assert lookup(di) is None


def test_only_a_voltage_may_carry_a_byte_more_and_only_nought() -> None:
    voltage, frequency, block = lookup("02010100"), lookup("02800002"), lookup("0201FF00")
    assert voltage is not None
    assert frequency is not None
    assert block is not None
    assert voltage.spared(b"\x01\x23\x00")
    assert not voltage.spared(b"\x01\x23\x01")
    assert not voltage.spared(b"\x01\x00")
    assert not voltage.spared(b"\x01\x23\x00\x00")
    assert not frequency.spared(b"\x03\x50\x00")
    assert not block.spared(bytes(7))


def test_the_table_cannot_be_changed() -> None:
    layout = lookup("02010100")
    assert layout is not None
    assert isinstance(layout.fields, tuple)
    with pytest.raises(AttributeError):
        layout.fields[0].name = "x"  # type: ignore[misc]  # the point
    assert layout.fields[0] == Field("voltage A", "number", 2, "XXX.X", "V", False)
