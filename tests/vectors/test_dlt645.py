"""Every DL/T 645 vector, whole and in pieces: frames found, fields decoded, wrong ones refused."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from drivers.dlt645 import decode as dlt645_2007
from drivers.dlt645.frame import MAX_FRAME, Frame, hunt
from drivers.dlt645.named import Named
from drivers.dlt645_1997 import decode as dlt645_1997
from drivers.samples import Quality

Vector = dict[str, Any]
VECTORS: list[Vector] = json.loads(Path(__file__).with_name("dlt645.json").read_text(encoding="utf-8"))
VALID = [v for v in VECTORS if v["valid"]]
INVALID = [v for v in VECTORS if not v["valid"]]
EXPLAIN = {"2007": dlt645_2007.explain, "1997": dlt645_1997.explain}
# A request's own parameters are decoded too; the vector lists only what a reply holds.
PARAMETERS = {"co-load-req": [("records wanted", "5"), ("records from", "2026-01-07 00:00")]}
# The DI of a 1997 follow-up request, which the vector leaves out though its note names it.
UNSAID = {"co-97-next-req": "901F"}
SEED = 645


def by_id(vector: Vector) -> str:
    return str(vector["id"])


def take(chunks: Iterable[bytes]) -> list[Frame]:
    """Feed bytes as a line gives them: what is left comes back in front of the next."""
    frames: list[Frame] = []
    rest = b""
    for chunk in chunks:
        found = hunt(rest + chunk)
        frames += [frame for _, frame in found.frames]
        rest = found.rest
        assert len(rest) < MAX_FRAME
    return frames


def pieces(raw: bytes, rng: random.Random) -> list[bytes]:
    cuts = sorted(rng.sample(range(len(raw) + 1), min(len(raw), rng.randint(1, 6))))
    return [raw[a:b] for a, b in zip([0, *cuts], [*cuts, len(raw)], strict=True)]


def listed(vector: Vector) -> list[tuple[str, int]]:
    """Address and control of each frame a vector says it holds."""
    frames = vector.get("frames", [vector]) if vector["valid"] else []
    return [(f["address"].upper(), int(f["control"], 16)) for f in frames]


def seen(frames: list[Frame]) -> list[tuple[str, int]]:
    return [(f.address, f.control) for f in frames]


@pytest.mark.parametrize("vector", VECTORS, ids=by_id)
def test_frames_are_found_whole_and_byte_by_byte(vector: Vector) -> None:
    raw = bytes.fromhex(vector["hex"])
    assert seen(take([raw])) == listed(vector)
    assert seen(take(raw[i : i + 1] for i in range(len(raw)))) == listed(vector)


@pytest.mark.parametrize("vector", VALID, ids=by_id)
def test_the_frame_lies_where_the_vector_says(vector: Vector) -> None:
    raw = bytes.fromhex(vector["hex"])
    offset, frame = hunt(raw).frames[0]
    assert offset == vector.get("leading_bytes", 0)
    assert raw[offset:].startswith(frame.raw)


@pytest.mark.parametrize("vector", VECTORS, ids=by_id)
def test_frames_are_found_in_random_pieces(vector: Vector) -> None:
    rng = random.Random(f"{SEED} {vector['id']}")
    raw = bytes.fromhex(vector["hex"])
    for _ in range(20):
        cut = pieces(raw, rng)
        assert seen(take(cut)) == listed(vector), cut


@pytest.mark.parametrize("vector", VALID, ids=by_id)
def test_frames_are_found_behind_noise(vector: Vector) -> None:
    rng = random.Random(f"{SEED} {vector['id']} noise")
    raw = bytes.fromhex(vector["hex"])
    for _ in range(20):
        noise = bytes(
            rng.choice((0x68, 0x16, 0xFE, 0x00, 0xFF, rng.randrange(256))) for _ in range(rng.randint(1, 40))
        )
        assert seen(take(pieces(noise + raw, rng))) == listed(vector), noise.hex()


@pytest.mark.parametrize("vectors", [VALID, VECTORS], ids=["valid", "all"])
def test_all_in_one_stream(vectors: list[Vector]) -> None:
    rng = random.Random(SEED)
    for _ in range(10):
        order = rng.sample(vectors, len(vectors))
        stream = b"".join(bytes.fromhex(v["hex"]) for v in order)
        expected = [frame for v in order for frame in listed(v)]
        assert seen(take([stream])) == expected
        assert seen(take(stream[i : i + 7] for i in range(0, len(stream), 7))) == expected


@pytest.mark.parametrize("vector", INVALID, ids=by_id)
def test_a_wrong_frame_is_refused_with_its_reason(vector: Vector) -> None:
    found = hunt(bytes.fromhex(vector["hex"]))
    assert found.frames == ()
    if "checksum" in vector["fault"]:
        assert [r.reason for r in found.rejected] == ["checksum"]
        assert found.checksum == 1
    elif "length" in vector["fault"]:
        assert found.rest == bytes.fromhex(vector["hex"])
    else:
        assert found.checksum == 0


def own_digits(item: Named) -> str:
    """The digits of a number as its bytes spell them, by a way that shares nothing with the decoder."""
    nibbles = "".join(f"{byte >> 4:X}{byte & 15:X}" for byte in reversed(item.raw))
    return str(int(nibbles[0], 16) & 7) + nibbles[1:] if (item.value or "").startswith("-") else nibbles


def unit_of(item: Named, expected: Vector) -> str:
    """The unit as we say it: what a vector says of a whole record is its quality."""
    if item.name == "load record":
        assert expected["unit"] == item.quality
        return ""
    return str(expected["unit"])


def check(item: Named, expected: Vector) -> None:
    value = expected["value"]
    assert item.name == expected["name"]
    assert item.unit == unit_of(item, expected)
    if value is None:
        assert (item.value, item.quality) == (None, Quality.MISSING)
    elif isinstance(value, str) and value.startswith("NONBCD:"):
        assert (item.value, item.quality) == (None, Quality.INVALID)
        assert item.raw[::-1].hex()[1:] == value[8:]  # the vector has the sign bit off
    elif isinstance(value, bool):
        assert item.value == str(value).lower()
    elif isinstance(value, str):
        assert item.value == value
    else:
        assert item.value is not None
        assert Decimal(item.value) == Decimal(str(value))
        if item.kind == "number" and len(item.raw) > 1:
            whole, _, part = item.value.lstrip("-").partition(".")
            assert own_digits(item) == (whole + part).zfill(2 * len(item.raw))


@pytest.mark.parametrize("vector", VALID, ids=by_id)
def test_values_are_decoded_exactly(vector: Vector) -> None:
    frames = take([bytes.fromhex(vector["hex"])])
    for frame, expected in zip(frames, vector.get("frames", [vector]), strict=True):
        told = EXPLAIN[vector["version"]](frame)
        assert told.di == UNSAID.get(vector["id"], expected["di"])
        if "direction" in expected:
            assert told.direction == expected["direction"].replace("slave", "meter")
        if vector["id"] in PARAMETERS:
            assert [(i.name, i.value) for i in told.items] == PARAMETERS[vector["id"]]
            continue
        assert len(told.items) == len(expected["decoded"])
        for item, want in zip(told.items, expected["decoded"], strict=True):
            check(item, want)


def test_enough_vectors_are_held() -> None:
    assert (len(VECTORS), len(VALID)) == (97, 88)
