"""The simulated plant on real ptys and sockets: timing, links, unplugging, control, truth log."""

from __future__ import annotations

import json
import os
import select
import socket
import struct
import subprocess
import sys
import termios
import time
import tty
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from drivers.simulated.control import Control
from drivers.simulated.plant import Plant, Times
from drivers.simulated.plantfile import parse
from drivers.simulated.slave645 import encode, hunt
from drivers.simulated.slavemodbus import rtu, take_rtu
from drivers.simulated.switches import ControlError
from drivers.simulated.truth import Truth
from tests.support.simulator import ROOT, plant, simulator

EXAMPLE = (ROOT / "drivers" / "simulated" / "example.toml").read_text(encoding="utf-8")
FAST = """
[plant]
anchor = "start"
period_s = 60
[[bus]]
id = "b1"
link = "bus1"
[[bus]]
id = "g1"
kind = "rtu-over-tcp"
[[bus]]
id = "t1"
kind = "tcp"
[[load]]
id = "fan"
kw = 20
[[meter]]
id = "fan-1"
bus = "b1"
protocol = "modbus-rtu"
address = "3"
model = "chint-dtsu666"
loads = ["fan"]
ct = "100/5"
[[meter]]
id = "press"
bus = "b1"
protocol = "dlt645-2007"
address = "000000000012"
model = "dlt645-2007"
line = "9600 8E1"
loads = ["fan"]
ct = "100/5"
[[meter]]
id = "far"
bus = "g1"
protocol = "modbus-rtu"
address = "4"
model = "acrel-adl400"
line = "19200 8N1"
[[meter]]
id = "tcp-1"
bus = "t1"
protocol = "modbus-tcp"
address = "1"
model = "eastron-sdm630"
loads = ["fan"]
delay_ms = 5
"""
READ_3 = rtu(3, bytes.fromhex("0320060006"))
READ_645 = encode(bytes.fromhex("000000000012")[::-1], 0x11, bytes.fromhex("0203FF00")[::-1])


@contextmanager
def opened(path: str, baud: int = termios.B9600) -> Iterator[int]:
    """A pty's reader side, raw, at a rate."""
    file = os.open(path, os.O_RDWR | os.O_NOCTTY)
    try:
        tty.setraw(file)
        rate(file, baud)
        yield file
    finally:
        os.close(file)


def rate(file: int, baud: int) -> None:
    settings = termios.tcgetattr(file)
    settings[4] = settings[5] = baud
    termios.tcsetattr(file, termios.TCSANOW, settings)


def exchange(file: int, request: bytes, *, wait_s: float = 0.5) -> tuple[bytes, float, float]:
    """Reply, and when its first and last bytes came, in seconds after the request."""
    begin = time.monotonic()
    os.write(file, request)
    got, first, last = b"", 0.0, 0.0
    while select.select([file], [], [], wait_s if not got else 0.12)[0]:
        got += os.read(file, 512)
        last = time.monotonic() - begin
        first = first or last
    return got, first, last


def test_replies_in_real_time_on_a_pty(tmp_path: Path) -> None:
    with plant(FAST, tmp_path) as one, opened(one.ready["buses"]["b1"]) as file:
        reply, first, last = exchange(file, READ_3)
        assert take_rtu(reply) is not None
        character = 10 / 9600
        due = (8 + 3.5 + 1) * character + 0.030
        assert due <= first < due + 0.2
        assert due + 16 * character <= last < due + 16 * character + 0.2
        reply, _, last = exchange(file, READ_645)
        assert hunt(reply)[0] is not None
        assert last >= (len(READ_645) + len(reply)) * 11 / 9600 + 0.030
        rate(file, termios.B2400)
        assert exchange(file, READ_645)[0] == b""


