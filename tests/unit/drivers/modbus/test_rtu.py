"""RTU framing: hunting, lengths, whose reply it is."""

import pytest

from drivers.modbus.pdu import Refusal, encode
from drivers.modbus.rtu import MAX_FRAME, Awaited, crc16, frame
from tests.support import line
from tests.support.words import registers

REQUEST = frame(5, encode(3, 0x2006, 2))
AWAITED = Awaited(REQUEST, 5, 3, 2)
REPLY = frame(5, bytes.fromhex("030443673333"))
VALUES = registers(0x4367, 0x3333)


def test_request_as_captured() -> None:
    """The request of mbpoll for two floats at 8198 of unit 1 (MODBUS over Serial Line V1.02, 2.5.1)."""
    assert frame(1, encode(3, 0, 10)).hex() == "01030000000ac5cd"


@pytest.mark.parametrize("data", [b"", b"123456789", bytes(range(256)), b"\xff" * 7])
def test_crc_agrees_with_a_second_implementation(data: bytes) -> None:
    assert crc16(data) == line.crc(data)


def test_crc_check_value() -> None:
    """CRC-16/MODBUS of "123456789" is 4B37 (catalogue of parametrised CRC algorithms)."""
    assert crc16(b"123456789") == bytes.fromhex("374b")


def test_reply_alone() -> None:
    found = AWAITED.scan(REPLY)
    assert (found.reply, found.frame, found.rest) == (VALUES, REPLY, b"")
    assert (found.foreign, found.echo, found.checksum, found.dropped) == (0, 0, 0, 0)


@pytest.mark.parametrize("glitch", [b"\x00", b"\xff", b"\x00\x00", b"\xff\x00\x05", b"\x05\x03\x04"])
def test_leading_glitch_never_hides_the_reply(glitch: bytes) -> None:
    for unit in range(1, 248):
        request = frame(unit, encode(3, 0, 2))
        reply = frame(unit, bytes.fromhex("030400010002"))
        found = Awaited(request, unit, 3, 2).scan(glitch + reply)
        assert (unit, found.reply, found.dropped) == (unit, registers(1, 2), len(glitch))


def test_echo_is_counted_and_passed_over() -> None:
    found = AWAITED.scan(REQUEST + REPLY)
    assert (found.reply, found.echo, found.dropped) == (VALUES, 1, 0)


def test_echo_that_looks_like_the_head_of_a_reply() -> None:
    """Address 04xx: the echo begins like a reply of two registers."""
    request = frame(1, encode(3, 0x0400, 2))
    reply = frame(1, bytes.fromhex("030400010002"))
    found = Awaited(request, 1, 3, 2).scan(request + reply)
    assert (found.reply, found.echo) == (registers(1, 2), 1)


def test_an_echo_with_a_sound_end_behind_it_is_no_reply() -> None:
    """It has the head, the length and the CRC of one."""
    request = frame(1, encode(3, 0x0600, 3))
    body = request + b"\x00"
    heard = body + crc16(body)
    awaited = Awaited(request, 1, 3, 3)
    assert len(heard) == awaited.size
    assert heard.startswith(awaited.head)
    assert awaited.sole(heard) is None
    assert (awaited.scan(heard).reply, awaited.scan(heard).echo) == (None, 1)


def test_foreign_frames_are_counted() -> None:
    foreign = [
        frame(6, bytes.fromhex("030443673333")),  # another unit
        frame(5, bytes.fromhex("040443673333")),  # another function
        frame(5, bytes.fromhex("03024367")),  # another number of registers
        frame(6, bytes.fromhex("8302")),  # another unit's exception
        frame(6, encode(3, 0, 2)),  # a second master
    ]
    found = AWAITED.scan(b"".join(foreign) + REPLY)
    assert (found.reply, found.foreign, found.dropped) == (VALUES, 5, 0)
    alone = AWAITED.scan(b"".join(foreign))
    assert (alone.reply, alone.foreign, alone.rest) == (None, 5, b"")


def test_exception_reply() -> None:
    found = AWAITED.scan(frame(5, bytes.fromhex("8302")))
    assert found.reply == Refusal(2)


def test_wrong_checksum_is_counted_and_hunting_goes_on() -> None:
    broken = REPLY[:-1] + bytes((REPLY[-1] ^ 1,))
    found = AWAITED.scan(broken)
    assert (found.reply, found.checksum) == (None, 1)
    again = AWAITED.scan(broken + REPLY)
    assert (again.reply, again.checksum, again.dropped) == (VALUES, 1, len(broken))


@pytest.mark.parametrize("cut", range(1, len(REPLY)))
def test_any_split_gives_the_reply_once(cut: int) -> None:
    first = AWAITED.scan(REPLY[:cut])
    assert first.reply is None
    assert first.rest == REPLY[:cut]
    assert AWAITED.scan(first.rest + REPLY[cut:]).reply == VALUES


def test_rest_is_bounded() -> None:
    rest = b""
    for _ in range(400):
        found = AWAITED.scan(rest + b"\x05\x03\xfb\x00\x00\x05\x03")
        rest = found.rest
        assert found.reply is None
        assert len(rest) < MAX_FRAME


def test_what_follows_the_reply_stays() -> None:
    assert AWAITED.scan(REPLY + b"\x00\x01").rest == b"\x00\x01"
