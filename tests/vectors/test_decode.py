"""``sitebox decode`` on every vector and on Modbus frames: one JSON object, exact values, reasons."""

from __future__ import annotations

import json
import random
import re
from typing import Any

import pytest

from agent.cli import main
from agent.decode import PROTOCOLS, decode
from agent.oneline import one_line
from drivers.modbus.rtu import crc16
from tests.vectors.test_dlt645 import INVALID, PARAMETERS, UNSAID, VALID, VECTORS, Vector, by_id

SEED = 9
ITEM_KEYS = {"name", "kind", "value", "unit", "quality"}
FRAME_KEYS = {"protocol", "direction", "address", "control", "di", "error", "items"}


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, Any], str]:
    status = main(["decode", "--lang", "en", "--json", *words])
    told = capsys.readouterr()
    found = json.loads(told.out)
    assert isinstance(found, dict)
    return status, found, told.err


def expected(vector: Vector) -> list[Vector]:
    return list(vector.get("frames", [vector]))


@pytest.mark.parametrize("protocol", [None, "of the vector"])
@pytest.mark.parametrize("vector", VALID, ids=by_id)
def test_each_vector_as_json(
    vector: Vector, protocol: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    edition = f"dlt645-{vector['version']}"
    chosen = [] if protocol is None else ["--protocol", edition]
    status, found, err = run(capsys, *chosen, vector["hex"])
    assert (status, err, set(found)) == (0, "", {"frames", "rejected"})
    for frame, want in zip(found["frames"], expected(vector), strict=True):
        assert set(frame) == FRAME_KEYS
        assert frame["protocol"] == edition
        assert frame["address"] == want["address"].upper()
        assert int(frame["control"], 16) == int(want["control"], 16)
        assert frame["direction"] == ("reply" if int(want["control"], 16) & 0x80 else "request")
        assert frame["di"] == UNSAID.get(vector["id"], want["di"])
        assert (frame["error"] is not None) == (int(want["control"], 16) & 0xC0 == 0xC0)
        if vector["id"] not in PARAMETERS:
            assert [item["name"] for item in frame["items"]] == [item["name"] for item in want["decoded"]]
        for item in frame["items"]:
            assert set(item) == ITEM_KEYS
            assert item["kind"] in ("number", "time", "word", "text")
            assert (item["value"] is None) == (item["quality"] in ("missing", "invalid"))
            if item["kind"] == "number" and item["value"] is not None:
                assert re.fullmatch(r"-?\d+(\.\d+)?", item["value"])


@pytest.mark.parametrize("vector", INVALID, ids=by_id)
def test_a_wrong_frame_ends_with_65_and_one_object(
    vector: Vector, capsys: pytest.CaptureFixture[str]
) -> None:
    status, found, err = run(capsys, vector["hex"])
    assert (status, found["frames"]) == (65, [])
    assert "SBX-CLI-158" in err
    if "checksum" in vector["fault"]:
        assert [one["reason"] for one in found["rejected"]] == ["checksum"]
    if "length" in vector["fault"]:
        assert [one["reason"] for one in found["rejected"]] == ["incomplete"]


@pytest.mark.parametrize("vector", VALID, ids=by_id)
def test_preamble_and_noise_are_not_rejected(vector: Vector) -> None:
    raw = bytes.fromhex(vector["hex"])
    found = decode(b"\x00\xfe\x11\x22\xfe" + raw + b"\x00\xfe", f"dlt645-{vector['version']}")
    assert len(found.frames) == len(expected(vector))
    if vector.get("tag") not in ("trap", "resync", "stream"):
        assert found.rejected == ()
    assert found.frames[0].offset == 5 + vector.get("leading_bytes", 0)


@pytest.mark.parametrize(
    ("sent", "direction", "error", "items"),
    [
        ("010320060006", "request", None, [("first register", "0x2006"), ("registers wanted", "6")]),
        ("010304000600ff", "reply", None, [("register 0", "0x0006"), ("register 1", "0x00ff")]),
        ("018302", "reply", "02", [("exception code", "0x02")]),
        ("f7010105", "reply", None, [("bits, lowest first", "10100000")]),
        ("010100000010", "request", None, [("first bit", "0x0000"), ("bits wanted", "16")]),
    ],
)
@pytest.mark.parametrize("chosen", [[], ["--protocol", "modbus-rtu"]])
def test_modbus_frames(
    sent: str,
    direction: str,
    error: str | None,
    items: list[tuple[str, str]],
    chosen: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    raw = bytes.fromhex(sent)
    status, found, _ = run(capsys, *chosen, (raw + crc16(raw)).hex(" "))
    (frame,) = found["frames"]
    assert (status, frame["protocol"], frame["direction"]) == (0, "modbus-rtu", direction)
    assert (frame["address"], frame["control"], frame["error"]) == (raw[0], f"{raw[1]:02X}", error)
    assert [(item["name"], item["value"]) for item in frame["items"]] == items


def test_a_reply_behind_its_request_names_its_registers() -> None:
    asked, told = bytes.fromhex("010320060002"), bytes.fromhex("010304000600ff")
    found = decode(asked + crc16(asked) + told + crc16(told))
    assert [item.name for item in found.frames[1].items] == ["register 0x2006", "register 0x2007"]


def test_a_modbus_frame_with_a_wrong_crc_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    status, found, _ = run(capsys, "01 03 20 06 00 06 00 00")
    assert (status, found) == (65, {"frames": [], "rejected": [{"offset": 0, "reason": "crc"}]})


def test_a_broken_modbus_reply_between_sound_frames_is_told() -> None:
    asked, refused = bytes.fromhex("010320060002"), bytes.fromhex("018302")
    broken = bytes.fromhex("010304000600ff0000")
    found = decode(asked + crc16(asked) + broken + refused + crc16(refused))
    assert [frame.control for frame in found.frames] == ["03", "83"]
    assert [(one.offset, one.reason) for one in found.rejected] == [(8, "crc")]


def test_both_protocols_of_one_line_in_one_capture() -> None:
    dlt = bytes.fromhex(VALID[0]["hex"])
    asked = bytes.fromhex("010320060006")
    found = decode(b"\x00" + asked + crc16(asked) + dlt + b"\x00\x00")
    assert [frame.protocol for frame in found.frames][:2] == ["modbus-rtu", f"dlt645-{VALID[0]['version']}"]
    assert found.frames[0].offset == 1
    assert found.rejected == ()


@pytest.mark.parametrize(
    "written", ["0x68,0x11", "68:1", "6z", "", "68 1", "1 3 0 0 0 2 c4 0b", "123 4", "0x"]
)
def test_what_is_not_hex_is_a_usage_error(written: str, capsys: pytest.CaptureFixture[str]) -> None:
    status = main(["decode", "--json", "--lang", "en", written])
    told = capsys.readouterr()
    found = json.loads(told.out)
    if written == "0x68,0x11":
        assert (status, found["frames"]) == (65, [])
    else:
        assert (status, found["code"]) == (64, "SBX-CLI-159")


def test_too_much_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["decode", "--lang", "en", "00" * 65_537]) == 64
    assert "SBX-CLI-160" in capsys.readouterr().err


def test_people_read_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    by_name = {vector["id"]: vector["hex"] for vector in VECTORS}
    assert main(["decode", "--lang", "zh", by_name["97-va-223"]]) == 0
    told = capsys.readouterr()
    assert "应答" in told.out
    assert re.search(r"voltage A +223 +V", told.out)
    wrong = next(v for v in INVALID if "checksum" in v["fault"])
    assert main(["decode", "--lang", "en", wrong["hex"]]) == 65
    told = capsys.readouterr()
    assert "no frame: the checksum is wrong" in told.out
    assert "SBX-CLI-158" in told.err


def test_any_bytes_are_survived_and_nothing_is_told_twice() -> None:
    rng = random.Random(SEED)
    whole = [bytes.fromhex(vector["hex"]) for vector in VECTORS]
    for _ in range(1500):
        parts = [rng.choice(whole), rng.randbytes(rng.randrange(30)), b"\x68" * rng.randrange(12)]
        data = b"".join(rng.sample(parts, len(parts)))[rng.randrange(5) : rng.randrange(40, 400)]
        for protocol in (None, *PROTOCOLS):
            found = decode(data, protocol)
            places = [one.offset for one in found.frames]
            assert places == sorted(set(places))
            assert [one.offset for one in found.rejected] == sorted({one.offset for one in found.rejected})
            assert not set(places) & {one.offset for one in found.rejected}, data.hex()


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        # V1.1b3, 6.1: the reply of the example, which no request can be: 27 397 coils
        ("010103cd6b05", [("reply", "bits, lowest first", "101100111101011010100000")]),
        # both: 16 coils from 0300H on, or the bits of three bytes
        ("010103000010", [("request", "first bit", "0x0300"), ("", "bits wanted", "16")]),
        ("0105000aff00", [("request", "bit written", "0x000a"), ("", "value", "0xff00")]),
        ("f9060001002a", [("request", "register written", "0x0001"), ("", "value", "0x002a")]),
        ("011000010002", [("reply", "first register", "0x0001"), ("", "registers written", "2")]),
        ("01100001000204000a0102", [("request", "first register", "0x0001"), ("", "registers written", "2")]),
        ("019007", [("reply", "exception code", "0x07")]),
        ("01830c", [("reply", "exception code", "0x0c")]),
    ],
)
def test_modbus_frames_of_any_master(sent: str, said: list[tuple[str, str, str]]) -> None:
    raw = bytes.fromhex(sent)
    (frame,) = decode(raw + crc16(raw)).frames
    assert frame.direction == said[0][0]
    assert [(item.name, item.value) for item in frame.items][: len(said)] == [one[1:] for one in said]
    both = sent == "010103000010"
    assert ("or a reply with bits" in [item.name for item in frame.items]) == both


