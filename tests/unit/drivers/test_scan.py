"""The search for meters on a line in virtual time: collisions, models, noise, an end at any moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from config.profiles import builtin_profiles
from config.site import Line
from drivers.scan import LINES, estimate_s, lines_of, run
from drivers.search import Found, Plan, Search
from drivers.wire import Heard, Wire
from tests.support.line import FakePort, ModbusSlave, OnLine, Replies, mute

DLT = "dlt645-2007"


@dataclass(slots=True)
class Wild:
    """A 645 meter that knows 13H, wildcards and two voltages; one line setting. Answers built here."""

    address: str
    delay_ms: float = 30.0
    knows_13: bool = True
    edition: str = "2007"
    preamble: bytes = b"\xfe\xfe"
    heard: list[str] = field(default_factory=list)

    def hear(self, request: bytes) -> Replies:
        frame = request.lstrip(b"\xfe")
        if frame[:1] != b"\x68" or len(frame) < 12:
            return ()
        own = bytes.fromhex(self.address)[::-1]
        if not own.startswith(frame[1:7].rstrip(b"\xaa")):
            return ()
        data = bytes((byte - 0x33) & 0xFF for byte in frame[10:-2])
        control, content = self.answer(frame[8], data, own)
        self.heard.append(frame[1:7][::-1].hex())
        if not control:
            return ()
        body = b"\x68" + own + bytes((0x68, control, len(content)))
        body += bytes((byte + 0x33) & 0xFF for byte in content)
        return ((self.delay_ms, self.preamble + body + bytes((sum(body) & 0xFF, 0x16))),)

    def answer(self, function: int, data: bytes, own: bytes) -> tuple[int, bytes]:
        values: Mapping[str, str] = {"02010100": "2312", "02010200": "2307", "02030000": "012410"}
        if self.edition == "2007" and function == 0x13 and self.knows_13:
            return 0x93, own
        if self.edition == "2007" and function == 0x11:
            di = data[::-1].hex().upper()
            return (0x91, data + bytes.fromhex(values[di])[::-1]) if di in values else (0xD1, b"\2")
        if self.edition == "1997" and function == 0x01:
            old = {"B611": "0231", "B612": "0230", "B630": "012410"}.get(data[::-1].hex().upper(), "00332211")
            return 0x81, data + bytes.fromhex(old)[::-1]
        return 0, b""


class Echoing(Wild):
    """Repeats the address of the request, wildcards and all."""

    def hear(self, request: bytes) -> Replies:
        asked = request.lstrip(b"\xfe")[1:7]
        replies = []
        for delay, reply in super().hear(request):
            frame = reply.lstrip(b"\xfe")
            body = frame[:1] + asked + frame[7:-2]
            replies.append((delay, self.preamble + body + bytes((sum(body) & 0xFF, 0x16))))
        return replies


class Whole(Wild):
    """Knows the wildcard for all, and no partial one."""

    def hear(self, request: bytes) -> Replies:
        asked = request.lstrip(b"\xfe")[1:7]
        return () if 0xAA in asked and asked != b"\xaa" * 6 else super().hear(request)


class EchoingWhole(Echoing, Whole):
    """The two together: its address cannot be learnt."""


class Anybody(Wild):
    """Takes every request as its own and repeats the address."""

    def hear(self, request: bytes) -> Replies:
        frame = request.lstrip(b"\xfe")
        self.address = frame[6:0:-1].hex()
        return super().hear(request)


class Broadcast(Wild):
    """Hears its own address and 99..99."""

    def hear(self, request: bytes) -> Replies:
        frame = request.lstrip(b"\xfe")
        if frame[1:7] == b"\x99" * 6:
            return super().hear(b"\x68" + bytes.fromhex(self.address)[::-1] + frame[7:])
        return () if 0xAA in frame[1:7] else super().hear(request)


class EnergyOnly(Wild):
    """Of the edition of 1997, and knows one item."""

    def answer(self, function: int, data: bytes, own: bytes) -> tuple[int, bytes]:
        return super().answer(function, data, own) if data == b"\x10\x90" else (0, b"")


class Shy(Wild):
    """Answers wildcards and nothing else."""

    def hear(self, request: bytes) -> Replies:
        return super().hear(request) if 0xAA in request.lstrip(b"\xfe")[1:7] else ()


@dataclass(slots=True)
class Noise:
    """A line without bias resistors: rubbish after every request."""

    def hear(self, request: bytes) -> Replies:
        return ((15.0, bytes(range(1, 30))),)


@dataclass(slots=True)
class At:
    """A device that hears one line setting only."""

    port: list[FakePort]
    line: str
    device: OnLine

    def hear(self, request: bytes) -> Replies:
        return self.device.hear(request) if str(self.port[0]._line) == self.line else ()


def plan(protocols: Sequence[str], lines: str = "9600 8E1", **options: object) -> Plan:
    given = [Line.parse(text) for text in lines.split(",")]
    settings = lines_of(protocols, given, serial=True)
    return Plan(lines=settings, profiles=builtin_profiles(), **options)  # type: ignore[arg-type]  # by name


def search(wanted: Plan, *devices: OnLine, stop_after: int = 100_000) -> tuple[Search, FakePort]:
    """Run a search to its end, or until so many requests were sent."""
    port = FakePort()
    for device in devices:
        if isinstance(device, At):
            device.port.append(port)
    port.meters = list(devices)
    port.open()
    wire, found = Wire(port), Search(wanted)
    exchanges = run(found)
    heard: Heard | None = None
    try:
        while found.asked < stop_after:
            ask = next(exchanges) if heard is None else exchanges.send(heard)
            port.sleep(ask.rest_ms)
            heard = Heard()
            wire.exchange(ask.manner, ask.exchange, heard)
    except StopIteration:
        pass
    exchanges.close()
    return found, port


def addresses(found: Search) -> list[str]:
    return [one.address for one in found.found]


def test_one_meter_is_found_by_its_first_answer() -> None:
    found, _ = search(plan([DLT]), Wild("000000000012"))
    (one,) = found.found
    assert one == Found(DLT, "000000000012", Line.parse("9600 8E1"), "dlt645-2007-3p", one.others, one.values)
    assert {s.quantity: str(s.value) for s in one.values} == {"u_a": "231.2", "u_b": "230.7", "p": "1.2410"}
    assert found.asked == 5


@pytest.mark.parametrize(
    "meters",
    [
        ("000000000012", "000000000013"),
        ("000000000012", "000000000112"),
        ("202300010012", "202300020012", "202300020112"),
        ("100000000012", "200000000012"),
        ("000000000000", "000000000001", "990000000000", "123456789099"),
    ],
)
def test_meters_that_answer_at_once_are_told_apart(meters: tuple[str, ...]) -> None:
    found, _ = search(plan([DLT]), *(Wild(address) for address in meters))
    assert sorted(addresses(found)) == sorted(meters)
    assert found.noisy == []


def test_meters_that_answer_one_after_the_other_need_no_descent() -> None:
    found, _ = search(plan([DLT]), Wild("000000000012", 30), Wild("000000000013", 250))
    assert sorted(addresses(found)) == ["000000000012", "000000000013"]
    assert found.asked < 12


def test_a_meter_without_13h_is_found_by_a_read() -> None:
    found, _ = search(plan([DLT]), Wild("000000000777", knows_13=False))
    assert addresses(found) == ["000000000777"]


def test_one_meter_hides_no_other_that_has_other_manners() -> None:
    found, _ = search(plan([DLT]), Wild("000000000012"), Wild("000000000013", knows_13=False))
    assert addresses(found) == ["000000000012", "000000000013"]
    found, _ = search(plan([DLT]), Wild("000000000012"), Wild("000000000077", 2000.0))
    assert addresses(found) == ["000000000012", "000000000077"]
    pair = (Wild("000000000012", edition="1997"), Broadcast("000000000013", edition="1997"))
    found, _ = search(plan(["dlt645-1997"]), *pair)
    assert addresses(found) == ["000000000012", "000000000013"]


def test_a_meter_of_both_editions_is_one_meter() -> None:
    class Both(Wild):
        def answer(self, function: int, data: bytes, own: bytes) -> tuple[int, bytes]:
            self.edition = "1997" if function == 1 else "2007"
            return super().answer(function, data, own)

    found, _ = search(plan([DLT, "dlt645-1997"]), Both("000000000012"))
    assert [(one.protocol, one.address) for one in found.found] == [(DLT, "000000000012")]


def test_a_search_beside_polls_keeps_the_line_no_longer_than_usual() -> None:
    beside = plan([DLT], patient=False)
    assert estimate_s(beside) < estimate_s(plan([DLT])) - 2
    _, port = search(beside, ModbusSlave(99, {}, fault=mute))
    assert (port.now() - 100_000) / 1000 == pytest.approx(estimate_s(beside), rel=0.15)


def test_noise_costs_no_patience() -> None:
    _, port = search(plan(["modbus-rtu"], "9600 8N1"), Noise())
    assert port.now() - 100_000 < 12_000


def test_glitches_before_a_reply_are_no_second_meter() -> None:
    found, _ = search(plan([DLT]), Wild("000000000012", preamble=b"\x00\x12\xff\xfe"))
    assert addresses(found) == ["000000000012"]
    assert found.asked < 10


def test_a_noisy_line_is_given_up_and_named() -> None:
    found, _ = search(plan([DLT]), Noise())
    assert found.found == []
    assert found.noisy == ["dlt645-2007 9600 8E1"]
    assert found.asked < 40


def test_the_edition_of_1997_is_found_too() -> None:
    found, _ = search(plan(["dlt645-1997"], "1200 8E1"), Wild("000000004711", edition="1997"))
    (one,) = found.found
    assert (one.protocol, one.address, one.profile) == ("dlt645-1997", "000000004711", "dlt645-1997-3p")


@pytest.mark.parametrize(
    ("protocol", "meter"),
    [
        (DLT, Echoing("000000000012", knows_13=False)),
        ("dlt645-1997", Echoing("202300010012", edition="1997")),
        ("dlt645-1997", EnergyOnly("000000000012", edition="1997")),
        ("dlt645-1997", Broadcast("000000000012", edition="1997")),
        (DLT, Wild("000000000012", 2000.0)),
        (DLT, Wild("000000000012", 2000.0, knows_13=False)),
        ("dlt645-1997", Wild("000000000012", 2000.0, edition="1997")),
    ],
)
def test_a_meter_of_odd_manners_is_found(protocol: str, meter: Wild) -> None:
    found, _ = search(plan([protocol]), meter)
    (one,) = found.found
    assert (one.protocol, one.address, one.confirmed) == (protocol, meter.address, True)
    assert one.profile == f"{protocol}-3p"
    assert any(sample.value for sample in one.values)
    assert one.timeout_s == (3 if meter.delay_ms > 1000 else None), "as it must be polled"
    assert (found.unclear, found.nameless, found.noisy) == ([], [], [])


def test_meters_that_cannot_be_told_apart_are_told_of() -> None:
    found, _ = search(plan([DLT]), Whole("000000000012"), Whole("000000000013"))
    assert (found.found, found.unclear) == ([], ["dlt645-2007 9600 8E1"])
    found, _ = search(plan([DLT]), Whole("000000000012"), Wild("000000000013"))
    assert (addresses(found), found.unclear) == (["000000000013"], ["dlt645-2007 9600 8E1"])


def test_a_meter_without_a_name_is_told_of() -> None:
    found, _ = search(plan([DLT]), EchoingWhole("000000000012", knows_13=False))
    assert (found.found, found.nameless) == ([], ["dlt645-2007 9600 8E1"])


def test_a_meter_that_answers_to_any_address_is_no_crowd_of_meters() -> None:
    found, _ = search(plan([DLT]), Anybody("000000000012", knows_13=False))
    assert (found.found, found.noisy) == ([], ["dlt645-2007 9600 8E1"])
    assert found.asked < 100


def test_an_address_that_was_heard_and_is_silent_is_told_of() -> None:
    found, _ = search(plan([DLT]), Shy("000000000012"))
    (one,) = found.found
    assert (one.address, one.profile, one.confirmed) == ("000000000012", None, False)


def test_two_devices_of_one_unit_are_told_of() -> None:
    pair = (acrel(3), ModbusSlave(3, {0: 1}, delay_ms=21.0))
    found, _ = search(plan(["modbus-rtu"], "9600 8N1"), *pair)
    assert (found.found, found.unclear) == ([], ["modbus-rtu 9600 8N1"])


def test_the_settings_of_the_known_models_are_tried_after_the_usual() -> None:
    profiles = builtin_profiles().values()
    lines = lines_of([DLT, "dlt645-1997", "modbus-rtu"], (), serial=True, profiles=profiles)
    for profile in profiles:
        for protocol, settings in lines.items():
            if protocol.startswith(profile.family):
                assert set(profile.lines) <= set(map(str, settings)), profile.id
    assert [str(one) for one in lines["modbus-rtu"]][:2] == ["9600 8N1", "19200 8E1"]
    assert "2400 8N1" in map(str, lines[DLT]), "a meter set to parity N"
    given = lines_of([DLT], [Line.parse("600 8E1")], serial=True, profiles=profiles)
    assert [str(one) for one in given[DLT]] == ["600 8E1"]


def test_what_is_ahead_goes_to_nothing() -> None:
    wanted = plan([DLT, "modbus-rtu"], "9600 8E1,9600 8N1")
    found, _ = search(wanted, Wild("000000000012"), Wild("000000000013"), acrel(3))
    assert found.ahead_ms == 0
    part, _ = search(wanted, Wild("000000000012"), Wild("000000000013"), acrel(3), stop_after=5)
    assert part.ahead_ms > estimate_s(wanted) * 1000, "a descent is added"


def acrel(unit: int) -> ModbusSlave:
    registers = dict.fromkeys(range(0x200), 0)
    registers |= {0x61: 2308, 0x62: 2307, 0x63: 2309, 0x77: 5001, 0x16B: 12410}
    return ModbusSlave(unit, registers)


def floats(values: Mapping[int, str]) -> dict[int, int]:
    pairs: dict[int, int] = {}
    for address, text in values.items():
        pairs |= {address: int(text[:4], 16), address + 1: int(text[4:], 16)}
    return pairs


def test_models_are_recognised_by_plausible_values() -> None:
    # 230.8 V and 50.0 Hz as SDM630 (unscaled) and as DTSU666 (tenths and hundredths) tell them
    sdm = ModbusSlave(
        2, dict.fromkeys(range(0x60), 0) | floats({0: "4366cccd", 2: "4366cccd", 0x46: "42480000"})
    )
    chint = ModbusSlave(5, floats({0x2006: "45104000", 0x2044: "459c4000", 0x2012: "47000000"}))
    nobody = ModbusSlave(7, {0: 1})
    found, _ = search(plan(["modbus-rtu"], "9600 8N1"), acrel(3), sdm, chint, nobody)
    models = {one.address: one.profile for one in found.found}
    assert models == {"2": "eastron-sdm630", "3": models["3"], "5": "chint-dtsu666", "7": None}
    three = next(one for one in found.found if one.address == "3")
    assert {"acrel-dtsd1352", "acrel-adl400"} <= {three.profile, *three.others}
    assert str(three.values[0].value) == "230.8"


def test_a_device_is_asked_no_more_once_it_is_known() -> None:
    port: list[FakePort] = []
    slave = acrel(3)
    wanted = plan(["modbus-rtu"], "9600 8N1,19200 8N1", known=frozenset({("modbus-rtu", "4")}))
    found, line = search(wanted, At(port, "9600 8N1", slave))
    assert addresses(found) == ["3"]
    later = [sent for sent in line.sent if str(sent.line) == "19200 8N1"]
    assert {sent.data[0] for sent in later} == set(range(1, 11)) - {3, 4}


def test_a_deep_search_finds_who_is_silent_on_register_0() -> None:
    class Proud(ModbusSlave):
        def hear(self, request: bytes) -> Replies:
            return () if request[2:4] == b"\0\0" else super().hear(request)

    slave = Proud(2, acrel(2).registers)
    assert search(plan(["modbus-rtu"], "9600 8N1"), slave)[0].found == []
    found, _ = search(plan(["modbus-rtu"], "9600 8N1", deep=True, units=(1, 2)), slave)
    assert addresses(found) == ["2"]


def test_both_protocols_on_one_line_and_every_moment_keeps_what_was_found() -> None:
    wanted = Plan(
        lines=lines_of([DLT, "modbus-rtu"], (), serial=True), profiles=builtin_profiles(), units=(1, 2, 3)
    )

    def devices() -> list[OnLine]:
        return [At([], "2400 8E1", Wild("000000000012")), At([], "9600 8N1", acrel(3))]

    whole, _ = search(wanted, *devices())
    assert sorted(addresses(whole)) == ["000000000012", "3"]
    for stop in range(1, whole.asked):
        part, _ = search(wanted, *devices(), stop_after=stop)
        assert part.found == whole.found[: len(part.found)]
    assert part.found == whole.found


def test_the_estimate_is_that_of_a_silent_line() -> None:
    wanted = Plan(lines=lines_of([DLT, "modbus-rtu"], (), serial=True), profiles=builtin_profiles())
    found, port = search(wanted, ModbusSlave(99, {}, fault=mute))
    assert found.found == []
    took = (port.now() - 100_000) / 1000
    assert took == pytest.approx(estimate_s(wanted), rel=0.15)
    assert found.asked == 2 * len(LINES[DLT]) + 10 * len(LINES["modbus-rtu"])


def test_only_reading_functions_are_sent() -> None:
    found, port = search(
        plan([DLT, "dlt645-1997", "modbus-rtu"], deep=True, units=(3,)), Wild("000000000012"), acrel(3)
    )
    assert found.found
    for sent in port.sent:
        frame = sent.data.lstrip(b"\xfe")
        assert (frame[8] in (0x01, 0x11, 0x13)) if frame[:1] == b"\x68" else (frame[1] in (3, 4))