def test_the_reader_may_come_and_go(tmp_path: Path) -> None:
    with plant(FAST, tmp_path) as one:
        for _ in range(3):
            with opened(str(tmp_path / "bus1")) as file:
                assert take_rtu(exchange(file, READ_3)[0]) is not None
        assert one.command({"get": "served"})["counts"] == {"fan-1": 3}
    assert not (tmp_path / "bus1").is_symlink()


def test_a_pulled_adapter_hangs_up_and_comes_back_under_another_number(tmp_path: Path) -> None:
    with plant(FAST, tmp_path) as one:
        link = tmp_path / "bus1"
        before = link.readlink()
        with opened(str(link)) as file:
            assert one.command({"set": "bus-gone", "bus": "b1"})["ok"]
            assert not link.is_symlink()
            readable = select.select([file], [], [], 1)[0]
            assert readable
            with suppress(OSError):  # EIO, or end of file
                assert os.read(file, 1) == b""
        one.command({"set": "bus-gone", "bus": "b1", "on": False})
        assert link.readlink() != before
        with opened(str(link)) as file:
            assert take_rtu(exchange(file, READ_3)[0]) is not None


def test_stopping_while_gone_leaves_nothing(tmp_path: Path) -> None:
    with plant(FAST, tmp_path) as one:
        one.command({"set": "bus-gone", "bus": "b1"})
    assert list(tmp_path.iterdir()) == []


def test_raw_line_over_tcp(tmp_path: Path) -> None:
    with plant(FAST, tmp_path) as one:
        host, port = one.ready["buses"]["g1"].split(":")
        request = rtu(4, bytes.fromhex("0300610006"))
        for _ in range(2):
            with socket.create_connection((host, int(port)), timeout=5) as server:
                reply, first, _ = exchange(server.fileno(), request)
                assert take_rtu(reply) is not None
                assert first >= (8 + 3.5 + 1) * 10 / 19200 + 0.030


def test_modbus_tcp_units_and_pipelines(tmp_path: Path) -> None:
    with plant(FAST, tmp_path) as one:
        host, port = one.ready["buses"]["t1"].split(":")
        with socket.create_connection((host, int(port)), timeout=5) as client:
            asks = [struct.pack(">HHHBBHH", number, 0, 6, 1, 4, 0x0034, 2) for number in (7, 8, 9)]
            reply, _, _ = exchange(client.fileno(), b"".join(asks))
            assert [reply[at : at + 2] for at in range(0, len(reply), 13)] == [b"\0\7", b"\0\x08", b"\0\x09"]
            watts = struct.unpack(">f", reply[9:13])[0]
            assert 19_000 < watts < 21_000
            assert exchange(client.fileno(), struct.pack(">HHHBBHH", 1, 0, 6, 2, 4, 0, 2))[0] == b""
            client.sendall(b"GET / HTTP/1.0\r\n\r\n")
            assert client.recv(10) == b""


def test_truth_is_what_was_served(tmp_path: Path) -> None:
    truth = tmp_path / "truth.jsonl"
    with plant(FAST, tmp_path, truth) as one, opened(one.ready["buses"]["b1"]) as file:
        reply, _, _ = exchange(file, READ_645)
        line = json.loads(truth.read_text(encoding="ascii"))
        assert (line["meter"], line["ask"], line["kind"], line["faults"]) == ("press", "0203FF00", "good", [])
        shown = [reply[reply.index(0x68) + 14 + 3 * at :][:3] for at in range(4)]
        for raw, name in zip(shown, ("p", "p_a", "p_b", "p_c"), strict=True):
            digits = bytes((byte - 0x33) & 0xFF for byte in raw)[::-1].hex()
            assert line["shown"][name] == f"{int(digits[:2])}.{digits[2:]}"
        assert float(line["primary"]["p"]) == pytest.approx(20 * float(line["shown"]["p"]))
        assert abs(line["t"] - time.time() * 1000) < 5000
        assert one.command({"get": "served", "last": 5, "meter": "press"})["last"] == [line]


