"""A 32-bit float is the shortest decimal that is read back as the same float, digit by digit."""

from __future__ import annotations

import math
import struct
from decimal import Decimal

from hypothesis import example, given, settings
from hypothesis import strategies as st

from drivers.modbus.values import raw
from drivers.scaling import plain

FLOAT = struct.Struct(">f")


def shortest(data: bytes) -> Decimal | None:
    """By text, digit after digit; a negative zero is none."""
    (number,) = FLOAT.unpack(data)
    if not math.isfinite(number):
        return None
    if number == 0:
        return Decimal(0)
    for digits in range(1, 10):
        text = f"{number:.{digits}g}"
        try:
            if FLOAT.pack(float(text)) == data:
                return plain(Decimal(text))
        except OverflowError:  # rounded up beyond the largest
            continue
    raise AssertionError(number)


@settings(max_examples=2_000)
@given(
    st.one_of(
        st.integers(0, 2**32 - 1).map(lambda bits: bits.to_bytes(4, "big")),
        st.floats(width=32, allow_nan=False).map(FLOAT.pack),
        st.floats(width=32, min_value=2.0**-11, max_value=2.0**21).map(FLOAT.pack),
        st.builds(
            lambda whole, places: FLOAT.pack(whole / 10**places),
            st.integers(-(10**8), 10**8),
            st.integers(0, 7),
        ),
    )
)
@example(FLOAT.pack(999999.94))
@example(FLOAT.pack(1e6))
@example(FLOAT.pack(0.001))
@example(bytes.fromhex("7f7fffff"))
def test_a_float_is_its_shortest_decimal(data: bytes) -> None:
    expected = shortest(data)
    found = raw(struct.unpack(">HH", data), "f32", "be")
    assert str(found) == str(expected)
