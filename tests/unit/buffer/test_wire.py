"""Topics and messages between box and platform."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

import pytest

from buffer.errors import UnknownVersion, WireError
from buffer.note import MAX_NOTE
from buffer.rows import MAX_BODY
from buffer.wire import (
    MAX_MESSAGE,
    Birth,
    Live,
    State,
    Topic,
    decode_message,
    encode_message,
    pack_block,
    parse_topic,
    topic,
    unpack_block,
)
from tests.support.journals import make

BLOCK = make()[3]
BODY = BLOCK.body or b""


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("sb/1/SB-7F3A-92/up/block", ("SB-7F3A-92", "up", "block")),
        ("sb/1/a/up/hist", ("a", "up", "hist")),
        ("sb/1/a/dn/receipt", ("a", "dn", "receipt")),
        ("sb/1/a/dn/command", ("a", "dn", "command")),
    ],
)
def test_topic(text: str, parts: Any) -> None:
    assert topic(*parts) == text
    assert parse_topic(text) == Topic(*parts)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sb/1/a/up/receipt",
        "sb/1/a/dn/block",
        "sb/1/a/up/block/x",
        "sb/1//up/block",
        "sb/1/+/up/block",
        "sb/1/a b/up/block",
        f"sb/1/{'a' * 33}/up/block",
        "sb/1/三/up/block",
        "sb/1/a/up/block\n",
        "SB/1/a/up/block",
        "sb/x/a/up/block",
    ],
)
def test_topics_that_are_none(text: str) -> None:
    with pytest.raises(WireError):
        parse_topic(text)


def test_topic_of_a_newer_edition() -> None:
    with pytest.raises(UnknownVersion):
        parse_topic("sb/2/a/up/anything")


def test_topic_is_not_made_of_what_does_not_belong_there() -> None:
    for box, way, name in (("a/b", "up", "block"), ("a", "up", "command"), ("#", "dn", "receipt")):
        with pytest.raises(WireError):
            topic(box, way, name)  # type: ignore[arg-type]  # "up" and "dn" as plain str


def test_block_message() -> None:
    message = pack_block(BLOCK.note, BODY)
    assert message.startswith(BLOCK.note)
    assert unpack_block(message) == (BLOCK.note, BODY)
    assert unpack_block(pack_block(BLOCK.note, b"")) == (BLOCK.note, b"")


def test_block_message_of_a_thinned_block() -> None:
    assert pack_block(BLOCK.note, None) == BLOCK.note
    assert unpack_block(BLOCK.note) == (BLOCK.note, None)


MESSAGE = pack_block(BLOCK.note, BODY)


@pytest.mark.parametrize(
    "message",
    [
        b"",
        BODY,
        MESSAGE[:-1],
        MESSAGE[: len(BLOCK.note) + 1],
        MESSAGE + b"x",
        MESSAGE + MESSAGE[len(BLOCK.note) :],
        BLOCK.note + b"\n" + zlib.compress(BODY),
        BLOCK.note + BODY,
        BLOCK.note[:-1],
        b"x" * MAX_NOTE + BLOCK.note,
        MESSAGE + b"\0" * MAX_MESSAGE,
    ],
)
def test_block_messages_that_are_none(message: bytes) -> None:
    with pytest.raises(WireError):
        unpack_block(message)


def test_bomb_is_not_inflated() -> None:
    bomb = BLOCK.note + zlib.compress(b"\0" * (MAX_BODY + 1))
    with pytest.raises(WireError, match="too long"):
        unpack_block(bomb)
    with pytest.raises(WireError, match="too long"):
        unpack_block(MESSAGE, max_body=len(BODY) - 1)
    assert unpack_block(MESSAGE, max_body=len(BODY))[1] == BODY
    with pytest.raises(WireError):
        pack_block(BLOCK.note, b"\0" * (MAX_BODY + 1))


BIRTH = Birth(
    box="SB-7F3A-92",
    epoch="5f0c81d2a94be736",
    n=41,
    hash="1a" * 32,
    identity="SB-7F3A-92+00000000+AQ",
    soft="0.1.0",
    cfg="5e" * 32,
    boot=17,
    boot_id="0b5c",
    utc_ms=1_795_000_000_000,
    letter="R",
    clean=True,
)
STATE = State(
    online=False, epoch="5f", n=41, stored=-1, acked=40, waiting=3, utc_ms=1_795_000_000_000, letter="M"
)
LIVE = Live(
    meter="kiln-main",
    utc_ms=1_795_000_000_000,
    letter="I",
    values={"p": "12.4100"},
    quality={"u_c": "missing"},
    error="no_reply",
)


@pytest.mark.parametrize("message", [BIRTH, STATE, LIVE], ids=lambda one: type(one).__name__)
def test_small_messages(message: Any) -> None:
    data = encode_message(message)
    assert b'"v":1' in data
    assert b"\n" not in data
    assert decode_message(type(message), data) == message


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data + b" ",
        lambda data: data.replace(b'"n":41', b'"n":41.0'),
        lambda data: data.replace(b'"n":41', b'"n":"41"'),
        lambda data: data.replace(b'"n":41', b'"n":true'),
        lambda data: data.replace(b'"n":41,', b""),
        lambda data: data.replace(b'"n":41', b'"m":1,"n":41'),
        lambda data: data.replace(b'"letter":"M"', b'"letter":"X"'),
        lambda data: data.replace(b'"letter":"M"', b'"letter":[]'),
        lambda data: data.replace(b'"v":1,', b""),
        lambda data: data.replace(b'"v":1', b'"v":"1"'),
        lambda data: b"[]",
        lambda data: b"{}",
        lambda data: b"\xff",
        lambda data: b"[" * 100_000,
    ],
)
def test_small_messages_that_are_none(change: Callable[[bytes], bytes]) -> None:
    data = encode_message(STATE)
    assert change(data) != data
    with pytest.raises(WireError):
        decode_message(State, change(data))


def test_small_message_of_a_newer_edition() -> None:
    with pytest.raises(UnknownVersion):
        decode_message(State, b'{"other":1,"v":2}')


def test_live_value_that_is_no_text() -> None:
    with pytest.raises(WireError):
        decode_message(Live, encode_message(LIVE).replace(b'"12.4100"', b"12"))


def test_message_that_would_be_too_long() -> None:
    with pytest.raises(WireError):
        encode_message(Live(meter="m", utc_ms=1, letter="S", error="x" * 9000))
