"""A course is the driver's generator, whatever a meter says; a reply alone is what the scan would find."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.profile import PollClass
from config.profiles import builtin_profiles
from config.site import Line, Meter
from drivers.course import Course, Plan, plan
from drivers.exchange import Answer, Exchange, Failure, MeterSpec, Polled, Scan
from drivers.registry import drivers
from tests.support.line import crc

CLASSES: Final[tuple[PollClass, ...]] = ("fast", "slow")
CASES: Final = tuple(
    (protocol, profile.id)
    for protocol in ("modbus-rtu", "dlt645-2007", "dlt645-1997")
    for profile in builtin_profiles().values()
    if protocol.startswith(profile.family)
)
GOOD: Final = ("digits", "digits", "digits", "zeros", "fill")
FAILURES: Final[dict[str, Failure]] = {"no_reply": "no_reply", "garbled": "garbled"}
KINDS: Final = (*GOOD, "short", "long", "more", "refused", *FAILURES)
Respond = Callable[[Exchange], Answer]


def spec(protocol: str, profile: str, left_out: int = 0) -> MeterSpec:
    """A meter; without the items at the bits of ``left_out``."""
    address = "5" if protocol == "modbus-rtu" else "000000000012"
    meter = Meter(
        id="m", bus="b", protocol=protocol, address=address, profile=profile, line=Line(9600, 8, "E", 1)
    )
    known = builtin_profiles()[profile]
    dlt = tuple(item for at, item in enumerate(known.dlt) if not left_out >> at & 1)
    registers = tuple(item for at, item in enumerate(known.modbus) if not left_out >> at & 1)
    return MeterSpec(meter, replace(known, dlt=dlt, modbus=registers))


def content(kind: str, size: int, rng: random.Random) -> bytes:
    """Data of a reply, of ``size`` where it is as it should be."""
    if kind == "short":
        size = rng.randrange(size) if size else 0
    elif kind == "long":
        size = min(size + rng.randint(1, 4), 195)
    if kind == "fill":
        return b"\xff" * size
    if kind == "zeros":
        return bytes(size)
    return bytes(rng.randrange(10) << 4 | rng.randrange(10) for _ in range(size))


def modbus(request: bytes, kind: str, rng: random.Random) -> bytes:
    """The reply of a Modbus meter, as on the wire."""
    function, count = request[1], int.from_bytes(request[4:6], "big")
    size = (count + 7) // 8 if function in (1, 2) else 2 * count
    if kind in GOOD:
        body = bytes((request[0], function, size)) + content(kind, size, rng)
    else:
        body = bytes((request[0], function | 0x80, rng.choice((1, 2, 3, 4, 5, 6, 10, 11))))
    return body + crc(body)


def dlt(exchange: Exchange, kind: str, rng: random.Random) -> bytes:
    """The reply of a DL/T 645 meter of either edition, as on the wire."""
    raw = exchange.request.lstrip(b"\xfe")
    function, asked = raw[8], bytes(byte - 0x33 & 0xFF for byte in raw[10:-2])
    di_size = 2 if function in (1, 2) else 4
    size = exchange.reply_bytes - 12 - di_size
    if kind == "refused":
        control, data = function | 0xC0, bytes((rng.choice((1, 2, 4, 0x40)),))
    else:
        control = function | 0x80 | (0x20 if kind == "more" else 0)
        data = asked[:di_size] + content(kind, size, rng) + (asked[di_size:] if function == 0x12 else b"")
    body = raw[:8] + bytes((control, len(data))) + bytes(byte + 0x33 & 0xFF for byte in data)
    return b"\xfe" * rng.choice((0, 4)) + body + bytes((sum(body) & 0xFF, 0x16))


def mended(protocol: str, damaged: bytes) -> bytes:
    """The same with a sum that is right: the reply of another meter, to another request, or to nobody."""
    if protocol == "modbus-rtu":
        return damaged[:-2] + crc(damaged[:-2])
    body = damaged.lstrip(b"\xfe")[:-2]
    return body + bytes((sum(body) & 0xFF, 0x16))


def same_alone(exchange: Exchange, buffer: bytes) -> None:
    """The short way finds nothing, or what the scan finds."""
    sole = exchange.sole(buffer)
    assert sole is None or exchange.scan(buffer) == Scan(sole[0], b"", sole[1])


def meter(protocol: str, seed: int, kinds: tuple[str, ...]) -> Respond:
    """A meter that says the same to the same requests in the same order."""
    asked: list[Exchange] = []

    def respond(exchange: Exchange) -> Answer:
        asked.append(exchange)
        rng = random.Random(f"{seed} {len(asked)} {exchange.label}")
        kind = rng.choice(kinds)
        if kind in FAILURES:
            return Answer(failure=FAILURES[kind])
        heard = modbus(exchange.request, kind, rng) if protocol == "modbus-rtu" else dlt(exchange, kind, rng)
        found = exchange.scan(heard)
        same_alone(exchange, heard)
        at = rng.randrange(len(heard))
        damaged = heard[:at] + bytes((heard[at] ^ 1 << rng.randrange(8),)) + heard[at + 1 :]
        last = heard[:-3] + bytes((heard[-3] ^ 1,)) + heard[-2:]  # where it is numbered, another number
        for buffer in (damaged, mended(protocol, damaged), mended(protocol, last), exchange.request + heard):
            same_alone(exchange, buffer)
        if found.reply is None:  # longer than its byte of length can tell
            return Answer(failure="garbled")
        return Answer(reply=found.reply)

    return respond


def by_generator(known: Plan, respond: Respond, cut: int) -> tuple[list[Exchange], Polled]:
    """What is asked and read; from exchange ``cut`` on the port is gone."""
    asked: list[Exchange] = []
    going = known.begin()
    try:
        exchange = next(going)
        while True:
            asked.append(exchange)
            failed = len(asked) > cut
            exchange = going.send(Answer(failure="port") if failed else respond(exchange))
    except StopIteration as stop:
        return asked, stop.value


def by_course(known: Plan, respond: Respond, cut: int) -> tuple[list[Exchange], Polled]:
    course = Course(known.begin, known.script)
    asked: list[Exchange] = []
    told = course.first()
    while not isinstance(told, Polled):
        asked.append(told)
        if len(asked) > cut:
            return asked, course.abandon(Answer(failure="port"))
        told = course.answer(respond(told))
    return asked, told


@settings(max_examples=400)
@given(
    st.sampled_from(CASES),
    st.sampled_from(CLASSES),
    st.integers(0, 2**32),
    st.sampled_from((GOOD, KINDS, (*GOOD * 5, *KINDS))),
    st.one_of(st.just(10_000), st.integers(0, 6)),
    st.one_of(st.just(0), st.integers(0, 2**60)),
)
def test_a_course_is_the_generator(
    case: tuple[str, str], poll: PollClass, seed: int, kinds: tuple[str, ...], cut: int, left_out: int
) -> None:
    """In two polls, the second without what the first was declined: the same requests, the same samples."""
    protocol, profile = case
    ours, learnt = spec(protocol, profile, left_out), frozenset[str]()
    for turn in range(2):
        known = plan(drivers()[protocol], ours, poll, learnt)
        expected = by_generator(known, meter(protocol, seed + turn, kinds), cut)
        asked, polled = by_course(known, meter(protocol, seed + turn, kinds), cut)
        assert polled == expected[1]
        assert [one.request for one in asked] == [one.request for one in expected[0][: len(asked)]]
        assert len(asked) == min(len(expected[0]), cut + 1)
        learnt |= polled.unsupported


@pytest.mark.parametrize(("protocol", "profile"), CASES)
def test_what_is_answered_well_needs_no_generator(protocol: str, profile: str) -> None:
    """But where a ratio is read from the meter itself."""
    ours = spec(protocol, profile)
    for poll in CLASSES:
        known = plan(drivers()[protocol], ours, poll, frozenset())
        if not [item for item in (*ours.profile.dlt, *ours.profile.modbus) if item.poll == poll]:
            assert known.script is None
        elif known.script is None:
            assert ours.profile.ratio_source == "meter"
        else:
            course = Course(lambda: pytest.fail("the generator was asked for"), known.script)
            told, respond = course.first(), meter(protocol, 7, ("digits", "zeros"))
            while not isinstance(told, Polled):
                told = course.answer(respond(told))
            assert told.samples
