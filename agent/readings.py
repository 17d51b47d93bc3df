"""From the result of a poll to the record of a reading, and back for those who look at it.

``v`` holds the good values as the decimal text of the meter, ``x`` the quality of the others, ``e`` the
reason why a failed poll has none. Nothing is rounded and nothing is left out (DESIGN 6).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from agent.rules.metering import Observation
from buffer.instant import Instant
from drivers.samples import PollResult, Quality, WireFrame

_CLASS = {"fast": "f", "slow": "s"}


def fields(result: PollResult) -> dict[str, object]:
    """The record's own fields; the recorder adds number, boot and time."""
    good = {s.quantity: f"{s.value:f}" for s in result.samples if s.value is not None}
    bad = {s.quantity: s.quality.value for s in result.samples if s.quality is not Quality.GOOD}
    record: dict[str, object] = {
        "m": result.meter,
        "s": f"{_CLASS[result.poll]}{result.slot}",
        "src": "live",
        "v": good,
        "x": bad,
    }
    if result.error is not None:
        record["e"] = result.error
    return record


def observation(result: PollResult, record: int, at_ms: int) -> Observation:
    """What the rules see of a poll; ``at_ms`` lies on the axis."""
    values = {s.quantity: s.value for s in result.samples if s.value is not None}
    return Observation(result.meter, at_ms, record, values, result.poll == "slow", result.error)


def replayed(record: Mapping[str, Any], at_ms: int, wanted: frozenset[str]) -> Observation:
    """The same from a stored record, of the ``wanted`` quantities alone; of all where none of these is in it:
    a meter that answers is not silent, whatever it says."""
    held = record["v"]
    values = {name: Decimal(text) for name, text in held.items() if name in wanted}
    if not values:
        values = {name: Decimal(text) for name, text in held.items()}
    slow = record.get("s", "f").startswith("s")
    return Observation(record["m"], at_ms, record["i"], values, slow, record.get("e"))


def raw_of(frames: Sequence[WireFrame]) -> tuple[tuple[int, str, bytes], ...]:
    """The bus frames behind a record, as the journal takes them."""
    return tuple((frame.mono_ms, frame.way, frame.data) for frame in frames)


def backdated(now: Instant, mono_ms: int) -> Instant:
    """The instant of an earlier moment of this boot, by the monotonic distance."""
    return replace(now, mono_ms=mono_ms, utc_ms=now.utc_ms - (now.mono_ms - mono_ms))
