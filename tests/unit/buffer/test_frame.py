"""Frames of the tail: every field comes back, and no damaged byte does."""

from __future__ import annotations

from dataclasses import replace

import pytest

from buffer.frame import MAGIC, OVERHEAD, PAGE, Frame, claim, decode_frame, encode_frame, follow, look, pages

SMALL = Frame(7, 4711, 2, b'{"i":4711}\n{"i":4712}\n', b"4711 5 > 6811\n", bytes(range(32)), bytes(range(64)))
LARGE = replace(SMALL, rows=b"r" * 9000, raw=b"f" * 700)


@pytest.mark.parametrize("frame", [SMALL, LARGE])
def test_every_field_comes_back(frame: Frame) -> None:
    data = encode_frame(frame)
    assert len(data) % PAGE == 0
    assert decode_frame(data + b"what follows", 7) == frame
    assert look(data) == (7, frame.pages)
    assert frame.last == 4712


def test_every_bit_of_a_frame_counts() -> None:
    data = encode_frame(SMALL)
    for at in range(len(data)):
        changed = bytearray(data)
        changed[at] ^= 1 << (at % 8)
        assert decode_frame(bytes(changed), 7) is None, at


@pytest.mark.parametrize("length", [0, 1, OVERHEAD - 1, OVERHEAD, PAGE - 1, PAGE, 2 * PAGE, 3 * PAGE - 1])
def test_a_torn_frame_is_none(length: int) -> None:
    data = encode_frame(LARGE)
    assert decode_frame(data[:length], 7) is None
    assert decode_frame(data[:length] + b"\xff" * (len(data) - length), 7) is None


def test_another_generation_is_none() -> None:
    assert decode_frame(encode_frame(SMALL), 8) is None


@pytest.mark.parametrize("noise", [b"", bytes(PAGE), MAGIC, MAGIC + b"\xff" * PAGE, b"\xff" * PAGE])
def test_noise_is_none(noise: bytes) -> None:
    assert decode_frame(noise, 7) is None


@pytest.mark.parametrize(("payload", "count"), [(0, 1), (PAGE - OVERHEAD, 1), (PAGE - OVERHEAD + 1, 2)])
def test_sizes_around_a_page(payload: int, count: int) -> None:
    frame = replace(SMALL, rows=b"r" * payload, raw=b"")
    assert pages(payload) == count
    assert len(encode_frame(frame)) == count * PAGE
    assert decode_frame(encode_frame(frame), 7) == frame


def test_the_running_hash_covers_all_but_itself() -> None:
    start = bytes(32)
    one = follow(start, SMALL)
    assert follow(start, replace(SMALL, running=bytes(32), signature=bytes(64))) == one
    for other in (
        replace(SMALL, generation=8),
        replace(SMALL, first=1),
        replace(SMALL, records=3),
        replace(SMALL, rows=SMALL.rows + b"x"),
        replace(SMALL, raw=b"4711 5 < 6811\n"),
        replace(SMALL, rows=SMALL.rows + SMALL.raw[:1], raw=SMALL.raw[1:]),
    ):
        assert follow(start, other) != one
    assert follow(one, SMALL) != one


def test_the_signed_text() -> None:
    assert claim("SB-1", "e1", SMALL).decode() == (
        f"sitebox/tail/v1\nbox SB-1  epoch e1  n 7\nrecords 4711..4712\nhash {bytes(range(32)).hex()}\n"
    )
