"""Data formats: exact digits, the sign, fill, and nothing that is only nearly right."""

from __future__ import annotations

from decimal import Decimal

import pytest

from drivers.dlt645.format import (
    CLOCKS,
    FormatError,
    bit_taker,
    digits,
    filled,
    take,
    take_ascii,
    take_clock,
    take_digits,
    take_word,
)
from drivers.samples import Quality


@pytest.mark.parametrize(
    ("form", "size", "decimals"),
    [
        ("XXXXXX.XX", 4, 2),
        ("XX.XXXX", 3, 4),
        ("XXX.XXX", 3, 3),
        ("XXX.X", 2, 1),
        ("X.XXX", 2, 3),
        ("XX", 1, 0),
    ],
)
def test_sizes(form: str, size: int, decimals: int) -> None:
    assert digits(form) == (size, decimals)


@pytest.mark.parametrize("form", ["", "X", "XX.X", "XX.", ".XX", "X.X.XX", "NN", "XX X", "xx"])
def test_no_such_format(form: str) -> None:
    with pytest.raises(FormatError):
        digits(form)


@pytest.mark.parametrize(
    ("raw", "form", "signed", "value"),
    [
        ("122580", "XX.XXXX", True, "-0.2512"),
        ("122500", "XX.XXXX", True, "0.2512"),
        ("122580", "XX.XXXX", False, "80.2512"),
        ("999979", "XX.XXXX", True, "79.9999"),
        ("9999ff", "XX.XXXX", True, None),
        ("9999f9", "XX.XXXX", True, "-79.9999"),
        ("000000", "XX.XXXX", True, "0.0000"),
        ("000080", "XX.XXXX", True, "0.0000"),
        ("26801201", "XXXXXX.XX", False, "11280.26"),
        ("00000000", "XXXXXX.XX", False, "0.00"),
        ("0110", "XXX.X", False, "100.1"),
        ("0110", "X.XXX", False, "1.001"),
        ("12345678", "XXXXXXXX", False, "78563412"),
        ("99", "XX", False, "99"),
    ],
)
def test_digits_are_the_meters(raw: str, form: str, signed: bool, value: str | None) -> None:
    taken = take(bytes.fromhex(raw), form, signed=signed)
    assert (None if taken.value is None else str(taken.value)) == value
    assert (taken.quality is Quality.GOOD) == (value is not None)


@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize(
    ("raw", "value"),
    [
        ("112283", "3.2211"),
        ("112203", "3.2211"),
        ("999979", "79.9999"),
        ("9999f9", "79.9999"),
        ("000080", "0.0000"),
        ("000090", "10.0000"),
        ("0000ff", None),
        ("ffffff", None),
        ("00000f", None),
    ],
)
def test_a_masked_top_bit_is_no_part_of_the_number(raw: str, value: str | None, signed: bool) -> None:
    taken = take(bytes.fromhex(raw), "XX.XXXX", signed=signed, masked=True)
    assert (None if taken.value is None else str(taken.value)) == value


@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize("fill", [0xFF, 0xEE])
def test_fill_is_missing(fill: int, signed: bool) -> None:
    for form in ("XX", "XXX.X", "XX.XXXX", "XXXXXX.XX"):
        taken = take(bytes([fill]) * digits(form)[0], form, signed=signed)
        assert (taken.value, taken.quality) == (None, Quality.MISSING)


@pytest.mark.parametrize("raw", ["0a00", "a000", "000a", "00a0", "ff00", "00ff", "ee01", "ffee", "eeff"])
def test_a_nibble_that_is_no_digit_is_invalid(raw: str) -> None:
    taken = take(bytes.fromhex(raw), "XXX.X")
    assert (taken.value, taken.quality) == (None, Quality.INVALID)


@pytest.mark.parametrize("raw", ["", "00", "000000", "ff", "ffffff"])
def test_a_wrong_length_is_invalid(raw: str) -> None:
    taken = take(bytes.fromhex(raw), "XXX.X")
    assert (taken.value, taken.quality) == (None, Quality.INVALID)


def test_nothing_is_not_filled() -> None:
    assert not filled(b"")


def test_no_float_is_in_the_way() -> None:
    for number in range(0, 100_000_000, 999_983):
        text = f"{number:08d}"
        taken = take(bytes.fromhex(text)[::-1], "XXXXXX.XX")
        assert taken.value == Decimal(number).scaleb(-2)


