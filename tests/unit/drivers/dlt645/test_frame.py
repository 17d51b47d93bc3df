"""The framer: what is a frame, what is none, and what may be asked of a meter."""

from __future__ import annotations

import random
import time

import pytest

from drivers.dlt645.frame import (
    MAX_FRAME,
    FrameError,
    Function,
    Rejected,
    encode,
    encode_next,
    encode_read,
    encode_read_address,
    hunt,
)
from tests.unit.drivers.dlt645.meter import di, wire

ADDRESS = "123456789012"
GOOD = wire(ADDRESS, 0x91, [*di("02010100"), 0x05, 0x23])


def test_requests_as_published() -> None:
    assert encode_read("000000000161", "02010100").hex() == "fefefefe68610100000000681104333434351716"
    assert encode_next(ADDRESS, "03300001", 1).hex() == "fefefefe681290785634126812053433633634d116"
    assert encode_read_address().hex() == "fefefefe68aaaaaaaaaaaa681300df16"


def test_only_reading_functions_exist() -> None:
    assert {function.value for function in Function} == {0x01, 0x02, 0x11, 0x12, 0x13}


@pytest.mark.parametrize("function", [n for n in range(256) if n not in (0x01, 0x02, 0x11, 0x12, 0x13)])
def test_any_other_function_cannot_be_built(function: int) -> None:
    with pytest.raises(ValueError):
        Function(function)
    with pytest.raises(FrameError):
        encode(ADDRESS, function, b"\0\0\1\0")  # type: ignore[arg-type]  # the point


@pytest.mark.parametrize("function", [0x01, 0x02, 0x11, 0x12, 0x13])
def test_a_bare_number_is_no_function(function: int) -> None:
    with pytest.raises(FrameError):
        encode(ADDRESS, function, b"\0\0\1\0")  # type: ignore[arg-type]  # the point


@pytest.mark.parametrize(
    ("function", "size"),
    [
        (Function.READ, 0),
        (Function.READ, 3),
        (Function.READ, 11),
        (Function.READ_NEXT, 4),
        (Function.READ_ADDRESS, 1),
        (Function.READ_1997, 4),
        (Function.READ_NEXT_1997, 3),
    ],
)
def test_a_request_has_no_other_data(function: Function, size: int) -> None:
    with pytest.raises(FrameError):
        encode(ADDRESS, function, bytes(size))


@pytest.mark.parametrize(
    "address",
    ["", "12345678901", "1234567890123", "12345678901x", "1234567890AB", "１２３４５６７８９０１２"],
)
def test_a_bad_address_is_refused(address: str) -> None:
    with pytest.raises(FrameError):
        encode_read(address, "00010000")


@pytest.mark.parametrize("name", ["", "0001000", "000100000", "0001000g", "00 10000"])
def test_a_bad_di_is_refused(name: str) -> None:
    with pytest.raises(FrameError):
        encode_read(ADDRESS, name)


@pytest.mark.parametrize("seq", [0, 256, -1])
def test_a_bad_frame_number_is_refused(seq: int) -> None:
    with pytest.raises(FrameError):
        encode_next(ADDRESS, "00010000", seq)


def test_the_frame_says_what_it_is() -> None:
    ((_, frame),) = hunt(wire("000000000161", 0xB1, [1, 2, 3, 4])).frames
    assert (frame.address, frame.function, frame.data) == ("000000000161", 0x11, b"\1\2\3\4")
    assert (frame.from_meter, frame.refusal, frame.more) == (True, False, True)
    ((_, frame),) = hunt(wire("AAAAAAAAAAAA", 0xD3)).frames
    assert (frame.address, frame.function) == ("AAAAAAAAAAAA", 0x13)
    assert (frame.from_meter, frame.refusal, frame.more) == (True, True, False)


@pytest.mark.parametrize("count", range(12))
def test_preambles_are_not_counted(count: int) -> None:
    found = hunt(b"\xfe" * count + GOOD)
    assert [(at, f.raw) for at, f in found.frames] == [(count, GOOD)]
    assert (found.dropped, found.rest) == (0, b"")


def test_a_doubled_start_byte() -> None:
    found = hunt(b"\x68" + GOOD)
    assert [at for at, _ in found.frames] == [1]
    assert found.dropped == 1


