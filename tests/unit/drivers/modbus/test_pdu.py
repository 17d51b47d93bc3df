"""Only reads can be built."""

import pytest

from drivers.modbus.pdu import READ_FUNCTIONS, PduError, Refusal, Registers, decode, encode


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


def test_bytes() -> None:
    assert encode(4, 0x1234, 125).hex() == "041234007d"


def test_replies() -> None:
    assert decode(bytes.fromhex("0304fffe0001")) == Registers((0xFFFE, 1))
    assert decode(bytes.fromhex("8406")) == Refusal(6)