def test_a_write_and_its_repetition_are_request_and_reply() -> None:
    raw = bytes.fromhex("0105000aff00")
    found = decode((raw + crc16(raw)) * 2)
    assert [one.direction for one in found.frames] == ["request", "reply"]


def test_every_candidate_that_failed_is_told() -> None:
    bad = next(one for one in VECTORS if one["id"] == "07-bad-cs")
    found = decode(bytes.fromhex(bad["hex"]) * 40)
    assert (len(found.frames), len(found.rejected)) == (0, 40)


@pytest.mark.parametrize(
    ("control", "data", "error", "items"),
    [
        ("d1", "", "", 1),
        ("91", "", None, 0),
        ("94", "", None, 1),
        ("91", "00000006" + "0102", None, 1),
    ],
)
def test_short_and_odd_replies(control: str, data: str, error: str | None, items: int) -> None:
    raw = bytes((byte + 0x33) & 0xFF for byte in bytes.fromhex(data))
    body = bytes.fromhex("68120000000000" + "68" + control) + bytes((len(raw),)) + raw
    (frame,) = decode(body + bytes((sum(body) & 0xFF, 0x16)), "dlt645-2007").frames
    assert frame.error == error
    assert len(frame.items) == items
    assert all(item.kind == "text" for item in frame.items if item.name == "acknowledged")


def test_one_line_says_what_no_frame_is() -> None:
    bad = bytes.fromhex(next(one for one in VECTORS if one["id"] == "07-bad-cs")["hex"])
    assert one_line(b"\xfe" * 4) == "preamble"
    assert one_line(bad) == "dlt645 frame, checksum wrong"
    assert one_line(bytes.fromhex("0103040006000500ff")) == "modbus-rtu frame, CRC wrong"
    assert one_line(b"\x00\x11") == "noise"


def test_words_as_people_write_them(capsys: pytest.CaptureFixture[str]) -> None:
    told = [
        run(capsys, *text.split())[1]
        for text in ("0x1 0x3 0x0 0x0 0x0 0x2 0xc4 0xb", "01:03:00:00,0002 c40b")
    ]
    assert told[0] == told[1]
    assert told[0]["frames"][0]["items"][0]["value"] == "0x0000"
