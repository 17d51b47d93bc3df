"""Every driver that the registry finds, with every shipped profile of its family: what the bus relies on."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import datetime
from decimal import Decimal

import pytest

from config.profile import PollClass, Profile
from config.profiles import builtin_profiles
from config.site import Line, Meter
from drivers.exchange import Answer, Driver, Exchange, Failure, MeterSpec, Poll, Polled
from drivers.memory import Span
from drivers.registry import drivers
from drivers.samples import Quality

CLASSES: tuple[PollClass, ...] = ("fast", "slow")
NOTHING: frozenset[str] = frozenset()
LARGEST_FRAME = 267
# Where each family's request says its function, and the functions that read. A driver of a new family adds
# its line here, and with it says what it may do to a meter.
FUNCTION: dict[str, tuple[Callable[[bytes], int], frozenset[int]]] = {
    "modbus-rtu": (lambda request: request[1], frozenset({1, 2, 3, 4})),
    "modbus-tcp": (lambda request: request[7], frozenset({1, 2, 3, 4})),
    "dlt645-2007": (lambda request: request.lstrip(b"\xfe")[8], frozenset({0x11, 0x12, 0x13})),
    "dlt645-1997": (lambda request: request.lstrip(b"\xfe")[8], frozenset({0x01, 0x02})),
}
ADDRESS = dict.fromkeys(("dlt645-2007", "dlt645-1997"), "000000000012")


def _profiles(protocol: str) -> list[Profile]:
    return [one for one in builtin_profiles().values() if protocol.startswith(one.family)]


def _cases() -> Iterator[tuple[str, str]]:
    for protocol in sorted(drivers()):
        for profile in _profiles(protocol):
            yield protocol, profile.id


CASES = list(_cases())


def _spec(protocol: str, profile: str) -> MeterSpec:
    meter = Meter(
        id="m",
        bus="b",
        protocol=protocol,
        address=ADDRESS.get(protocol, "5"),
        profile=profile,
        line=Line(9600, 8, "E", 1),
        ct=Decimal(40),
    )
    return MeterSpec(meter, builtin_profiles()[profile])


def _play(poll: Poll, respond: Callable[[Exchange], Answer]) -> tuple[Polled, list[Exchange]]:
    """Run a poll to its end; it must come within a bound."""
    seen: list[Exchange] = []
    try:
        exchange = next(poll)
        for _ in range(500):
            seen.append(exchange)
            exchange = poll.send(respond(exchange))
    except StopIteration as stop:
        return stop.value, seen
    raise AssertionError("the poll does not end")


def _quantities(spec: MeterSpec, poll: PollClass) -> list[str]:
    items = (*spec.profile.dlt, *spec.profile.modbus)
    return [item.quantity for item in items if item.poll == poll]


def _exchanges(driver: Driver, spec: MeterSpec) -> list[Exchange]:
    """The first request of each poll, of the probe, and of what else may be asked."""
    polls = (*(driver.poll(spec, one, NOTHING) for one in CLASSES), driver.probe(spec))
    day = datetime(2026, 11, 25)  # noqa: DTZ001 a meter's time has no zone
    counted = {item.quantity: 1 for item in (*spec.profile.dlt, *spec.profile.modbus)}
    more = (
        driver.recall(spec, Span(day, day), lambda _: None),
        driver.clock(spec),
        driver.events(spec, counted, lambda _: None),
    )
    return [next(poll) for poll in polls] + [next(one) for one in more if one is not None]


def test_every_family_has_a_driver_and_a_profile() -> None:
    assert set(drivers()) == set(FUNCTION)
    assert all(_profiles(protocol) for protocol in drivers())


@pytest.mark.parametrize("protocol", sorted(drivers()))
def test_what_a_driver_says_of_itself(protocol: str) -> None:
    driver = drivers()[protocol]
    assert protocol in driver.protocols
    assert 0 <= driver.default_gap_ms <= 1_000


@pytest.mark.parametrize(("protocol", "profile"), CASES)
@pytest.mark.parametrize("poll", CLASSES)
@pytest.mark.parametrize("failure", ["no_reply", "garbled", "port"])
def test_a_failure_ends_the_poll_at_once(
    protocol: str, profile: str, poll: PollClass, failure: Failure
) -> None:
    spec = _spec(protocol, profile)
    going = drivers()[protocol].poll(spec, poll, NOTHING)
    polled, seen = _play(going, lambda _: Answer(failure=failure))
    assert len(seen) == 1
    assert [sample.quantity for sample in polled.samples] == _quantities(spec, poll)
    expected = Quality.GARBLED if failure == "garbled" else Quality.NO_REPLY
    assert {(sample.value, sample.quality) for sample in polled.samples} == {(None, expected)}
    assert polled.unsupported == NOTHING


@pytest.mark.parametrize(("protocol", "profile"), CASES)
@pytest.mark.parametrize("failure", ["no_reply", "garbled", "port"])
def test_probe_is_one_exchange_and_tells_silence(protocol: str, profile: str, failure: Failure) -> None:
    spec = _spec(protocol, profile)
    polled, seen = _play(drivers()[protocol].probe(spec), lambda _: Answer(failure=failure))
    assert len(seen) == 1
    assert {sample.quality for sample in polled.samples} <= {Quality.NO_REPLY, Quality.GARBLED}
    assert polled.samples


@pytest.mark.parametrize(("protocol", "profile"), CASES)
def test_requests_only_read(protocol: str, profile: str) -> None:
    function, reading = FUNCTION[protocol]
    for exchange in _exchanges(drivers()[protocol], _spec(protocol, profile)):
        assert function(exchange.request) in reading
        assert 0 < exchange.reply_bytes <= LARGEST_FRAME
        assert exchange.label
        assert not exchange.wildcard


@pytest.mark.parametrize(("protocol", "profile"), CASES)
def test_scan_survives_anything_and_keeps_little(protocol: str, profile: str) -> None:
    rng = random.Random(profile)
    for exchange in _exchanges(drivers()[protocol], _spec(protocol, profile)):
        rest = b""
        for _ in range(300):
            start = rng.randrange(len(exchange.request))
            piece = rng.choice(
                [rng.randbytes(rng.randrange(40)), exchange.request, exchange.request[start:], b"\xff" * 9]
            )
            found = exchange.scan(rest + piece)
            rest = found.rest
            assert found.reply is None
            assert len(rest) < LARGEST_FRAME
            assert min(found.foreign, found.echo, found.checksum, found.dropped) >= 0


@pytest.mark.parametrize(("protocol", "profile"), CASES)
def test_our_own_request_is_an_echo_and_no_reply(protocol: str, profile: str) -> None:
    for exchange in _exchanges(drivers()[protocol], _spec(protocol, profile)):
        found = exchange.scan(exchange.request)
        assert (found.reply, found.echo, found.foreign, found.rest) == (None, 1, 0, b"")


@pytest.mark.parametrize(("protocol", "profile"), CASES)
def test_polls_share_nothing(protocol: str, profile: str) -> None:
    """Two polls of one meter under way at once ask the same in the same order."""
    driver, spec = drivers()[protocol], _spec(protocol, profile)
    one, two = driver.poll(spec, "fast", NOTHING), driver.poll(spec, "fast", NOTHING)
    assert next(one).label == next(two).label
    ended, _ = _play(driver.poll(spec, "fast", NOTHING), lambda _: Answer(failure="no_reply"))
    for poll in (one, two):
        with pytest.raises(StopIteration) as stop:
            poll.send(Answer(failure="no_reply"))
        assert stop.value.value == ended
