"""Modbus: any bytes, any split, any registers."""

from __future__ import annotations

import struct
from decimal import Decimal
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from pymodbus.pdu.bit_message import ReadCoilsResponse
from pymodbus.pdu.register_message import ReadHoldingRegistersResponse

from config.profile import ModbusItem, ModbusType
from drivers.exchange import Scan
from drivers.modbus import mbap, rtu
from drivers.modbus.pdu import decode, encode
from drivers.modbus.plan import plan
from drivers.modbus.values import WORDS, raw
from tests.support.line import ModbusSlave, crc
from tests.support.words import registers, words_of

UNITS = st.integers(1, 247)
FUNCTIONS = st.sampled_from([3, 4])
WORD = st.integers(0, 0xFFFF)


def _rtu(unit: int, function: int, address: int, count: int) -> rtu.Awaited:
    return rtu.Awaited(rtu.frame(unit, encode(function, address, count)), unit, function, count)


@given(st.binary(max_size=600), UNITS, FUNCTIONS, st.integers(1, 125))
def test_rtu_noise_never_raises_and_the_rest_is_bounded(
    noise: bytes, unit: int, function: int, count: int
) -> None:
    found = _rtu(unit, function, 0, count).scan(noise)
    assert len(found.rest) < rtu.MAX_FRAME or found.reply is not None
    assert found.rest == noise[len(noise) - len(found.rest) :]
    if found.reply is None:
        assert found.dropped <= len(noise) - len(found.rest)


@given(st.binary(max_size=600), st.integers(1, 125))
def test_mbap_noise_never_raises_and_the_rest_is_bounded(noise: bytes, count: int) -> None:
    request = mbap.frame(9, 1, encode(3, 0, count))
    found = mbap.Awaited(request, 3, count).scan(noise)
    assert len(found.rest) < mbap.MAX_FRAME or found.reply is not None


@given(FUNCTIONS, st.lists(WORD, min_size=1, max_size=125))
def test_a_reply_is_unpacked_as_pymodbus_does(function: int, words: list[int]) -> None:
    pdu = bytes((function, 2 * len(words))) + struct.pack(f">{len(words)}H", *words)
    theirs = ReadHoldingRegistersResponse()
    theirs.decode(pdu[1:])
    assert decode(pdu) == registers(*theirs.registers) == registers(*words)


@given(UNITS, FUNCTIONS, st.lists(WORD, min_size=1, max_size=20), st.integers(0, 0xFFFF), st.booleans())
def test_a_reply_alone_is_what_the_hunt_finds(
    unit: int, function: int, words: list[int], address: int, whole: bool
) -> None:
    """The short way for a buffer that is the reply and nothing else."""
    count = len(words)
    awaited = _rtu(unit, function, min(address, 0x10000 - count), count)
    body = bytes((unit, function, 2 * count)) + struct.pack(f">{count}H", *words)
    buffer = body + crc(body)
    buffer = buffer if whole else buffer[:-1]
    found, sole = awaited.scan(buffer), awaited.sole(buffer)
    echo = whole and buffer.startswith(awaited.request)
    assert (sole is not None) == (whole and not echo)
    if sole is not None:
        assert found == Scan(sole[0], b"", sole[1])


@given(UNITS, FUNCTIONS, st.lists(WORD, min_size=1, max_size=125), st.binary(max_size=40))
def test_rtu_reply_is_found_behind_any_noise(
    unit: int, function: int, words: list[int], noise: bytes
) -> None:
    body = bytes((unit, function, 2 * len(words))) + struct.pack(f">{len(words)}H", *words)
    reply = body + crc(body)
    found = _rtu(unit, function, 7, len(words)).scan(noise + reply)
    assert found.reply == registers(*words)
    assert (found.frame, found.rest) == (reply, b"")


