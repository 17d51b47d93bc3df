"""The Modbus slave against worked examples of public documents, and its maps read back by hand."""

from __future__ import annotations

import struct
from decimal import Decimal
from functools import partial

import pytest

from drivers.simulated.registers import MODELS, Register, pack, shortest
from drivers.simulated.reply import Reply
from drivers.simulated.slavemodbus import Ask, SlaveModbus, crc, rtu, take_rtu, take_tcp, tcp

VALUES = {
    **{f"u_{phase}": 230.1 + at for at, phase in enumerate("abc")},
    **{f"i_{phase}": 4.25 + at for at, phase in enumerate("abc")},
    **{f"u_{pair}": 398.7 for pair in ("ab", "bc", "ca")},
    **{f"{name}{suffix}": 1.234 for name in "pqs" for suffix in ("", "_a", "_b", "_c")},
    **{f"pf{suffix}": 0.876 for suffix in ("", "_a", "_b", "_c")},
    "f": 50.02,
    "ep_imp": 12345.67,
    "ep_exp": 8.5,
    "eq_imp": 77.25,
    "eq_exp": 1.0,
}


def slave(model: str, **values: float) -> SlaveModbus:
    shown = {**VALUES, **values}
    return SlaveModbus(17, MODELS[model], {"ct": 40, "pt": 1}, lambda: shown)


def ask(one: SlaveModbus, fc: int, start: int, count: int) -> Reply:
    reply = one.answer(Ask(17, struct.pack(">BHH", fc, start, count)), partial(rtu, 17))
    assert reply is not None
    return reply


def words(reply: Reply) -> bytes:
    """Register bytes of a good RTU reply, its own lengths and CRC checked."""
    frame = reply.frame
    assert crc(frame) == 0  # the CRC over a sound frame with its CRC
    assert frame[2] == len(frame) - 5
    return frame[3:-2]


def test_crc_of_the_documents() -> None:
    """Serial Line V1.02 6.2.2 gives 02 07 -> 41 12; libmodbus documentation 11 03 00 6B 00 03 -> 76 87."""
    assert rtu(0x02, b"\x07").hex() == "02074112"
    assert rtu(0x11, bytes.fromhex("03006b0003")).hex() == "1103006b00037687"
    assert take_rtu(bytes.fromhex("1103006b00037687")) == Ask(0x11, bytes.fromhex("03006b0003"))
    assert take_rtu(bytes.fromhex("1103006b00037688")) is None
    assert take_rtu(b"\x11\x03") is None


def test_tcp_frames() -> None:
    """MBAP of the MODBUS Messaging on TCP/IP guide: transaction, 0, length, unit."""
    frame = bytes.fromhex("15 01 00 00 00 06 ff 03 00 05 00 02")
    request, rest = take_tcp(frame + frame[:3])
    assert request == Ask(0xFF, bytes.fromhex("0300050002"), 0x1501)
    assert rest == frame[:3]
    assert tcp(request, b"\x83\x02").hex() == "150100000003ff8302"
    assert take_tcp(frame[:11]) == (None, frame[:11])
    assert take_tcp(b"\x00\x01\x00\x01\x00\x06\x01") == (None, None)
    assert take_tcp(b"\x00\x01\x00\x00\x01\xff\x01") == (None, None)


def test_dtsu666_is_scaled_float() -> None:
    reply = ask(slave("chint-dtsu666"), 3, 0x2006, 14)
    floats = struct.unpack(">7f", words(reply))
    assert floats == pytest.approx((2301, 2311, 2321, 4250, 5250, 6250, 12340))
    assert [(one.name, Decimal(one.text)) for one in reply.shown][3:4] == [("i_a", Decimal("4.25"))]
    energy = ask(slave("chint-dtsu666"), 3, 0x101E, 2)
    assert struct.unpack(">f", words(energy))[0] == pytest.approx(12345.67, rel=1e-6)


def test_adl400_is_integer_and_unsigned_in_current() -> None:
    one = slave("acrel-adl400", i_a=-4.25, p_a=-1.234)
    assert struct.unpack(">6H", words(ask(one, 3, 0x0061, 6))) == (2301, 2311, 2321, 425, 525, 625)
    assert struct.unpack(">4i", words(ask(one, 3, 0x0164, 8))) == (-1234, 1234, 1234, 1234)
    assert struct.unpack(">I", words(ask(one, 3, 0x000A, 2))) == (1234567,)
    assert struct.unpack(">HH", words(ask(one, 3, 0x008D, 2))) == (1, 40)


def test_sdm630_is_plain_float_in_watts_by_function_4() -> None:
    one = slave("eastron-sdm630")
    assert struct.unpack(">3f", words(ask(one, 4, 0x000C, 6))) == pytest.approx((1234, 1234, 1234))
    assert struct.unpack(">2f", words(ask(one, 4, 0x0046, 4))) == pytest.approx((50.02, 12345.67))
    assert ask(one, 3, 0x000C, 6).frame[1:3] == b"\x83\x01"


def test_holes_read_zero_and_outside_is_refused() -> None:
    one = slave("eastron-sdm630")
    assert words(ask(one, 4, 0x0024, 16)) == bytes(32)
    assert ask(one, 4, 0x004F, 2).frame[1:3] == b"\x84\x02"
    assert ask(one, 4, 0x0000, 126).frame[1:3] == b"\x84\x03"
    assert ask(one, 4, 0x0000, 0).frame[1:3] == b"\x84\x03"


@pytest.mark.parametrize("pdu", ["06000000ff", "10000000010200ff", "0300", "2b0e0100"])
def test_only_reading_exists(pdu: str) -> None:
    reply = slave("acrel-adl400").answer(Ask(17, bytes.fromhex(pdu)), partial(rtu, 17))
    assert reply is not None
    assert reply.kind == "error"
    assert reply.frame[1] == bytes.fromhex(pdu)[0] | 0x80


@pytest.mark.parametrize("unit", [0, 16, 18])
def test_silent_for_other_units_and_broadcast(unit: int) -> None:
    assert slave("acrel-adl400").answer(Ask(unit, bytes.fromhex("0300610001")), partial(rtu, unit)) is None


def test_a_value_cut_by_the_range_is_no_truth() -> None:
    reply = ask(slave("acrel-adl400"), 3, 0x0165, 3)
    assert [one.name for one in reply.shown] == ["p_b"]
    assert words(reply)[2:6] == (1234).to_bytes(4, "big")


@pytest.mark.parametrize("model", list(MODELS))
def test_every_register_packs_what_its_text_says(model: str) -> None:
    for register in MODELS[model].registers:
        data, text = pack(register, VALUES[register.name])
        raw = (
            Decimal(shortest(data))
            if register.kind == "f32"
            else Decimal(int.from_bytes(data, "big", signed=register.kind[0] == "i"))
        )
        assert raw * Decimal(register.scale) == Decimal(text)
        assert "E" not in text
        assert abs(Decimal(text) - Decimal(str(VALUES[register.name]))) <= Decimal("0.06")


def test_integers_stand_still_at_their_ends() -> None:
    register = Register(0, "u_a", "u16", "0.1")
    assert pack(register, 1e6)[1] == "6553.5"
    assert pack(register, -5.0)[1] == "0.0"


@pytest.mark.parametrize("text", ["0", "1", "2312", "0.1", "12345.67", "1e+20", "-0.25", "131072.02"])
def test_shortest_text_is_the_same_float(text: str) -> None:
    data = struct.pack(">f", float(text))
    assert struct.pack(">f", float(shortest(data))) == data
    assert len(shortest(data)) <= len(repr(struct.unpack(">f", data)[0]))
