"""What a driver says of a meter: samples with their quality, and the result of one poll.

A result is never a bare number: it is a value, or the reason why there is none. 0 never stands for
another of these (DESIGN 5).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Literal


class Quality(StrEnum):
    """Quality of one sample; every value but GOOD means there is no number."""

    GOOD = "good"
    MISSING = "missing"  # the meter fills FF or EE, or NaN
    INVALID = "invalid"  # a nibble that is no digit, an impossible length
    UNSUPPORTED = "unsupported"  # the meter says it has no such item
    REFUSED = "refused"  # the meter answers, and declines for another reason
    NO_REPLY = "no_reply"
    GARBLED = "garbled"  # bytes came, no sound frame among them


@dataclass(frozen=True, slots=True)
class Sample:
    """One quantity in its vocabulary unit, primary side. ``value`` is None unless quality is GOOD;
    its digits are those of the meter after scaling, trailing zeros kept."""

    quantity: str
    value: Decimal | None
    quality: Quality


PollError = Literal["no_reply", "garbled", "refused", "port", "overrun"]


@dataclass(frozen=True, slots=True)
class WireFrame:
    """Bytes seen on a bus: ``way`` is ">" sent, "<" taken as a reply, "?" seen and not taken."""

    mono_ms: int
    way: Literal[">", "<", "?"]
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class PollResult:
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
