"""The Modbus poll: fall back, learn, stop early; every item ends with a value or a reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest

from config.profile import PollClass
from drivers.exchange import Answer, Exchange, MeterSpec, Polled
from drivers.modbus.driver import DRIVER
from drivers.modbus.pdu import PduError, Refusal
from drivers.samples import Quality
from tests.support.specs import item, modbus, with_meter
from tests.support.words import registers

ITEMS = [
    item("u_b", 1, scale="0.1"),
    item("u_a", 0, scale="0.1"),
    item("p", 10, "i32"),
    item("ep_imp", 20, "u32", poll="slow"),
]
SPEC = modbus("m", 5, ITEMS)
NOTHING: frozenset[str] = frozenset()
Respond = Callable[[Exchange], Answer]


def _poll(
    respond: Respond, learnt: frozenset[str] = NOTHING, spec: MeterSpec = SPEC, poll: PollClass = "fast"
) -> tuple[Polled, list[str]]:
    asked: list[str] = []
    going = DRIVER.poll(spec, poll, learnt)
    try:
        exchange = next(going)
        while True:
            asked.append(exchange.label)
            exchange = going.send(respond(exchange))
    except StopIteration as stop:
        return stop.value, asked


def _values(polled: Polled) -> dict[str, str]:
    return {s.quantity: str(s.value) if s.value is not None else s.quality.value for s in polled.samples}


def _counting(exchange: Exchange) -> Answer:
    """Each register holds its own address."""
    address, count = int(exchange.label[5:9], 16), int(exchange.label[10:])
    return Answer(reply=registers(*range(address, address + count)))


def test_samples_come_in_the_profiles_order() -> None:
    polled, asked = _poll(_counting)
    assert asked == ["03:0x0000+2", "03:0x000A+2"]
    assert [s.quantity for s in polled.samples] == ["u_b", "u_a", "p"]
    assert _values(polled) == {"u_b": "0.1", "u_a": "0.0", "p": str(10 * 65536 + 11)}


def test_slow_items_are_apart() -> None:
    polled, asked = _poll(_counting, poll="slow")
    assert (asked, [s.quantity for s in polled.samples]) == (["03:0x0014+2"], ["ep_imp"])


@pytest.mark.parametrize("code", [1, 2, 3])
def test_declined_merged_range_is_learnt_and_read_by_item(code: int) -> None:
    def respond(exchange: Exchange) -> Answer:
        return Answer(reply=Refusal(code)) if exchange.label == "03:0x0000+2" else _counting(exchange)

    polled, asked = _poll(respond)
    assert asked == ["03:0x0000+2", "03:0x0000+1", "03:0x0001+1", "03:0x000A+2"]
    assert polled.unsupported == {"03:0x0000+2"}
    assert _values(polled)["u_b"] == "0.1"
    again, asked = _poll(respond, polled.unsupported)
    assert asked == ["03:0x0000+1", "03:0x0001+1", "03:0x000A+2"]
    assert again.unsupported == NOTHING


@pytest.mark.parametrize(
    ("code", "quality"),
    [(1, "unsupported"), (2, "unsupported"), (3, "unsupported"), (4, "refused"), (6, "refused")],
)
def test_declined_item(code: int, quality: str) -> None:
    def respond(exchange: Exchange) -> Answer:
        return Answer(reply=Refusal(code)) if exchange.label.startswith("03:0x000A") else _counting(exchange)

    polled, _ = _poll(respond)
    assert _values(polled) == {"u_b": "0.1", "u_a": "0.0", "p": quality}
    assert polled.unsupported == NOTHING


def test_other_refusals_are_tried_by_item_and_not_learnt() -> None:
    polled, asked = _poll(lambda e: Answer(reply=Refusal(4)) if e.label.endswith("0000+2") else _counting(e))
    assert asked[:3] == ["03:0x0000+2", "03:0x0000+1", "03:0x0001+1"]
    assert (polled.unsupported, _values(polled)["u_b"]) == (NOTHING, "0.1")


def test_busy_meter_is_left_alone() -> None:
    polled, asked = _poll(lambda _: Answer(reply=Refusal(6)))
    assert asked == ["03:0x0000+2", "03:0x000A+2"]
    assert {s.quality for s in polled.samples} == {Quality.REFUSED}


@pytest.mark.parametrize("code", [0x0A, 0x0B])
def test_gateway_without_its_meter_is_silence(code: int) -> None:
    polled, asked = _poll(lambda _: Answer(reply=Refusal(code)))
    assert asked == ["03:0x0000+2"]
    assert {s.quality for s in polled.samples} == {Quality.NO_REPLY}


@pytest.mark.parametrize("failure", ["no_reply", "garbled", "port"])
def test_failure_stops_the_poll_and_keeps_what_came(failure: str) -> None:
    def respond(exchange: Exchange) -> Answer:
        if exchange.label.startswith("03:0x000A"):
            return Answer(failure=failure)  # type: ignore[arg-type]  # a text from the table
        return _counting(exchange)

    items = [*ITEMS, item("f", 40)]
    polled, asked = _poll(respond, spec=modbus("m", 5, items))
    assert asked == ["03:0x0000+2", "03:0x000A+2"]
    expected = "garbled" if failure == "garbled" else "no_reply"
    assert _values(polled) == {"u_b": "0.1", "u_a": "0.0", "p": expected, "f": expected}


def test_not_a_number_is_missing() -> None:
    polled, _ = _poll(
        lambda _: Answer(reply=registers(0x7FC0, 0)), spec=modbus("m", 5, [item("p", 0, "f32")])
    )
    assert [(s.value, s.quality) for s in polled.samples] == [(None, Quality.MISSING)]


def test_ratios_of_the_meter_are_applied() -> None:
    items = [replace(item("p", 0), ratio="ct"), item("u_a", 1)]
    spec = with_meter(modbus("m", 5, items), ct=Decimal(40))
    polled, _ = _poll(lambda _: Answer(reply=registers(3, 4)), spec=spec)
    assert _values(polled) == {"p": "120", "u_a": "4"}


def test_probe_is_the_shortest_read() -> None:
    going = DRIVER.probe(SPEC)
    first = next(going)
    assert (first.label, first.reply_bytes) == ("03:0x0001+1", 7)
    with pytest.raises(StopIteration) as stop:
        going.send(Answer(reply=Refusal(2)))
    assert stop.value.value.samples[0].quality is Quality.UNSUPPORTED


@pytest.mark.parametrize(
    ("protocol", "address"),
    [
        ("modbus-rtu", "0"),
        ("modbus-rtu", "248"),
        ("modbus-rtu", "x"),
        ("modbus-rtu", "-1"),
        ("modbus-tcp", "256"),
    ],
)
def test_units_that_cannot_be(protocol: str, address: str) -> None:
    spec = with_meter(SPEC, protocol=protocol, address=address)
    with pytest.raises(PduError, match="unit"):
        next(DRIVER.poll(spec, "fast", NOTHING))


def test_tcp_requests_have_their_own_transaction() -> None:
    spec = with_meter(SPEC, protocol="modbus-tcp", address="0")
    first, second = next(DRIVER.poll(spec, "fast", NOTHING)), next(DRIVER.poll(spec, "fast", NOTHING))
    assert first.request[:2] != second.request[:2]
    assert first.request[2:] == second.request[2:] == bytes.fromhex("00000006000300000002")
    assert first.reply_bytes == 13
