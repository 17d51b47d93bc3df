"""The DL/T 645 slave against frames captured from real meters and worked by hand (tests/vectors)."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from itertools import repeat
from pathlib import Path
from typing import Any

import pytest

from drivers.simulated.items import BLOCKS, COUNTS, SINGLES, Facts645, bcd, number
from drivers.simulated.reply import Reply
from drivers.simulated.slave645 import Habits, Request, Slave645, encode, hunt

VECTORS: dict[str, dict[str, Any]] = {
    one["id"]: one
    for one in json.loads((Path(__file__).parents[2] / "vectors" / "dlt645.json").read_text(encoding="utf-8"))
}
ADDRESS = "123456789012"


def wire(vector: str) -> bytes:
    return bytes.fromhex(VECTORS[vector]["hex"])


def facts(address: str = ADDRESS, **more: Any) -> Facts645:
    given: dict[str, Any] = {
        "ct": 40,
        "pt": 1,
        "clock": datetime(2016, 1, 11, 13, 5, 9, tzinfo=UTC),
        "status": (0x10, 0, 0, 0, 0, 0x40, 1),
        "counts": {"03300D00": 7},
        **more,
    }
    return Facts645(address=address, **given)


def slave(address: str = ADDRESS, values: Mapping[str, float] | None = None, **habits: Any) -> Slave645:
    shown = dict.fromkeys((item.name.split("_t", 1)[0] for item in SINGLES.values()), 1.0)
    shown.update(values or {})
    given = {"preamble": 0, **habits}
    return Slave645(address, Habits(**given), lambda: shown, lambda: facts(address))


def read(
    meter: Slave645, di: str, address: str = ADDRESS, *, extra: bytes = b"", control: int = 0x11
) -> Reply:
    request = Request(bytes.fromhex(address)[::-1], control, bytes.fromhex(di)[::-1] + extra)
    reply = meter.answer(request)
    assert reply is not None
    return reply


def payload(reply: Reply) -> bytes:
    """DATA of a reply without preamble, behind the DI."""
    frame = reply.frame[reply.frame.index(0x68) :]
    return bytes((byte - 0x33) & 0xFF for byte in frame[14:-2])


SINGLE_READS = [
    ("07-va-223.3", {"u_a": 223.3}, 0),
    ("07-va-230.5", {"u_a": 230.5}, 2),
    ("07-ia-4.999-cs16", {"i_a": 4.999}, 0),
    ("07-p-0.2512", {"p": 0.2512}, 0),
    ("or-p-neg-0.2512", {"p": -0.2512}, 4),
    ("07-q-0.4331", {"q": 0.4331}, 0),
    ("07-s-0.5006", {"s": 0.5006}, 0),
    ("07-freq-50.03", {"f": 50.03}, 4),
    ("07-fwd-112280.26", {"ep_imp": 112280.26}, 0),
    ("07-fwd-1.86-2fe", {"ep_imp": 1.86}, 2),
    ("07-rev-energy-1.26", {"ep_exp": 1.26}, 0),
    ("07-react1-100.26", {"eq_imp": 100.26}, 0),
    ("co-p-neg-export", {"p": -1.2345, "p_a": -0.2515, "p_b": -0.253, "p_c": -0.73}, 0),
    ("07-block-v-00", {"u_a": 230.3, "u_b": 0.0, "u_c": 0.0}, 4),
    ("07-block-i-00", {"i_a": 0.188, "i_b": 0.0, "i_c": 0.0}, 4),
]


@pytest.mark.parametrize(("vector", "values", "preamble"), SINGLE_READS, ids=[row[0] for row in SINGLE_READS])
def test_replies_are_those_of_the_vectors(vector: str, values: dict[str, float], preamble: int) -> None:
    known = VECTORS[vector]
    meter = slave(known["address"], values, preamble=preamble)
    reply = read(meter, known["di"], known["address"])
    assert reply.frame.hex() == known["hex"]
    assert reply.kind == "good"


def test_a_captured_request_gets_the_reply_of_its_document() -> None:
    request, rest = hunt(wire("07-req-fwd-energy"))
    assert request is not None
    assert rest == b""
    reply = slave("000000000161", {"ep_imp": 0.26}).answer(request)
    assert reply is not None
    assert reply.frame == wire("07-fwd-energy-0.26")
    assert [(one.name, one.text) for one in reply.shown] == [("ep_imp", "0.26")]


@pytest.mark.parametrize("vector", ["07-readaddr-rsp-1", "07-readaddr-rsp-2", "07-readaddr-rsp-3"])
def test_address_read_by_wildcard(vector: str) -> None:
    request, _ = hunt(wire("07-readaddr-req"))
    assert request is not None
    reply = slave(VECTORS[vector]["address"], preamble=wire(vector).count(0xFE)).answer(request)
    assert reply is not None
    assert reply.frame == wire(vector)


def test_a_meter_that_echoes_the_wildcard() -> None:
    reply = slave(echo_wildcard=True).answer(Request(b"\xaa" * 6, 0x13, b""))
    assert reply is not None
    assert reply.frame[1:7] == b"\xaa" * 6


def test_unknown_item_is_refused_with_bit_1() -> None:
    reply = read(slave("201000000012"), "09010101", "201000000012")
    assert reply.frame == wire("07-err-02")
    assert reply.kind == "error"


def test_date_and_status_as_captured() -> None:
    assert read(slave("201000000012"), "04000101", "201000000012").frame == wire("07-date")
    long = Slave645(
        "000000000032",
        Habits(preamble=0),
        dict,
        lambda: facts("000000000032", status=(0,) * 7, long_status=True),
    )
    assert read(long, "040005FF", "000000000032").frame == wire("07-status-block-18")


def test_absent_phases_are_filled_with_ff() -> None:
    meter = slave("000000000032", {"i_a": 0.002}, phases=1)
    reply = read(meter, "0202FF00", "000000000032")
    assert payload(reply) == bytes.fromhex("020000 ffffff ffffff")
    assert [one.text for one in reply.shown] == ["0.002", "missing", "missing"]
    zero = read(slave(values={"i_b": 0, "i_c": 0}, phases=1, absent_ff=False), "0202FF00")
    assert payload(zero)[3:] == bytes(6)


def test_fixed_items() -> None:
    meter = slave()
    assert payload(read(meter, "04000102")).hex() == "090513"
    assert payload(read(meter, "0400010C")).hex() == "090513" + "01110116"
    assert payload(read(meter, "04000306")).hex() == "400000"
    assert payload(read(meter, "04000401"))[::-1].hex() == ADDRESS
    assert payload(read(meter, "040005FF")).hex() == "10000000000000000000" + "4000" + "0100"
    assert payload(read(meter, "04000506")).hex() == "4000"
    assert payload(read(meter, "03300D00")).hex() == "070000"
    assert payload(read(meter, "0400040B"))[::-1] == b"SIM645    "


def test_counts_word_and_number_are_told_by_their_quantity() -> None:
    assert [(one.name, one.text) for one in read(slave(), "03300D00").shown] == [("n_cover", "7")]
    counted = Slave645(ADDRESS, Habits(), dict, lambda: facts(counts=dict.fromkeys(COUNTS, 120)))
    for di, name in COUNTS.items():
        reply = read(counted, di)
        assert (payload(reply).hex(), reply.shown[0].name, reply.shown[0].text) == ("200100", name, "120")
    for word, order in ((0x0000, "0"), (0x0001, "1"), (0x0602, "0"), (0x0601, "1")):
        told = facts(status=(0, 0, 0, 0, 0, 0, word))
        reply = read(Slave645(ADDRESS, Habits(), dict, partial(next, repeat(told))), "04000507")
        assert payload(reply) == word.to_bytes(2, "little")
        assert [(one.name, one.text) for one in reply.shown] == [("phase_order", order)]
    named = Slave645(ADDRESS, Habits(), dict, lambda: facts(number="000000000099"))
    reply = read(named, "04000402")
    assert payload(reply).hex() == "990000000000"
    assert [(one.name, one.text) for one in reply.shown] == [("serial", "99")]
    assert payload(read(slave(), "04000402"))[::-1].hex() == ADDRESS


@pytest.mark.parametrize(
    ("di", "name"), [("03040000", "n_phase_break"), ("030E0000", "n_reverse_flow")], ids=str
)
def test_counts_of_each_phase_come_with_their_minutes(di: str, name: str) -> None:
    counts = {f"{di}.a": 1, f"{di}.b": 20, f"{di}.c": 300}
    reply = read(Slave645(ADDRESS, Habits(), dict, lambda: facts(counts=counts)), di)
    assert payload(reply).hex() == "010000070000200000400100000300002100"
    assert [(one.name, one.text) for one in reply.shown] == [
        (f"{name}_a", "1"),
        (f"{name}_b", "20"),
        (f"{name}_c", "300"),
    ]


def test_what_a_meter_lacks_is_refused_with_bit_1() -> None:
    meter = slave(lacks=frozenset({"03300D00", "0201FF00"}))
    for di in ("03300D00", "0201FF00"):
        reply = read(meter, di)
        assert (reply.kind, reply.frame[8], reply.frame[10]) == ("error", 0xD1, 0x35)
    assert read(meter, "02010100").kind == "good"


def test_what_a_meter_lacks_is_refused_by_another_word_or_by_silence() -> None:
    lacks = frozenset({"03300D00"})
    assert read(slave(lacks=lacks, refusal="other"), "03300D00").frame[8:11] == bytes((0xD1, 1, 0x34))
    silent = slave(lacks=lacks, refusal="silence")
    asked = Request(bytes.fromhex(ADDRESS)[::-1], 0x11, bytes.fromhex("03300D00")[::-1])
    assert silent.answer(asked) is None
    assert read(silent, "02010100").kind == "good"


def test_every_block_is_its_single_items() -> None:
    values = {name: index + 0.5 for index, name in enumerate(sorted({i.name for i in SINGLES.values()}))}
    values = {name: value % 9 for name, value in values.items() if "_t" not in name}
    meter = slave(values=values)
    for block, singles in BLOCKS.items():
        assert payload(read(meter, block)) == b"".join(payload(read(meter, di)) for di in singles)


def test_blocks_can_be_refused() -> None:
    meter = slave(blocks=False)
    assert read(meter, "0201FF00").kind == "error"
    assert read(meter, "02010100").kind == "good"


def test_tariffs_add_up_to_about_the_total() -> None:
    texts = [float(one.text) for one in read(slave(values={"ep_imp": 1234.56}), "0001FF00").shown]
    assert sum(texts[1:]) == pytest.approx(texts[0], abs=0.05)


@pytest.mark.parametrize(
    ("di", "value", "text"),
    [
        ("02030000", 123.0, "79.9999"),  # the sign takes the top bit: the format ends here
        ("02030000", -123.0, "-79.9999"),
        ("02010100", 1234.0, "999.9"),
        ("00010000", 1_000_000.25, "0.25"),  # a register rolls over
        ("02060000", -1.0, "-1.000"),
        ("02030000", -0.00001, "0.0000"),  # no negative zero
    ],
)
def test_formats_end_where_the_standard_says(di: str, value: float, text: str) -> None:
    assert number(SINGLES[di], value)[1] == text


def test_bcd() -> None:
    assert bcd(2512, 3, negative=True).hex() == "122580"
    assert bcd(0, 2).hex() == "0000"


@pytest.mark.parametrize(
    ("address", "answered"),
    [
        (ADDRESS, True),
        ("aaaaaaaaaaaa", True),
        ("aaaaaa789012", True),  # reduced addressing: AA fills from the high end
        ("aaaaaaaaaa12", True),
        ("aaaaaaaaaa13", False),
        ("999999999999", False),
        ("123456789013", False),
        ("12aa56789012", False),
    ],
)
def test_whom_it_answers(address: str, answered: bool) -> None:
    request = Request(bytes.fromhex(address)[::-1], 0x11, bytes.fromhex("00000100"))
    assert (slave().answer(request) is not None) is answered


@pytest.mark.parametrize("control", [0x01, 0x02, 0x08, 0x91, 0xD1, 0xB1])
def test_silent_on_the_1997_edition_broadcasts_and_replies(control: int) -> None:
    assert slave().answer(Request(bytes.fromhex(ADDRESS)[::-1], control, b"\x10\x90")) is None


def test_writing_is_refused() -> None:
    reply = slave().answer(Request(bytes.fromhex(ADDRESS)[::-1], 0x1C, bytes(16)))
    assert reply is not None
    assert hunt(reply.frame)[0] == Request(bytes.fromhex(ADDRESS)[::-1], 0xDC, b"\x04")


def test_follow_up_frames_give_the_same_data() -> None:
    whole = payload(read(slave(values={"ep_imp": 1234.56}), "0001FF00"))
    meter = slave(values={"ep_imp": 1234.56}, most_data=12)
    first = read(meter, "0001FF00")
    assert first.frame[8] == 0xB1
    parts = [payload(first)]
    for sequence in range(1, 10):
        more = read(meter, "0001FF00", extra=bytes((sequence,)), control=0x12)
        assert payload(more)[-1] == sequence
        parts.append(payload(more)[:-1])
        if more.frame[8] == 0x92:
            break
        assert more.frame[8] == 0xB2
    assert b"".join(parts) == whole
    assert all(len(part) <= 7 for part in parts)
    again = read(meter, "0001FF00", extra=b"\x01", control=0x12)
    assert payload(again)[:-1] == parts[1]
    assert read(meter, "0001FF00", extra=b"\x63", control=0x12).frame[8] == 0xD2


def test_captured_follow_up_request_is_understood() -> None:
    request, _ = hunt(wire("07-followup-req"))
    assert request is not None
    reply = slave().answer(request)
    assert reply is not None
    assert reply.frame[8] == 0xD2  # nothing was begun


def test_hunt_finds_frames_in_noise_and_keeps_the_rest() -> None:
    frame = encode(bytes.fromhex(ADDRESS)[::-1], 0x11, bytes.fromhex("00010000")[::-1], preamble=4)
    request, rest = hunt(b"\x00\x68\x55" + frame + frame[:9])
    assert request == Request(bytes.fromhex(ADDRESS)[::-1], 0x11, b"\x00\x00\x01\x00")
    assert rest == frame[:9]
    assert hunt(wire("co-false-header"))[0] == Request(
        bytes.fromhex("121078563412"), 0x11, b"\x00\x00\x01\x00"
    )
    assert hunt(wire("07-bad-cs"))[0] is None


@pytest.mark.parametrize("seed", range(20))
def test_hunt_never_raises_and_stays_small(seed: int) -> None:
    rng = random.Random(seed)
    rest = b""
    for _ in range(50):
        noise = bytes(
            rng.choice((0x68, 0x16, 0xFE, 0x11, rng.randrange(256))) for _ in range(rng.randrange(60))
        )
        _, rest = hunt((rest + noise)[-512:])
        assert len(rest) <= 512, f"seed {seed}"
