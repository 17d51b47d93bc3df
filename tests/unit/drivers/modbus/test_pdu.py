"""Only reads can be built."""

import pytest

from drivers.modbus.pdu import READ_FUNCTIONS, PduError, Refusal, data_bytes, decode, encode
from tests.support.words import registers


def test_the_functions_are_one_to_four() -> None:
    assert sorted(READ_FUNCTIONS) == [1, 2, 3, 4]
    assert [encode(function, 1, 2)[0] for function in sorted(READ_FUNCTIONS)] == [1, 2, 3, 4]


@pytest.mark.parametrize("function", [f for f in range(-1, 257) if f not in (1, 2, 3, 4)])
def test_no_other_function_can_be_built(function: int) -> None:
    with pytest.raises(PduError, match="none of the reading functions"):
        encode(function, 0, 1)


@pytest.mark.parametrize(("address", "count"), [(-1, 1), (0, 0), (0, 126), (0xFFFF, 2), (0x10000, 1)])
def test_ranges_out_of_bounds(address: int, count: int) -> None:
    with pytest.raises(PduError):
        encode(3, address, count)


@pytest.mark.parametrize("function", [1, 2])
def test_bits_have_their_own_limit(function: int) -> None:
    assert encode(function, 0, 2000)[3:] == (2000).to_bytes(2, "big")
    with pytest.raises(PduError):
        encode(function, 0, 2001)


def test_bytes() -> None:
    assert encode(4, 0x1234, 125).hex() == "041234007d"
    assert [data_bytes(1, count) for count in (1, 8, 9, 2000)] == [1, 1, 2, 250]
    assert [data_bytes(3, count) for count in (1, 125)] == [2, 250]


def test_replies() -> None:
    assert decode(bytes.fromhex("0304fffe0001")) == registers(0xFFFE, 1)
    assert decode(bytes.fromhex("8406")) == Refusal(6)


def test_bits_are_told_lowest_first() -> None:
    """V1.1b3, 6.1: CD 6B is 1,0,1,1,0,0,1,1 1,1,0,1,0,1,1,0; the rest of the last byte fills it."""
    bits = (1, 0, 1, 1, 0, 0, 1, 1, 1, 1, 0, 1, 0, 1, 1, 0)
    assert decode(bytes.fromhex("0102cd6b")) == decode(bytes.fromhex("0202cd6b")) == registers(*bits)
