"""What box and platform say to each other: topics, block messages, small unsigned messages (DESIGN 8).

::

    sb/1/<box>/up/{block,hist,handover,birth,state,live,reply}     sb/1/<box>/dn/{receipt,command}

    handover:     a signed note (buffer.handover)
    block, hist:  the note's bytes, then the zlib stream of the body (nothing: the body was thinned away)
    birth, state, live:  one JSON line in the spelling of rows/1, with "v":1; hints, evidence of nothing

The note ends with its last line that begins with an em dash; a zlib stream begins with 0x78, never with one.
Limits every size before it looks inside, and believes no signature: that is the reader's part.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from types import MappingProxyType
from typing import Any, Final, Literal, TypeVar, cast, get_type_hints

from buffer.errors import RowError, UnknownVersion, WireError
from buffer.grammar import BOX, is_word
from buffer.instant import ClockLetter
from buffer.note import DASH, MAX_NOTE
from buffer.rows import MAX_BODY, decode_row, encode_row

Way = Literal["up", "dn"]
UP: Final = ("block", "hist", "handover", "birth", "state", "live", "reply")
DOWN: Final = ("receipt", "command")
NAMES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType({"up": UP, "dn": DOWN})
MAX_MESSAGE: Final = MAX_NOTE + MAX_BODY + 1024  # a zlib stream of incompressible bytes grows by its framing

_TOPIC = re.compile(rf"sb/1/({BOX})/(up|dn)/([a-z]+)", re.ASCII)
_OTHER = re.compile(r"sb/([0-9]+)/")
_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic taken apart."""

    box: str
    way: Way
    name: str


def topic(box: str, way: Way, name: str) -> str:
    """``sb/1/<box>/<way>/<name>``; WireError for a box id or a name that is none."""
    if not is_word(BOX, box) or name not in NAMES[way]:
        raise WireError(f"no topic {way}/{name} of box {box!r}")
    return f"sb/1/{box}/{way}/{name}"


def parse_topic(text: str) -> Topic:
    """UnknownVersion for ``sb/2/…``, WireError for anything else that ``topic`` would not have made."""
    found = _TOPIC.fullmatch(text)
    if found is not None and found[3] in NAMES[found[2]]:
        return Topic(found[1], cast(Way, found[2]), found[3])
    other = _OTHER.match(text)
    if other is not None and other[1] != "1":
        raise UnknownVersion(f"topics sb/{other[1]}")
    raise WireError(f"not a topic of ours: {text[:80]!r}")


def pack_block(note: bytes, body: bytes | None) -> bytes:
    """The message of a block; ``body`` None when only the header is left."""
    if body is not None and len(body) > MAX_BODY:
        raise WireError("body too long")
    return note if body is None else note + zlib.compress(body, 6)


def unpack_block(message: bytes, max_body: int = MAX_BODY) -> tuple[bytes, bytes | None]:
    """Note and body of a block message; WireError for one too long, without end, or with something behind it.
    Never inflates more than ``max_body`` bytes."""
    if len(message) > MAX_MESSAGE:
        raise WireError("message too long")
    at = _note_end(message)
    return message[:at], (inflate(message[at:], max_body) if at < len(message) else None)


def _note_end(message: bytes) -> int:
    at = message.find(b"\n\n" + DASH, 0, MAX_NOTE) + 2
    if at == 1:
        raise WireError("message without a note")
    while message.startswith(DASH, at):
        end = message.find(b"\n", at, MAX_NOTE)
        if end < 0:
            raise WireError("note without end")
        at = end + 1
    return at


def inflate(data: bytes, max_bytes: int) -> bytes:
    """Exactly one whole zlib stream (RFC 1950) of at most ``max_bytes``; WireError for anything else."""
    stream = zlib.decompressobj()
    try:
        body = stream.decompress(data, max_bytes + 1)
    except zlib.error as error:
        raise WireError("body does not inflate") from error
    if len(body) > max_bytes:
        raise WireError("body too long")
    if not stream.eof or stream.unused_data:
        raise WireError("body cut off, or something behind it")
    return body


@dataclass(frozen=True, slots=True, kw_only=True)
class Birth:
    """Said once on each connection: who is there, and the newest block it has."""

    box: str
    epoch: str
    n: int
    hash: str
    identity: str  # verifier key
    soft: str
    cfg: str
    boot: int
    boot_id: str
    utc_ms: int
    letter: ClockLetter
    clean: bool  # the last stop was clean


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """The heartbeat, and with ``online`` false the will."""

    online: bool
    epoch: str
    n: int  # newest block
    stored: int  # this platform's last receipt, -1: none
    acked: int  # newest block the broker took, -1: none
    waiting: int  # blocks not yet receipted
    utc_ms: int
    letter: ClockLetter


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """One reading for a dashboard."""

    meter: str
    utc_ms: int
    letter: ClockLetter
    values: Mapping[str, str] = field(default_factory=dict)
    quality: Mapping[str, str] = field(default_factory=dict)
    error: str = ""


Message = TypeVar("Message", Birth, State, Live)


def encode_message(message: Birth | State | Live) -> bytes:
    """One JSON line without newline; WireError when it would pass 8 KiB."""
    try:
        return encode_row({"v": _VERSION} | asdict(message))[:-1]
    except RowError as error:
        raise WireError(str(error)) from error


def decode_message(kind: type[Message], data: bytes) -> Message:
    """Take a message of ``kind``; UnknownVersion for a newer edition, WireError for wrong names or types."""
    try:
        content = decode_row(data + b"\n")
    except RowError as error:
        raise WireError(str(error)) from error
    version = content.pop("v", None)
    if version != _VERSION:
        raise (
            UnknownVersion(f"message v {version!r}")
            if type(version) is int
            else WireError("message without v")
        )
    if set(content) != {one.name for one in fields(kind)}:
        raise WireError("message: fields missing or unknown")
    hints = get_type_hints(kind)
    if not all(_is(hints[name], value) for name, value in content.items()):
        raise WireError("message: a field of another type")
    return kind(**content)


def _is(hint: Any, value: object) -> bool:
    if hint == Mapping[str, str]:
        return isinstance(value, dict) and all(isinstance(inner, str) for inner in value.values())
    if hint in (int, str, bool):
        return type(value) is hint
    return value in ("S", "R", "M", "I")
