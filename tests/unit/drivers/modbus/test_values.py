"""Registers to decimals: exact, and no fill value becomes a number."""

import struct
from decimal import Decimal

import pytest

from config.profile import ModbusItem, ModbusType
from config.site import Meter
from drivers.modbus.values import raw
from drivers.scaling import primary

METER = Meter(
    id="m", bus="b", protocol="modbus-rtu", address="1", profile="p", ct=Decimal(40), pt=Decimal(100)
)


def _words(text: str) -> tuple[int, ...]:
    data = bytes.fromhex(text)
    return struct.unpack(f">{len(data) // 2}H", data)


@pytest.mark.parametrize(
    ("text", "kind", "expected"),
    [
        ("fffe", "u16", "65534"),
        ("fffe", "i16", "-2"),
        ("8000", "i16", "-32768"),
        ("00010002", "u32", "65538"),
        ("fffffffe", "i32", "-2"),
        ("ffffffffffffffff", "u64", "18446744073709551615"),
        ("ffffffffffffffff", "i64", "-1"),
        ("43673333", "f32", "231.2"),
        ("3dcccccd", "f32", "0.1"),
        ("7f7fffff", "f32", "340282350000000000000000000000000000000"),
        ("00000001", "f32", "1E-45"),
        ("80000000", "f32", "0"),
        ("4b800000", "f32", "16777216"),
        ("c49a5000", "f32", "-1234.5"),
        ("406ce66666666666", "f64", "231.2"),
        ("3fb999999999999a", "f64", "0.1"),
    ],
)
def test_types(text: str, kind: ModbusType, expected: str) -> None:
    words = _words(text)
    assert raw(words, kind, "be") == Decimal(expected)
    assert str(raw(words, kind, "be")) == expected
    assert raw(tuple(reversed(words)), kind, "le") == Decimal(expected)


@pytest.mark.parametrize("text", ["7fc00000", "ffc00000", "7f800000", "ff800000"])
def test_no_number_is_none(text: str) -> None:
    assert raw(_words(text), "f32", "be") is None


@pytest.mark.parametrize("text", ["7ff8000000000000", "fff0000000000000"])
def test_no_double_is_none(text: str) -> None:
    assert raw(_words(text), "f64", "be") is None


@pytest.mark.parametrize(
    ("value", "scale", "ratio", "expected"),
    [
        ("2312", "0.1", "none", "231.2"),
        ("2310", "0.1", "none", "231.0"),
        ("1234500", "0.01", "ct", "493800.00"),
        ("231.2", "1", "pt", "23120.0"),
        ("5", "0.001", "ptct", "20.000"),
        ("7", "1E+3", "none", "7000"),
        ("0", "0.01", "none", "0.00"),
        ("18446744073709551615", "0.001", "ptct", "73786976294838206460.000"),
    ],
)
def test_primary_is_exact(value: str, scale: str, ratio: str, expected: str) -> None:
    item = ModbusItem(quantity="p", address=0, type="u16", scale=Decimal(scale), ratio=ratio)  # type: ignore[arg-type]  # a text from the table
    assert str(primary(Decimal(value), item, METER)) == expected
