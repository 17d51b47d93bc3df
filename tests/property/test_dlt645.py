"""DL/T 645 under any bytes: nothing raises, nothing is invented, and a value is the meter's digits."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise
from random import Random

from hypothesis import event, given, settings
from hypothesis import strategies as st

from config.profile import DltItem, PollClass
from drivers.dlt645 import DRIVER
from drivers.dlt645.decode import explain
from drivers.dlt645.format import CLOCKS, take, take_ascii, take_clock, take_digits, take_word
from drivers.dlt645.frame import MAX_FRAME, Frame, Function, address_bytes, di_bytes, encode_read, hunt, only
from drivers.dlt645.item import lookup
from drivers.dlt645.reply import Awaited
from drivers.exchange import Answer, Exchange
from drivers.samples import Quality
from tests.unit.drivers.dlt645.meter import Played, bcd, di, listen, play, wire
from tests.unit.drivers.dlt645.specs import ADDRESS, CURRENTS, ITEMS, VOLTAGES, spec

# noise that looks like frames: start, end and wake-up bytes, wildcards, lengths, control bytes
NOISE = st.lists(
    st.one_of(st.sampled_from([0x68, 0x16, 0xFE, 0x00, 0xFF, 0x91, 0x11, 0x04, 0x33]), st.integers(0, 255)),
    max_size=60,
).map(bytes)
BYTES = st.binary(max_size=400)
ADDRESSES = st.sampled_from(
    [ADDRESS, "123456789013", "000000000000", "681668161668", "999999999999", "AAAAAAAAAAAA"]
)
CONTROLS = st.one_of(st.sampled_from([0x11, 0x91, 0xB1, 0xD1, 0x92, 0x93, 0x12]), st.integers(0, 255))
DIS = st.sampled_from(["02010100", "02010200", "0201FF00", "02030000", "00010000", "02020100", "0202FF00"])


@st.composite
def frames(draw: st.DrawFn) -> bytes:
    named = st.tuples(DIS, st.binary(max_size=20)).map(lambda pair: bytes(di(pair[0])) + pair[1])
    data = draw(st.one_of(st.binary(max_size=40), named))
    return wire(draw(ADDRESSES), draw(CONTROLS), data, fe=draw(st.integers(0, 5)))


def cut(stream: bytes, cuts: list[int]) -> Iterator[bytes]:
    marks = sorted({0, len(stream), *(c % (len(stream) + 1) for c in cuts)})
    for a, b in pairwise(marks):
        yield stream[a:b]


CUTS = st.lists(st.integers(0, 10_000), max_size=12)
STREAMS = st.lists(st.one_of(NOISE, frames()), max_size=8).map(b"".join)


def sound(raw: bytes) -> bool:
    """The frame rule, spelled out byte by byte."""
    total = 0
    for byte in raw[:-2]:
        total = (total + byte) % 256
    return raw[0] == raw[7] == 104 and len(raw) == raw[9] + 12 and raw[-2] == total and raw[-1] == 22


@given(st.binary(max_size=40), st.integers(0, 5), st.sampled_from([0x91, 0xB1, 0xD1]), st.booleans())
def test_a_frame_alone_is_what_the_hunt_finds(data: bytes, wakes: int, control: int, whole: bool) -> None:
    """The short way for a buffer that is FE and one frame and nothing else."""
    body = b"\x68" + bytes.fromhex("120000000000") + bytes((0x68, control, len(data))) + data
    buffer = b"\xfe" * wakes + body + bytes((sum(body) & 0xFF, 0x16))
    buffer = buffer if whole else buffer[:-1]
    found = hunt(buffer)
    alone = only(buffer, body[:9])
    if alone is not None:
        assert (found.frames, found.rest, found.dropped) == (((wakes, alone),), b"", 0)
    else:
        assert not whole


@given(st.one_of(BYTES, STREAMS))
def test_a_hunt_accounts_for_every_byte(stream: bytes) -> None:
    found = hunt(stream)
    taken = bytearray(stream[: len(stream) - len(found.rest)])
    end = 0
    for at, frame in found.frames:
        assert at >= end
        end = at + len(frame.raw)
        assert stream[at:end] == frame.raw
        assert sound(frame.raw)
        taken[at:end] = b"\xfe" * len(frame.raw)
    assert found.dropped == len(taken) - taken.count(0xFE)
    assert stream.endswith(found.rest)
    assert len(found.rest) < MAX_FRAME
    assert found.rest[:1] in (b"", b"\x68")


@given(st.lists(st.one_of(NOISE, frames()), max_size=8), CUTS)
def test_a_planted_frame_is_found_however_the_bytes_come(parts: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(parts)
    whole = hunt(stream)
    seen: list[bytes] = []
    rest = b""
    for chunk in cut(stream, cuts):
        found = hunt(rest + chunk)
        seen += [frame.raw for _, frame in found.frames]
        rest = found.rest
    assert seen == [frame.raw for _, frame in whole.frames]
    covered = {n for at, frame in whole.frames for n in range(at, at + len(frame.raw))}
    at = 0
    for part in parts:
        head = part.find(0x68)
        if head >= 0 and sound_at(part, head):
            assert covered & set(range(at + head, at + len(part)))
        at += len(part)


def sound_at(part: bytes, head: int) -> bool:
    return len(part) >= head + 12 and sound(part[head:])


@given(BYTES)
def test_formats_never_raise_and_never_give_a_value_without_good(raw: bytes) -> None:
    for form in ("XXXXXX.XX", "XX.XXXX", "XXX.X", "XX"):
        for signed in (True, False):
            taken = take(raw, form, signed=signed)
            assert (taken.value is None) == (taken.quality is not Quality.GOOD)
    for text, quality in (
        take_ascii(raw),
        take_digits(raw),
        take_word(raw),
        *(take_clock(raw, o) for o in CLOCKS),
    ):
        assert (text is None) == (quality is not Quality.GOOD)


FORMS = st.sampled_from(["XXXXXX.XX", "XX.XXXX", "XXX.XXX", "XXX.X", "X.XXX", "XX.XX", "XXXX", "XX"])


@given(FORMS, st.integers(0, 10**8 - 1), st.booleans())
def test_any_value_comes_back_digit_by_digit(form: str, number: int, minus: bool) -> None:
    count = form.count("X")
    decimals = len(form.partition(".")[2])
    number %= 8 * 10 ** (count - 1) if minus else 10**count
    digits = f"{number:0{count}d}"
    text = f"{digits[: count - decimals]}.{digits[count - decimals :]}" if decimals else digits
    taken = take(bytes(bcd(f"-{text}" if minus else text, count // 2)), form, signed=minus)
    assert taken.quality is Quality.GOOD
    assert taken.value == Decimal(text) * (-1 if minus else 1)
    assert taken.value.as_tuple().exponent == -decimals
    assert not (taken.value.is_zero() and taken.value.is_signed())


@given(st.binary(min_size=3, max_size=3), st.booleans())
def test_a_number_is_given_only_for_digits(raw: bytes, signed: bool) -> None:
    nibbles = [n for byte in reversed(raw) for n in divmod(byte, 16)]
    if signed:
        nibbles[0] &= 7
    value = take(raw, "XX.XXXX", signed=signed).value
    if raw in (b"\xff\xff\xff", b"\xee\xee\xee") or max(nibbles) > 9:
        assert value is None
    else:
        assert value is not None
        assert abs(value) * 10000 == int("".join(map(str, nibbles)))


@given(CONTROLS, st.binary(max_size=255))
def test_any_frame_can_be_explained(control: int, data: bytes) -> None:
    ((_, frame),) = hunt(wire(ADDRESS, control, data)).frames
    for named in explain(frame).items:
        assert (named.value is None) == (named.quality is not Quality.GOOD)


@given(st.integers(0, 0xFFFFFFFF), st.binary(max_size=100))
def test_any_item_can_be_explained(name: int, data: bytes) -> None:
    lookup(f"{name:08X}")
    ((_, frame),) = hunt(wire(ADDRESS, 0x91, [*name.to_bytes(4, "little"), *data])).frames
    assert explain(frame).di == f"{name:08X}"


@given(STREAMS, STREAMS, st.booleans(), CUTS)
def test_only_the_awaited_frame_is_taken(
    before: bytes, after: bytes, answered: bool, cuts: list[int]
) -> None:
    request = encode_read(ADDRESS, "02010100")
    awaited = Awaited(request, address_bytes(ADDRESS), Function.READ, di_bytes("02010100"))
    reply = wire(ADDRESS, 0x91, [*di("02010100"), *bcd("230.1", 2)], fe=2) if answered else b""
    stream = before + request + reply + after
    rest = b""
    for chunk in cut(stream, cuts):
        scan = awaited.scan(rest + chunk)
        rest = scan.rest
        if scan.reply is None:
            continue
        assert isinstance(scan.reply, Frame)
        assert scan.frame == scan.reply.raw
        assert scan.frame in stream
        assert sound(scan.frame)
        assert scan.frame[1:7] == bytes.fromhex(ADDRESS)[::-1]
        assert scan.frame[8] & 0x9F == 0x91
        assert scan.reply.refusal or scan.frame[10:14] == bytes((0x33, 0x34, 0x34, 0x35))
        return
    assert not answered or swallowed(stream, reply)


def swallowed(stream: bytes, reply: bytes) -> bool:
    """True if chance made a sound frame of other bytes that overlaps the reply."""
    at = stream.find(reply[2:])
    return any(start < at + len(reply) - 2 and start + len(f.raw) > at for start, f in hunt(stream).frames)


CLASSES: st.SearchStrategy[PollClass] = st.sampled_from(["fast", "slow"])
BLOCK_OF = {member: block.di for block in (VOLTAGES, CURRENTS) for member in block.items}
SIZES = {"0201FF00": 6, "0202FF00": 9, "01010000": 8, "00010000": 4, "02030000": 3} | {
    name: 2 if name.startswith("0201") else 3 for name in BLOCK_OF
}


def hostile(rng: Random, request: bytes) -> bytes:
    """What a bad line brings: echo, noise, others' frames, and perhaps the reply, perhaps broken."""
    asked = [(byte - 51) % 256 for byte in request[14:18]]
    name = "".join(f"{byte:02X}" for byte in reversed(asked))
    size = SIZES[name] + rng.choice([0, 0, 0, 0, 0, 0, 0, 1, -1])
    data = [rng.choice([0x00, 0x01, 0x23, 0x45, 0x80, 0x99]) for _ in range(size)]
    if rng.random() < 0.1:
        data[rng.randrange(size)] = rng.choice([0xFF, 0x0A, 0xEE])
    reply = wire(ADDRESS, rng.choice([0x91] * 12 + [0xB1, 0xD1]), [*asked, *data], fe=rng.randint(0, 4))
    if rng.random() < 0.1:
        at = rng.randrange(len(reply))
        reply = reply[:at] + bytes((rng.randrange(256),)) * rng.randint(0, 2) + reply[at + 1 :]
    parts = [
        request,
        bytes(rng.choice((0x68, 0x16, 0xFE, rng.randrange(256))) for _ in range(rng.randint(0, 30))),
        wire("123456789013", 0x91, [*asked, *bcd("9" * 2 * size, size)]),
        wire(ADDRESS, 0x91, [*di(rng.choice(sorted(SIZES))), *data]),
        reply,
        reply,
        reply,
    ]
    return b"".join(rng.sample(parts, rng.randint(1, len(parts))))


