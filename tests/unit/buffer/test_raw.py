"""Bus frames as text."""

from __future__ import annotations

from typing import Any

import pytest

from buffer.errors import RawError
from buffer.header import MAX_RAW
from buffer.raw import MAX_FRAME, RawFrame, decode_raw, encode_raw

FRAMES = (
    RawFrame(7, 100, ">", b"\x68\x00"),
    RawFrame(7, 90, "?", b"\xff"),
    RawFrame(9, 110, "<", bytes(range(256))),
)


def test_text() -> None:
    text = encode_raw(FRAMES)
    assert text.startswith(b"7 100 > 6800\n7 90 ? ff\n9 110 < 000102")
    assert tuple(decode_raw(text)) == FRAMES
    assert encode_raw([]) == b""
    assert list(decode_raw(b"")) == []


@pytest.mark.parametrize(
    "text",
    [
        b"\n",
        b"7 1 > 00",
        b"7 1 > 00\n\n",
        b"7 1 > 00\r\n",
        b"7 1 > 0\n",
        b"7 1 > \n",
        b"7 1 > 0A\n",
        b"7 1 = 00\n",
        b"7 -1 > 00\n",
        b"07 1 > 00\n",
        b"7  1 > 00\n",
        b"8 1 > 00\n7 1 > 00\n",
        b"9007199254740993 1 > 00\n",
        b"7 1 > " + b"00" * (MAX_FRAME + 1) + b"\n",
        "7 1 > ００\n".encode(),
        b"7 1 > 00\n" * (MAX_RAW // 9 + 1),
    ],
)
def test_other_spellings_are_refused(text: bytes) -> None:
    with pytest.raises(RawError):
        list(decode_raw(text))


@pytest.mark.parametrize(
    "frames",
    [
        [RawFrame(-1, 1, ">", b"\0")],
        [RawFrame(1, -1, ">", b"\0")],
        [RawFrame(1, 1, ">", b"")],
        [RawFrame(1, 1, ">", bytes(MAX_FRAME + 1))],
        [RawFrame(2, 1, ">", b"\0"), RawFrame(1, 1, ">", b"\0")],
        [RawFrame(1, 1, "=", b"\0")],  # type: ignore[arg-type]  # no way there is
        [RawFrame(1, 1, ">", bytes(MAX_FRAME))] * (MAX_RAW // MAX_FRAME),
    ],
)
def test_frames_that_cannot_be_said(frames: Any) -> None:
    with pytest.raises(RawError):
        encode_raw(frames)
