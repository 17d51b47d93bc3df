"""Which frame is taken for the reply, and what is counted of the others."""

from __future__ import annotations

import pytest

from drivers.dlt645.frame import (
    Frame,
    Function,
    address_bytes,
    di_bytes,
    encode_next,
    encode_read,
    encode_read_address,
)
from drivers.dlt645.reply import Awaited
from tests.unit.drivers.dlt645.meter import bcd, di, wire

ADDRESS = "123456789012"
DI = "02010100"
REQUEST = encode_read(ADDRESS, DI)
AWAITED = Awaited(REQUEST, address_bytes(ADDRESS), Function.READ, di_bytes(DI))
REPLY = wire(ADDRESS, 0x91, [*di(DI), *bcd("230.1", 2)], fe=4)
OTHERS = {
    "address": wire("123456789013", 0x91, [*di(DI), *bcd("1.0", 2)]),
    "wildcard address": wire("AAAAAAAAAAAA", 0x91, [*di(DI), *bcd("1.0", 2)]),
    "DI": wire(ADDRESS, 0x91, [*di("02010200"), *bcd("1.0", 2)]),
    "function": wire(ADDRESS, 0x92, [*di(DI), *bcd("1.0", 2)]),
    "address function": wire(ADDRESS, 0x93, [*di(DI), *bcd("1.0", 2)]),
    "direction": wire(ADDRESS, 0x11, [*di(DI), *bcd("1.0", 2)]),
    "another master": wire(ADDRESS, 0x11, di("00010000")),
    "no DI": wire(ADDRESS, 0x91, [1, 2]),
    "nothing": wire(ADDRESS, 0x91),
    "refusal of another": wire("123456789013", 0xD1, [2]),
    "refusal of another function": wire(ADDRESS, 0xD2, [2]),
    "acknowledgement": wire(ADDRESS, 0x94),
}


def test_the_reply_is_taken_with_its_bytes() -> None:
    scan = AWAITED.scan(REPLY)
    assert isinstance(scan.reply, Frame)
    assert (scan.frame, scan.foreign, scan.echo, scan.dropped, scan.rest) == (REPLY[4:], 0, 0, 0, b"")


@pytest.mark.parametrize("name", OTHERS)
def test_another_frame_is_counted_and_passed_over(name: str) -> None:
    scan = AWAITED.scan(OTHERS[name])
    assert (scan.reply, scan.foreign, scan.echo, scan.rest) == (None, 1, 0, b"")
    scan = AWAITED.scan(OTHERS[name] + REPLY + OTHERS[name])
    assert (scan.frame, scan.foreign) == (REPLY[4:], 2)


def test_the_echo_is_no_reply() -> None:
    scan = AWAITED.scan(REQUEST)
    assert (scan.reply, scan.echo, scan.foreign) == (None, 1, 0)
    scan = AWAITED.scan(REQUEST + REPLY)
    assert (scan.frame, scan.echo, scan.foreign) == (REPLY[4:], 1, 0)


def test_echo_noise_and_others_in_one_read() -> None:
    stream = REQUEST + b"\x00\x68\x12" + b"".join(OTHERS.values()) + b"\x55" + REPLY
    scan = AWAITED.scan(stream)
    assert (scan.frame, scan.echo, scan.foreign, scan.dropped) == (REPLY[4:], 1, len(OTHERS), 4)


def test_a_damaged_reply_is_counted() -> None:
    broken = bytearray(REPLY)
    broken[-3] ^= 1
    scan = AWAITED.scan(bytes(broken))
    assert (scan.reply, scan.checksum, scan.dropped) == (None, 1, len(REPLY) - 4)


def test_a_beginning_is_kept() -> None:
    scan = AWAITED.scan(REPLY[:12])
    assert (scan.reply, scan.rest, scan.dropped) == (None, REPLY[4:12], 0)
    assert AWAITED.scan(scan.rest + REPLY[12:]).frame == REPLY[4:]


def test_of_two_replies_the_first_counts() -> None:
    second = wire(ADDRESS, 0x91, [*di(DI), *bcd("231.0", 2)])
    scan = AWAITED.scan(REPLY + second)
    assert (scan.frame, scan.foreign) == (REPLY[4:], 1)


@pytest.mark.parametrize("data", [[2], [1], [], [1, 2, 3]])
def test_a_refusal_is_an_answer(data: list[int]) -> None:
    assert AWAITED.scan(wire(ADDRESS, 0xD1, data)).reply is not None


@pytest.mark.parametrize(
    ("asked", "told", "fits"),
    [
        ("AAAAAAAAAAAA", ADDRESS, True),
        ("AAAAAAAAAAAA", "AAAAAAAAAAAA", True),
        ("AAAAAAAA9012", ADDRESS, True),
        ("AAAAAAAA9013", ADDRESS, False),
    ],
)
def test_a_wildcard_is_answered_by_whom_it_selects(asked: str, told: str, fits: bool) -> None:
    awaited = Awaited(encode_read(asked, DI), address_bytes(asked), Function.READ, di_bytes(DI))
    scan = awaited.scan(wire(told, 0x91, [*di(DI), *bcd("230.1", 2)]))
    assert (scan.reply is not None) is fits


@pytest.mark.parametrize(("told", "fits"), [(3, True), (2, False), (4, False), (None, False)])
def test_the_frame_number_must_be_the_one_asked_for(told: int | None, fits: bool) -> None:
    awaited = Awaited(
        encode_next(ADDRESS, DI, 3), address_bytes(ADDRESS), Function.READ_NEXT, di_bytes(DI), 3
    )
    scan = awaited.scan(wire(ADDRESS, 0x92, [*di(DI), *([] if told is None else [0x01, told])]))
    assert (scan.reply is not None) is fits


@pytest.mark.parametrize("length", [0, 5, 6, 7])
def test_an_address_reply_has_six_bytes(length: int) -> None:
    awaited = Awaited(encode_read_address(), address_bytes("AAAAAAAAAAAA"), Function.READ_ADDRESS)
    scan = awaited.scan(wire(ADDRESS, 0x93, [0x12] * length))
    assert (scan.reply is not None) is (length == 6)