def was_said(stream: bytes, item: DltItem, value: Decimal) -> bool:
    """True if a frame of our meter, for the item or its block, holds the digits of ``value``."""
    digits = bcd(f"{value:f}", item.format.count("X") // 2)
    minus_nothing = [*digits[:-1], digits[-1] | 0x80]
    spelled = [bytes((byte + 51) % 256 for byte in form) for form in (digits, minus_nothing)]
    head = b"\x68" + bytes.fromhex(ADDRESS)[::-1] + b"\x68"
    names = [
        bytes((byte + 51) % 256 for byte in di(name)) for name in (item.di, BLOCK_OF.get(item.di, item.di))
    ]
    at = stream.find(head)
    while at >= 0:
        body = stream[at + 10 : at + 10 + stream[at + 9]] if at + 9 < len(stream) else b""
        told = body[4:] if body[:4] in names and stream[at + 8] == 0x91 else b""
        if spelled[0] in told or (not any(digits) and spelled[1] in told):
            return True
        at = stream.find(head, at + 1)
    return False


@settings(max_examples=300)
@given(st.integers(0, 2**32), CLASSES)
def test_a_hostile_line_never_raises_and_gives_only_what_the_meter_said(seed: int, poll: PollClass) -> None:
    rng = Random(seed)
    said: list[bytes] = []

    def line(request: bytes) -> list[bytes]:
        said.append(hostile(rng, request))
        return list(cut(said[-1], [rng.randrange(10_000) for _ in range(rng.randint(0, 8))]))

    polled = play(DRIVER.poll(spec(), poll, frozenset()), line)
    wanted = [i for i in ITEMS if i.poll == poll]
    assert [s.quantity for s in polled.samples] == [i.quantity for i in wanted]
    for sample, item in zip(polled.samples, wanted, strict=True):
        event(f"{sample.quality}")
        assert (sample.value is None) == (sample.quality is not Quality.GOOD)
        if sample.value is not None:
            assert any(was_said(stream, item, sample.value) for stream in said)


@settings(max_examples=60)
@given(
    NOISE, st.lists(st.sampled_from(["other", "echo", "other item", "refusal of another"]), max_size=4), CUTS
)
def test_the_reply_is_found_among_others(noise: bytes, company: list[str], cuts: list[int]) -> None:
    request = encode_read(ADDRESS, "02010100")
    frame_of = {
        "other": wire("123456789013", 0x91, [*di("02010100"), *bcd("1.1", 2)]),
        "echo": request,
        "other item": wire(ADDRESS, 0x91, [*di("02010200"), *bcd("2.2", 2)]),
        "refusal of another": wire("123456789013", 0xD1, [2], fe=1),
    }
    reply = wire(ADDRESS, 0x91, [*di("02010100"), *bcd("230.1", 2)])
    stream = noise.replace(b"\x68", b"\x69") + b"".join(frame_of[name] for name in company) + reply
    awaited = Awaited(request, address_bytes(ADDRESS), Function.READ, di_bytes("02010100"))
    played = Played()
    answer = listen(Exchange(request, awaited.scan, 22), cut(stream, cuts), played)
    assert isinstance(answer.reply, Frame)
    assert answer == Answer(reply=answer.reply)
    assert answer.reply.raw == reply
    assert played.echo == company.count("echo")
    assert played.foreign == len(company) - played.echo