def test_bus_commands_say_what_is_wrong(tmp_path: Path) -> None:
    with plant(FAST, tmp_path) as one:
        for message in ({}, {"set": "echo", "bus": "t1"}, {"set": "bus-gone", "bus": "x"}, {"get": "meter"}):
            with pytest.raises(ControlError):
                one.command(message)
        one.command({"set": "bus-gone", "bus": "t1"})
        host, port = one.ready["buses"]["t1"].split(":")
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((host, int(port)), timeout=2)
        one.command({"set": "bus-gone", "bus": "t1", "on": False})
        socket.create_connection((host, int(port)), timeout=2).close()
        assert one.command({"get": "meter", "meter": "far"})["shown"]["u_a"].startswith("2")


def test_control_answers_every_line(tmp_path: Path) -> None:
    with plant(FAST, tmp_path) as one:
        control = Control(tmp_path / "c", one.command)
        for line in (b"", b"x", b"[]", b'{"set":1}', b"\xff", b'{"get":"served","last":-1}'):
            assert control.answer(line)["ok"] is False
        assert control.answer(b'{"get":"plant"}')["lines"]["b1"]["requests"] == 0
        control.stop()


def test_process_with_the_example_plant(tmp_path: Path) -> None:
    with simulator(EXAMPLE, tmp_path) as sim:
        assert sim.ready["buses"]["b2"] == str(tmp_path / "bus2")
        assert len(sim.ready["meters"]) == 6
        assert sim.command({"set": "treatment-off"})["ok"]
        with opened(sim.ready["buses"]["b2"]) as file:
            assert take_rtu(exchange(file, rtu(25, bytes.fromhex("0320120002")))[0]) is not None
        assert [line["shown"] for line in sim.served()] == [{"p": "0.0000"}]
        assert sim.command({"set": "x"})["ok"] is False
    assert not (tmp_path / "bus2").is_symlink()
    assert not (tmp_path / "sim.sock").exists()


def test_a_wrong_plant_file_is_refused_with_all_mistakes(tmp_path: Path) -> None:
    file = tmp_path / "plant.toml"
    file.write_text(
        FAST.replace("kw = 20", "kw = -1").replace('ct = "100/5"', 'ct = "x"', 1), encoding="utf-8"
    )
    ran = subprocess.run(
        [sys.executable, "-m", "drivers.simulated", "--plant", str(file)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ran.returncode == 78
    assert "kw = -1" in ran.stderr
    assert "ct = 'x'" in ran.stderr
    assert ran.stdout == ""


def test_a_plant_that_never_started_can_be_stopped(tmp_path: Path) -> None:
    one = Plant(parse(FAST, tmp_path), Times(lambda: 0, lambda: 0))
    assert (tmp_path / "bus1").is_symlink()
    one.stop()
    assert list(tmp_path.iterdir()) == []


def test_a_failing_thread_ends_the_process(tmp_path: Path) -> None:
    """A truth log that cannot be written must not look like a silent meter."""
    file = tmp_path / "plant.toml"
    file.write_text(FAST, encoding="utf-8")
    command = [sys.executable, "-m", "drivers.simulated", "--plant", str(file), "--truth", "/dev/full"]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        with opened(ready["buses"]["b1"]) as reader:
            os.write(reader, READ_3)
            _, errors = process.communicate(timeout=20)
    assert process.returncode == 70
    assert "No space left" in errors


def test_the_truth_log_has_an_end(tmp_path: Path) -> None:
    path = tmp_path / "truth.jsonl"
    truth = Truth(path, max_bytes=100)
    for number in range(50):
        truth.note({"meter": "a", "n": number})
    truth.close()
    lines = [json.loads(line) for line in path.read_text(encoding="ascii").splitlines()]
    assert lines[-1] == {"full": True}
    assert [line["n"] for line in lines[:-1]] == [0, 1, 2, 3]
    assert truth.counts() == {"a": 50}
    assert truth.last(1, None) == [{"meter": "a", "n": 49}]
    assert truth.last(0, None) == []