@pytest.mark.parametrize(
    ("raw", "order", "text"),
    [
        ("01110116", "WW DD MM YY", "2016-01-11 weekday 01"),
        ("042222", "ss mm hh", "22:22:04"),
        ("000000", "ss mm hh", "00:00:00"),
        ("0012010123", "mm hh DD MM YY", "2023-01-01 12:00"),
        ("0024010123", "mm hh DD MM YY", "2023-01-01 24:00"),
        ("254010050617", "ss mm hh DD MM YY", "2017-06-05 10:40:25"),
        ("254010310617", "ss mm hh DD MM YY", None),
        ("2540100005061799", "ss mm hh WW DD MM YY", None),
        ("25401001050617", "ss mm hh WW DD MM YY", "2017-06-05 10:40:25 weekday 01"),
        ("0000290216", "mm hh DD MM YY", "2016-02-29 00:00"),
        ("0000290217", "mm hh DD MM YY", None),
        ("00002902", "mm hh DD MM", "02-29 00:00"),
        ("00010101", "mm hh DD MM", "01-01 01:00"),
        ("0001", "hh DD", "day 01 hour 00"),
        ("60000101", "mm hh DD MM", None),
        ("00250101", "mm hh DD MM", None),
        ("00003201", "mm hh DD MM", None),
        ("00000113", "mm hh DD MM", None),
        ("0a000101", "mm hh DD MM", None),
    ],
)
def test_clocks(raw: str, order: str, text: str | None) -> None:
    value, quality = take_clock(bytes.fromhex(raw), order)
    assert value == text
    assert quality is (Quality.INVALID if text is None else Quality.GOOD)


@pytest.mark.parametrize("raw", ["0000000000", "ffffffffff", "eeeeeeeeee", "9999999999"])
def test_a_time_that_never_was_is_missing(raw: str) -> None:
    assert take_clock(bytes.fromhex(raw), "mm hh DD MM YY") == (None, Quality.MISSING)


def test_every_clock_names_its_own_bytes() -> None:
    for order, text in CLOCKS.items():
        assert text.format(**{name: name for name in order.split()})


def test_ascii() -> None:
    assert take_ascii(b"V022") == ("220V", Quality.GOOD)
    assert take_ascii(b"\0\0V022\x20") == ("220V", Quality.GOOD)
    assert take_ascii(b"\xff\xffV022") == ("220V", Quality.GOOD)
    assert take_ascii(bytes(6)) == (None, Quality.MISSING)
    assert take_ascii(b"\xff" * 6) == (None, Quality.MISSING)
    assert take_ascii(b"V\x0722") == (None, Quality.INVALID)
    assert take_ascii(b"V\xb022") == (None, Quality.INVALID)


def test_digits_and_words() -> None:
    assert take_digits(bytes.fromhex("120000001020")) == ("201000000012", Quality.GOOD)
    assert take_digits(bytes.fromhex("12000000102a")) == (None, Quality.INVALID)
    assert take_digits(b"\xff" * 6) == (None, Quality.MISSING)
    assert take_word(bytes.fromhex("0180")) == ("0x8001", Quality.GOOD)
    assert take_word(b"\xff\xff") == (None, Quality.MISSING)
    assert take_word(b"") == (None, Quality.MISSING)


@pytest.mark.parametrize(
    ("raw", "bit", "value", "quality"),
    [
        ("0100", 0, "1", "good"),
        ("0100", 8, "0", "good"),
        ("0006", 9, "1", "good"),
        ("0006", 10, "1", "good"),
        ("0006", 1, "0", "good"),
        ("0080", 15, "1", "good"),
        ("ffff", 0, None, "missing"),
        ("eeee", 1, None, "missing"),
        ("01", 0, None, "invalid"),
        ("010000", 0, None, "invalid"),
        ("", 0, None, "invalid"),
    ],
)
def test_a_bit_of_a_status_word(raw: str, bit: int, value: str | None, quality: str) -> None:
    taken = bit_taker(bit)(bytes.fromhex(raw))
    assert str(taken) == (quality if value is None else value)


@pytest.mark.parametrize("size", range(1, 21))
def test_no_digit_is_ever_rounded(size: int) -> None:
    digits = "".join(str(9 - n % 9) for n in range(2 * size))
    taken = take(bytes.fromhex(digits)[::-1], "X" * (2 * size))
    assert (str(taken.value), taken.quality) == (digits, Quality.GOOD)
