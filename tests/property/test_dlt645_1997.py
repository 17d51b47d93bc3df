"""DL/T 645-1997 under any bytes: nothing raises, and a value is one the meter sent for that request."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise
from random import Random

from hypothesis import event, given, settings
from hypothesis import strategies as st

from config.profile import DltItem, PollClass
from config.profiles import builtin_profiles
from drivers.dlt645.fetch import DIALECT_1997, MeterLine
from drivers.dlt645.frame import Frame, hunt
from drivers.dlt645_1997.decode import explain
from drivers.dlt645_1997.driver import DRIVER
from drivers.dlt645_1997.item import lookup
from drivers.samples import Quality
from tests.unit.drivers.dlt645.meter import bcd, play, wire
from tests.unit.drivers.dlt645_1997.meter import ADDRESS, di, spec

PROFILE = builtin_profiles()["dlt645-1997-3p"]
BLOCK_OF = {member: block.di for block in PROFILE.blocks for member in block.items}
SIZES = {item.di: (item.format.count("X") + 1) // 2 for item in PROFILE.dlt} | {
    block.di: sum(3 if name.startswith("B63") else 2 for name in block.items) for block in PROFILE.blocks
}
OTHER = "123456789013"
CONTROLS = st.one_of(st.sampled_from([0x01, 0x81, 0xA1, 0x82, 0xA2, 0xC1, 0xC5, 0x91]), st.integers(0, 255))
DIS = st.sampled_from(["9010", "901F", "B611", "B61F", "B63F", "B660", "C010", "A010", "B010", "B310"])
CLASSES: st.SearchStrategy[PollClass] = st.sampled_from(["fast", "slow"])


@given(CONTROLS, DIS, st.binary(max_size=253), st.booleans())
def test_any_frame_can_be_explained(control: int, name: str, data: bytes, named: bool) -> None:
    ((_, frame),) = hunt(wire(ADDRESS, control, [*(di(name) if named else ()), *data])).frames
    for item in explain(frame).items:
        assert (item.value is None) == (item.quality is not Quality.GOOD)


@given(st.integers(0, 0xFFFF), st.binary(max_size=100))
def test_any_item_can_be_explained(name: int, data: bytes) -> None:
    lookup(f"{name:04X}")
    ((_, frame),) = hunt(wire(ADDRESS, 0x81, [*name.to_bytes(2, "little"), *data])).frames
    assert explain(frame).di == f"{name:04X}"


def noise(rng: Random) -> bytes:
    """Bytes that look like the beginnings and ends of frames."""
    return bytes(rng.choice((0x68, 0x16, 0xFE, 0x81, rng.randrange(256))) for _ in range(rng.randint(0, 30)))


def hostile(rng: Random, request: bytes) -> bytes:
    """What a bad line brings: echo, noise, others' frames, and perhaps the reply, perhaps broken."""
    asked = [(byte - 51) % 256 for byte in request[14:16]]
    size = SIZES[f"{asked[1]:02X}{asked[0]:02X}"] + rng.choice([0] * 8 + [1, -1, 4])
    data = [rng.choice([0x00, 0x01, 0x23, 0x45, 0x80, 0x99]) for _ in range(size)]
    if rng.random() < 0.1:
        data[rng.randrange(size)] = rng.choice([0xFF, 0x0A, 0xAA])
    end = rng.choice([[], [], [0xAA], [0xDD]])
    function = request[12] if rng.random() < 0.9 else rng.choice([1, 2, 0x11])
    control = 0x80 | function | rng.choice([0] * 12 + [0x20, 0x40])
    reply = wire(ADDRESS, control, [*asked, *data, *end], fe=rng.randint(0, 4))
    if rng.random() < 0.1:
        at = rng.randrange(len(reply))
        reply = reply[:at] + bytes((rng.randrange(256),)) * rng.randint(0, 2) + reply[at + 1 :]
    parts = [
        request,
        noise(rng),
        wire(OTHER, 0x81, [*asked, *bcd("9" * 2 * size, size)]),
        wire(ADDRESS, 0x81, [*di(rng.choice(sorted(SIZES))), *data]),
        wire(ADDRESS, 0x91, [*di("0201"), *asked, *data]),
        reply,
        reply,
        reply,
    ]
    return b"".join(rng.sample(parts, rng.randint(1, len(parts))))


def pieces(rng: Random, stream: bytes) -> list[bytes]:
    marks = sorted({0, len(stream), *(rng.randrange(len(stream) + 1) for _ in range(rng.randint(0, 8)))})
    return [stream[a:b] for a, b in pairwise(marks)]


def data_of(stream: bytes, name: str) -> list[bytes]:
    """The data of all sound frames of our meter that answer a read of ``name``, found byte by byte."""
    wanted = bytes((byte + 51) % 256 for byte in di(name))
    head = b"\x68" + bytes.fromhex(ADDRESS)[::-1] + b"\x68"
    found = []
    for at in range(len(stream)):
        frame = stream[at:]
        if frame.startswith(head) and len(frame) > 9 and frame[8] in (0x81, 0xA1, 0x82, 0xA2):
            body = frame[10 : 10 + frame[9]]
            if body[:2] == wanted:
                found.append(bytes((byte - 51) % 256 for byte in body[2:]))
    return found


def was_said(streams: list[bytes], item: DltItem, value: Decimal) -> bool:
    """True if the digits of ``value`` stand in what the meter sent for the item or its block; the parts of
    several frames may have been joined."""
    size = SIZES[item.di]
    spelled = bytes(bcd(f"{value:f}", size))
    for name in (item.di, BLOCK_OF.get(item.di, item.di)):
        parts = [data for stream in streams for data in data_of(stream, name)]
        if any(spelled in a + b for a in parts for b in (b"", *parts)):
            return True
    return False


@settings(max_examples=300)
@given(st.integers(0, 2**32), CLASSES)
def test_a_hostile_line_never_raises_and_gives_only_what_the_meter_said(seed: int, poll: PollClass) -> None:
    rng = Random(seed)
    said: list[bytes] = []

    def line(request: bytes) -> list[bytes]:
        said.append(hostile(rng, request))
        return pieces(rng, said[-1])

    polled = play(DRIVER.poll(spec(), poll, frozenset()), line)
    wanted = [i for i in PROFILE.dlt if i.poll == poll]
    assert [s.quantity for s in polled.samples] == [i.quantity for i in wanted]
    for sample, item in zip(polled.samples, wanted, strict=True):
        event(f"{sample.quality}")
        assert (sample.value is None) == (sample.quality is not Quality.GOOD)
        if sample.value is not None:
            assert was_said(said, item, sample.value)
        if sample.value is not None and item.di.startswith("B61"):
            assert sample.value < 1000


@given(st.integers(0, 2**32))
def test_only_the_awaited_frame_is_taken(seed: int) -> None:
    rng = Random(seed)
    exchange = MeterLine(ADDRESS, DIALECT_1997).read("B611", 2)
    stream = b"".join(hostile(rng, exchange.request) for _ in range(rng.randint(1, 3)))
    rest = b""
    for chunk in pieces(rng, stream):
        scan = exchange.scan(rest + chunk)
        rest = scan.rest
        assert len(rest) < 267
        if scan.reply is None:
            continue
        assert isinstance(scan.reply, Frame)
        assert scan.frame in stream
        assert scan.reply.address == ADDRESS
        assert scan.reply.control & 0x9F == 0x81
        assert scan.reply.refusal or scan.reply.data[:2] == bytes(di("B611"))
