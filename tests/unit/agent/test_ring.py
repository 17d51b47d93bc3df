"""The ring of frames: bounded, in order, and who is too slow is told so; the line that explains a frame."""

from __future__ import annotations

import pytest

from agent.oneline import NOISE, one_line
from agent.ring import ANSWER_BYTES, ANSWER_FRAMES, Ring
from drivers.samples import WireFrame


def frame(size: int = 4) -> WireFrame:
    return WireFrame(1, ">", bytes(size))


def numbers(ring: Ring, after: int) -> list[int]:
    return [seen.number for seen in ring.after(after).frames]


def test_frames_behind_a_number() -> None:
    ring = Ring()
    assert ring.after(-1).last == 0
    for _ in range(3):
        ring.put("m", frame())
    assert numbers(ring, 0) == [1, 2, 3]
    assert numbers(ring, 2) == [3]
    assert numbers(ring, 3) == []
    assert ring.after(-1) == ring.after(3)


def test_the_ring_is_bounded_and_says_what_was_lost() -> None:
    ring = Ring(frames=4)
    for _ in range(10):
        ring.put("m", frame())
    since = ring.after(2)
    assert [seen.number for seen in since.frames] == [7, 8, 9, 10]
    assert since.lost == 4
    assert ring.after(99).last == 10, "a number of an earlier daemon is ahead of this one's"


def test_one_answer_is_bounded_and_goes_on() -> None:
    ring = Ring()
    for _ in range(ANSWER_FRAMES + 5):
        ring.put("m", frame())
    first = ring.after(0)
    assert len(first.frames) == ANSWER_FRAMES
    assert numbers(ring, first.last) == list(range(ANSWER_FRAMES + 1, ANSWER_FRAMES + 6))
    big = Ring()
    for _ in range(3):
        big.put("m", frame(ANSWER_BYTES))
    assert numbers(big, 0) == [1]


ASK = bytes.fromhex("010300000002c40b")
REPLY = bytes.fromhex("01030400060005da31")


@pytest.mark.parametrize(
    ("data", "asked", "line"),
    [
        (ASK, b"", "modbus-rtu request 1 03  first register 0x0000, registers wanted 2"),
        (REPLY, ASK, "modbus-rtu reply 1 03  register 0x0000 0x0006, register 0x0001 0x0005"),
        (b"\xfe\x01\x02", b"", NOISE),
        (b"", b"", NOISE),
        (
            bytes.fromhex("0007000000060103006100 03".replace(" ", "")),
            b"",
            "modbus-tcp request 1 03  first register 0x0061, registers wanted 3",
        ),
        (
            bytes.fromhex("00070000000501030208fc"),
            bytes.fromhex("000700000006010300610001"),
            "modbus-tcp reply 1 03  register 0x0061 0x08fc",
        ),
        (
            bytes.fromhex("68610100000000689107333336354558336b16"),
            b"",
            "dlt645-2007 reply 000000000161 91 DI 02030000  active power total 0.2512 kW",
        ),
    ],
)
def test_one_line(data: bytes, asked: bytes, line: str) -> None:
    assert one_line(data, asked) == line