def test_a_false_header_does_not_hide_the_frame_behind_it() -> None:
    noise = bytes.fromhex("6855fefefefefe")
    assert [at for at, _ in hunt(noise + GOOD).frames] == [7]


def test_the_longest_frame() -> None:
    raw = wire(ADDRESS, 0x91, range(255))
    found = hunt(raw)
    assert [f.data for _, f in found.frames] == [bytes(range(255))]
    assert len(raw) == MAX_FRAME
    assert hunt(raw[:-1]).rest == raw[:-1]


def test_an_empty_frame() -> None:
    assert [f.data for _, f in hunt(wire(ADDRESS, 0x94)).frames] == [b""]


@pytest.mark.parametrize("at", range(len(GOOD)))
def test_one_wrong_byte_anywhere_is_refused(at: int) -> None:
    for flip in (0x01, 0x80, 0xFF):
        broken = GOOD[:at] + bytes((GOOD[at] ^ flip,)) + GOOD[at + 1 :]
        assert hunt(broken).frames == ()


@pytest.mark.parametrize("at", range(len(GOOD)))
def test_one_lost_byte_anywhere_is_refused_and_the_next_frame_found(at: int) -> None:
    broken = GOOD[:at] + GOOD[at + 1 :]
    assert hunt(broken).frames == ()
    assert [f.raw for _, f in hunt(broken + GOOD).frames] == [GOOD]


def test_reasons() -> None:
    wrong_sum = GOOD[:-2] + bytes((GOOD[-2] ^ 1,)) + GOOD[-1:]
    wrong_end = GOOD[:-1] + b"\x17"
    found = hunt(b"\0" + wrong_sum + wrong_end)
    assert found.rejected == (Rejected(1, "checksum"), Rejected(1 + len(GOOD), "end"))
    assert (found.checksum, found.dropped) == (1, 1 + 2 * len(GOOD))


def test_nothing_is_counted_twice_over_reads() -> None:
    wrong = GOOD[:-2] + bytes((GOOD[-2] ^ 1,)) + GOOD[-1:]
    stream = b"\0\1\2" + wrong + b"\xfe\xfe" + GOOD + b"\x55" + GOOD[:9]
    checksum = dropped = 0
    rest = b""
    frames: list[bytes] = []
    for at in range(len(stream)):
        found = hunt(rest + stream[at : at + 1])
        checksum, dropped, rest = checksum + found.checksum, dropped + found.dropped, found.rest
        frames += [f.raw for _, f in found.frames]
    assert (frames, checksum, dropped, rest) == ([GOOD], 1, 3 + len(wrong) + 1, GOOD[:9])


def test_a_bad_candidate_inside_one_still_coming_is_counted_once() -> None:
    wrong = GOOD[:-2] + bytes((GOOD[-2] ^ 1,)) + GOOD[-1:]
    coming = wire(ADDRESS, 0x91, [0x35] * 100)[:10]  # claims 100 bytes of data, so all of it waits
    found = hunt(coming + wrong)
    assert (found.checksum, found.rejected, found.rest) == (0, (), coming + wrong)
    later = hunt(found.rest + bytes(120))
    assert (later.checksum, [r.reason for r in later.rejected]) == (1, ["end", "checksum"])


def test_the_rest_is_bounded() -> None:
    for noise in (b"\x68" * 5000, b"\x68\xff" * 3000, bytes(5000), b"\xfe" * 5000):
        assert len(hunt(noise).rest) < MAX_FRAME


def cost(noise: bytes) -> float:
    """Least processor time of some hunts, in seconds."""
    least = float("inf")
    for _ in range(5):
        start = time.process_time()
        hunt(noise)
        least = min(least, time.process_time() - start)
    return least


@pytest.mark.parametrize("kind", ["starts", "starts and ends", "longest claims"])
def test_noise_costs_time_in_proportion(kind: str) -> None:
    rng = random.Random(68)
    noise = {
        "starts": b"\x68" * 65536,
        "starts and ends": bytes(rng.choice((0x68, 0x16)) for _ in range(65536)),
        "longest claims": b"\x68\x68\x68\x68\x68\x68\x68\x68\x11\xff\x16" * 5958,
    }[kind]
    # four times the bytes: 4 when linear, 16 when quadratic
    assert cost(noise) < 9 * cost(noise[: len(noise) // 4]) + 0.005
