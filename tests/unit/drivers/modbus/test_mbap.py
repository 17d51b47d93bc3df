"""MBAP framing: transaction and unit make the reply."""

import pytest

from drivers.modbus.mbap import Awaited, frame
from drivers.modbus.pdu import Refusal, encode
from tests.support.words import registers

REQUEST = frame(7, 5, encode(4, 0, 2))
AWAITED = Awaited(REQUEST, 4, 2)
REPLY = frame(7, 5, bytes.fromhex("040400010002"))


def test_request_bytes() -> None:
    """Header as drawn in the Implementation Guide V1.0b, 3.1.3."""
    assert REQUEST.hex() == "000700000006050400000002"


def test_reply() -> None:
    found = AWAITED.scan(REPLY)
    assert (found.reply, found.frame, found.rest) == (registers(1, 2), REPLY, b"")


@pytest.mark.parametrize(
    "other",
    [
        frame(6, 5, bytes.fromhex("040400010002")),  # late reply of the request before
        frame(7, 255, bytes.fromhex("040400010002")),
        frame(7, 5, bytes.fromhex("030400010002")),
        frame(7, 5, bytes.fromhex("04020001")),
        frame(7, 5, bytes.fromhex("0404000100")),  # byte count and length disagree
    ],
)
def test_other_frames_are_foreign(other: bytes) -> None:
    found = AWAITED.scan(other + REPLY)
    assert (found.reply, found.foreign) == (registers(1, 2), 1)
    assert AWAITED.scan(other).reply is None


def test_exception() -> None:
    assert AWAITED.scan(frame(7, 5, bytes.fromhex("840b"))).reply == Refusal(0x0B)


@pytest.mark.parametrize("cut", range(1, len(REPLY)))
def test_any_split(cut: int) -> None:
    first = AWAITED.scan(REPLY[:cut])
    assert first.reply is None
    assert AWAITED.scan(first.rest + REPLY[cut:]).reply == registers(1, 2)


def test_bytes_that_are_no_header_are_dropped() -> None:
    found = AWAITED.scan(b"\xff\xff\xff\xff\xff\xff\xff" + REPLY)
    assert (found.reply, found.dropped) == (registers(1, 2), 7)


def test_rest_is_bounded() -> None:
    rest = b""
    for _ in range(200):
        rest = AWAITED.scan(rest + bytes.fromhex("00070000fe05")).rest
        assert len(rest) <= 260
