"""What a driver says of a meter: samples with their quality, and the result of one poll.

A result is never a bare number: it is a value, or the reason why there is none. 0 never stands for
another of these (DESIGN 5). What each exchange makes anew is a tuple: with cold caches, as they are when a
reply wakes the reader, a frozen dataclass costs twice as much.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from enum import StrEnum
from typing import Final, Literal, NamedTuple


class Quality(StrEnum):
    """Quality of one sample; every value but GOOD means there is no number."""

    GOOD = "good"
    MISSING = "missing"  # the meter fills FF or EE, or NaN
    INVALID = "invalid"  # a nibble that is no digit, an impossible length
    UNSUPPORTED = "unsupported"  # the meter says it has no such item
    REFUSED = "refused"  # the meter answers, and declines for another reason
    NO_REPLY = "no_reply"
    GARBLED = "garbled"  # bytes came, no sound frame among them


class Sample(NamedTuple):
    """One quantity in its vocabulary unit, primary side. ``value`` is None unless quality is GOOD;
    its digits are those of the meter after scaling, trailing zeros kept."""

    quantity: str
    value: Decimal | None
    quality: Quality


_SILENT: Final = (Quality.NO_REPLY, Quality.GARBLED)


def alive(samples: Iterable[Sample]) -> bool:
    """True unless every sample says that the meter did not answer."""
    return any(sample.quality not in _SILENT for sample in samples)


PollError = Literal["no_reply", "garbled", "refused", "port", "overrun"]


class WireFrame(NamedTuple):
    """Bytes seen on a bus: ``way`` is ">" sent, "<" taken as a reply, "?" seen and not taken."""

    mono_ms: int
    way: Literal[">", "<", "?"]
    data: bytes


class PollResult(NamedTuple):
    """The end of one poll slot of one meter: always emitted, exactly once a slot.

    ``error`` is None when at least one sample is good; else the first reason. "port": the bus itself is
    down; "overrun": the slot's time passed before the line was free.
    """

    meter: str
    poll: Literal["fast", "slow", "read"]  # "read": asked for by a person, belongs to no slot
    slot: int
    mono_ms: int  # at the end of the last reply, or when the poll was given up
    samples: tuple[Sample, ...]
    error: PollError | None
    frames: tuple[WireFrame, ...]
    attempts: int
    token: int = 0  # of a technician's read: returned as given