@given(
    UNITS, st.sampled_from([1, 2]), st.lists(st.booleans(), min_size=1, max_size=2000), st.binary(max_size=40)
)
def test_bits_are_found_behind_any_noise(unit: int, function: int, bits: list[bool], noise: bytes) -> None:
    packed = sum(bit << at for at, bit in enumerate(bits)).to_bytes((len(bits) + 7) // 8, "little")
    body = bytes((unit, function, len(packed))) + packed
    found = _rtu(unit, function, 7, len(bits)).scan(noise + body + crc(body))
    told = list(words_of(found.reply))
    assert told[: len(bits)] == bits
    theirs = ReadCoilsResponse()
    theirs.decode(body[2:])
    assert told == theirs.bits
    more = len(packed) * 8 + 1
    if more <= 2000:
        assert _rtu(unit, function, 7, more).scan(body + crc(body)).reply is None, "one byte short"


@given(UNITS, st.lists(WORD, min_size=1, max_size=20), st.lists(st.integers(0, 80), max_size=6))
def test_rtu_any_split_gives_one_reply_and_the_same_counts(
    unit: int, words: list[int], cuts: list[int]
) -> None:
    slave = ModbusSlave(unit, dict(enumerate(words)))
    awaited = _rtu(unit, 3, 0, len(words))
    ((_, reply),) = slave.hear(awaited.request)
    stream = b"\x00\xff" + awaited.request + reply
    whole = awaited.scan(stream)
    places = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    rest, seen = b"", list[Scan]()
    for start, end in pairwise(places):
        seen.append(awaited.scan(rest + stream[start:end]))
        rest = seen[-1].rest
    assert [one.reply for one in seen if one.reply] == [registers(*words)]
    assert whole.reply == registers(*words)
    assert sum(one.echo for one in seen) == whole.echo == 1
    assert sum(one.dropped for one in seen) == whole.dropped == 2


@given(WORD, st.integers(0, 255), st.lists(WORD, min_size=1, max_size=20), st.integers(1, 40))
def test_mbap_any_split(transaction: int, unit: int, words: list[int], cut: int) -> None:
    request = mbap.frame(transaction, unit, encode(4, 0, len(words)))
    awaited = mbap.Awaited(request, 4, len(words))
    pdu = bytes((4, 2 * len(words))) + struct.pack(f">{len(words)}H", *words)
    reply = mbap.frame(transaction, unit, pdu)
    first = awaited.scan(reply[:cut])
    found = first if first.reply is not None else awaited.scan(first.rest + reply[cut:])
    assert (found.reply, found.frame) == (registers(*words), reply)


@given(st.binary(min_size=4, max_size=4))
def test_f32_is_the_shortest_text_that_comes_back(data: bytes) -> None:
    (number,) = struct.unpack(">f", data)
    value = raw(struct.unpack(">2H", data), "f32", "be")
    if value is None:
        assert number != number or abs(number) == float("inf")
        return
    back = struct.pack(">f", float(value))
    assert back == data or (value == 0 and data == b"\x80\0\0\0")
    exponent = value.as_tuple().exponent
    assert isinstance(exponent, int)
    assert exponent <= 0
    digits = len(f"{value.normalize():E}".split("E")[0].replace("-", "").replace(".", ""))
    assert digits <= 9
    if digits > 1:
        assert struct.pack(">f", float(f"{number:.{digits - 1}g}")) != data


@given(st.sampled_from(["u16", "i16", "u32", "i32", "u64", "i64"]), st.data())
def test_integers_are_exact_in_both_orders(kind: ModbusType, data: st.DataObject) -> None:
    bits = WORDS[kind] * 16
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if kind[0] == "i" else (0, (1 << bits) - 1)
    number = data.draw(st.integers(low, high))
    words = struct.unpack(f">{WORDS[kind]}H", (number % (1 << bits)).to_bytes(bits // 8, "big"))
    assert raw(words, kind, "be") == Decimal(number) == raw(words[::-1], kind, "le")


ITEMS = st.lists(
    st.builds(
        ModbusItem,
        quantity=st.text("abc", min_size=1, max_size=3),
        fc=st.sampled_from([3, 4]),
        address=st.integers(0, 300),
        type=st.sampled_from(sorted(WORDS)),
    ),
    max_size=30,
)


@given(ITEMS, st.integers(4, 125), st.integers(0, 10), st.booleans())
def test_plan_covers_every_item_once_and_whole(
    items: list[ModbusItem], most: int, gap: int, split: bool
) -> None:
    ranges = plan(items, most, gap, frozenset())
    if split:
        ranges = plan(items, most, gap, frozenset(one.label for one in ranges))
        assert not any(one.merged for one in ranges)
    covered = [item for one in ranges for item in one.items]
    assert sorted(map(repr, covered)) == sorted(map(repr, items))
    for one in ranges:
        assert one.count <= most
        for item in one.items:
            assert one.fc == item.fc
            assert one.address <= item.address
            assert item.address + WORDS[item.type] <= one.address + one.count
        used = {item.address + n for item in one.items for n in range(WORDS[item.type])}
        holes = [r for r in range(one.address, one.address + one.count) if r not in used]
        runs = [r for r in holes if r - 1 not in holes]
        assert all(any(r + n not in holes for n in range(gap + 1)) for r in runs)
