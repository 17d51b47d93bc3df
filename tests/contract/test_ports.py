"""Real ports: ptys and sockets with a peer in a thread of its own, a port that vanishes and comes back."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import socket
import termios
import threading
import time
import tty
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import serial

from config.site import Bus as BusConfig
from config.site import Line, Rs485
from drivers.bus import Bus, Job
from drivers.errors import DriverError
from drivers.exchange import MeterSpec
from drivers.ports import Port, PortError, PtyPort, SerialPort, TcpPort, is_mini_uart, is_pty, open_port
from drivers.samples import PollResult
from tests.support.line import ModbusSlave
from tests.support.specs import item, modbus, with_meter

SPEC = with_meter(modbus("kiln", 5, [item("u_a", 0), item("u_b", 1)]), line=Line(9600, 8, "E", 1))
REGISTERS = {0: 2312, 1: 2298}


def now() -> int:
    return time.monotonic_ns() // 1_000_000


class Responder:
    """The far end of a pty: a thread that answers like a slave, and a link that names the near end."""

    def __init__(self, link: Path, slave: ModbusSlave) -> None:
        self.link = link
        self.slave = slave
        self._master, self._near = pty.openpty()
        tty.setraw(self._near)
        with contextlib.suppress(FileNotFoundError):
            link.unlink()
        link.symlink_to(os.ttyname(self._near))
        os.close(self._near)
        self._stop, self._stopper = os.pipe()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            ready, _, _ = select.select([self._master, self._stop], [], [], 10)
            if self._stop in ready or not ready:
                return
            try:
                request = os.read(self._master, 256)
            except OSError:  # nobody holds the near end yet
                time.sleep(0.01)
                continue
            for delay, reply in self.slave.hear(request):
                time.sleep(delay / 1000)
                os.write(self._master, reply)

    def vanish(self) -> None:
        """Pull the adapter out."""
        os.write(self._stopper, b"x")
        self._thread.join()
        for fd in (self._master, self._stop, self._stopper):
            os.close(fd)
        self.link.unlink()


def test_what_is_no_serial_port_is_said_to_be_none(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for path in ("/dev/null", str(tmp_path), str(tmp_path / "file")):
        with pytest.raises(PortError) as caught:
            SerialPort(path, now).open()
        assert (caught.value.code, caught.value.facts["port"]) == ("SBX-SER-010", path)
    with pytest.raises(PortError) as caught:
        SerialPort(str(tmp_path / "nothing"), now).open()
    assert caught.value.code == "SBX-SER-001"


def _config(link: Path) -> BusConfig:
    return BusConfig(id="b1", kind="serial", port=str(link))


def _poll(bus: Bus, results: list[PollResult], slot: int, meter: str = "kiln") -> PollResult:
    before = len(results)
    bus.submit(Job(meter, "fast", slot, now()))
    end = now() + 10_000
    while len(results) == before and now() < end:
        due = bus.step(now())
        time.sleep(max(0.0, min(due - now(), 100) / 1000))
    return results[-1]


@pytest.fixture
def responder(tmp_path: Path) -> Iterator[Responder]:
    one = Responder(tmp_path / "bus1", ModbusSlave(5, REGISTERS, delay_ms=5))
    yield one
    if one.link.is_symlink():
        one.vanish()


def test_a_meter_is_read_over_a_pty(responder: Responder) -> None:
    port = open_port(_config(responder.link), now)
    results: list[PollResult] = []
    bus = Bus(_config(responder.link), [SPEC], port, results.append)
    for slot in range(5):
        result = _poll(bus, results, slot)
        assert (result.error, result.attempts) == (None, 1)
        assert [str(sample.value) for sample in result.samples] == ["2312", "2298"]
    assert isinstance(port, PtyPort)
    assert bus.state().notice == "SBX-SER-007"  # 8E1 was asked for
    bus.close()


def test_port_vanishes_and_comes_back_under_the_same_name(tmp_path: Path, responder: Responder) -> None:
    results: list[PollResult] = []
    bus = Bus(_config(responder.link), [SPEC], open_port(_config(responder.link), now), results.append)
    assert _poll(bus, results, 0).error is None
    responder.vanish()
    lost = _poll(bus, results, 1)
    assert lost.error == "port"
    assert (bus.state().open, bus.state().code) == (False, "SBX-SER-005")
    back = Responder(responder.link, ModbusSlave(5, {0: 1, 1: 2}, delay_ms=5))
    errors = []
    for slot in range(2, 200):
        errors.append(_poll(bus, results, slot).error)
        if errors[-1] is None:
            break
        time.sleep(0.05)
    assert errors[-1] is None
    assert set(errors[:-1]) <= {"port"}
    assert [str(sample.value) for sample in results[-1].samples] == ["1", "2"]
    assert bus.counters().reopen == 1
    bus.close()
    back.vanish()


def test_other_buses_do_not_notice(tmp_path: Path, responder: Responder) -> None:
    """A bus whose port is missing never delays another one in the process."""
    gone: list[PollResult] = []
    dead = BusConfig(id="b2", kind="serial", port=str(tmp_path / "missing"))
    other = Bus(dead, [SPEC], open_port(dead, now), gone.append)
    results: list[PollResult] = []
    bus = Bus(_config(responder.link), [SPEC], open_port(_config(responder.link), now), results.append)
    start = now()
    assert _poll(other, gone, 0).error == "port"
    assert other.state().code == "SBX-SER-001"
    assert _poll(bus, results, 0).error is None
    assert now() - start < 1_000
    bus.close()


def test_exclusive_in_both_ways(responder: Responder) -> None:
    port = PtyPort(str(responder.link), now)
    port.open()
    with pytest.raises(serial.SerialException, match="lock"):
        serial.Serial(str(responder.link), exclusive=True)
    second = PtyPort(str(responder.link), now)
    if os.geteuid() == 0:  # root passes TIOCEXCL, and meets the lock
        with pytest.raises(PortError) as error:
            second.open()
        assert error.value.code == "SBX-SER-004"
    fd = os.open(responder.link, os.O_RDWR | os.O_NOCTTY) if os.geteuid() == 0 else None
    if fd is not None:
        assert fcntl.ioctl(fd, getattr(termios, "TIOCGEXCL", 0x80045440), b"\0" * 4) == b"\1\0\0\0"
        port.close()
        assert fcntl.ioctl(fd, getattr(termios, "TIOCGEXCL", 0x80045440), b"\0" * 4) == b"\0" * 4
        os.close(fd)
    port.close()
    second.open()
    second.close()


def test_settings_change_again_and_again_on_a_pty(responder: Responder) -> None:
    """With parity on a pty the second change would fail (termios.error 22)."""
    port = PtyPort(str(responder.link), now)
    port.open()
    for text in ["2400 8E1", "9600 8N1", "9600 8E1", "19200 8O1", "2400 8E1"]:
        port.configure(Line.parse(text))
    assert port.notice == "SBX-SER-007"
    port.close()


def test_settings_that_cannot_be_are_a_port_error(
    responder: Responder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise termios.error(22, "Invalid argument")

    port = SerialPort(str(responder.link), now)
    port.open()
    with pytest.raises(PortError) as error:
        port.configure(Line(9600, 9, "N", 1))
    assert error.value.code == "SBX-SER-006"
    monkeypatch.setattr(termios, "tcsetattr", refuse)  # neither an OSError nor a SerialException
    with pytest.raises(PortError) as error:
        port.configure(Line(2400, 8, "N", 1))
    assert error.value.code == "SBX-SER-006"
    port.close()


def test_a_port_without_kernel_rs485_says_so(responder: Responder) -> None:
    port = SerialPort(str(responder.link), now, rs485="rts-high")
    with pytest.raises(PortError) as error:
        port.open()
    assert error.value.code == "SBX-SER-008"
    assert not port.is_open


@pytest.mark.parametrize(("rs485", "flags"), [("rts-high", 0b011), ("rts-low", 0b101)])
def test_the_kernel_is_asked_to_switch_the_transceiver(
    responder: Responder, monkeypatch: pytest.MonkeyPatch, rs485: Rs485, flags: int
) -> None:
    """SER_RS485_ENABLED, RTS_ON_SEND, RTS_AFTER_SEND are bits 0, 1, 2 (linux/serial.h); no pty can."""
    asked: list[int] = []
    real = fcntl.ioctl

    def ioctl(fd: int, request: int, argument: object = 0, *more: bool) -> object:
        if request == 0x542E:  # TIOCGRS485
            return 0
        if request == 0x542F:  # TIOCSRS485
            asked.append(argument[0])  # type: ignore[index]  # an array of ints
            return 0
        return real(fd, request, argument, *more)  # type: ignore[call-overload]  # as it came

    monkeypatch.setattr(fcntl, "ioctl", ioctl)
    port = SerialPort(str(responder.link), now, rs485=rs485)
    port.open()
    port.close()
    assert asked == [flags]


def test_a_uart_without_parity_is_told_of(responder: Responder, tmp_path: Path) -> None:
    tty_name = Path(os.path.realpath(responder.link)).name
    node = tmp_path / "sys" / tty_name / "device" / "of_node"
    node.mkdir(parents=True)
    (node / "compatible").write_bytes(b"brcm,bcm2835-aux-uart\0")
    port = SerialPort(str(responder.link), now, sysfs=tmp_path / "sys")
    port.open()
    port.configure(Line.parse("9600 8N1"))
    assert port.notice == ""
    with contextlib.suppress(PortError):  # the pty itself may not take it
        port.configure(Line.parse("9600 8E1"))
    assert port.notice == "SBX-SER-009"
    port.close()
    (node / "compatible").write_bytes(b"arm,pl011\0arm,primecell\0")
    assert not is_mini_uart(str(responder.link), tmp_path / "sys")
    assert not is_mini_uart(str(responder.link), tmp_path / "nothing")


def test_a_gateway_with_a_line_behind_it_keeps_its_silence() -> None:
    far = BusConfig(id="g", kind="rtu-over-tcp", host="127.0.0.1")
    near = BusConfig(id="t", kind="tcp", host="127.0.0.1")
    assert open_port(far, now).serial_line
    assert not open_port(near, now).serial_line


def test_reading_waits_no_longer_than_told(responder: Responder) -> None:
    port = PtyPort(str(responder.link), now)
    port.open()
    start = now()
    assert port.read(start + 50) == b""
    assert 50 <= now() - start < 500
    assert port.pause(0.0) == b""
    port.close()
    for use in (lambda: port.read(0), lambda: port.write(b"x"), lambda: port.pause(1.0)):
        with pytest.raises(PortError) as error:
            use()
        assert error.value.code == "SBX-SER-005"


def test_a_missing_and_a_forbidden_port(tmp_path: Path) -> None:
    with pytest.raises(PortError) as error:
        SerialPort(str(tmp_path / "no"), now).open()
    assert (error.value.code, error.value.facts["port"]) == ("SBX-SER-001", str(tmp_path / "no"))
    plain = tmp_path / "plain"
    plain.write_bytes(b"")
    with pytest.raises(PortError):
        SerialPort(str(plain), now).open()


def test_which_port_a_bus_gets(responder: Responder) -> None:
    def kind(config: BusConfig) -> type[Port]:
        return type(open_port(config, now))

    assert kind(_config(responder.link)) is PtyPort
    assert kind(BusConfig(id="b", kind="serial", port="/dev/null")) is SerialPort
    assert kind(BusConfig(id="b", kind="serial", port="/dev/missing")) is SerialPort
    assert kind(BusConfig(id="b", kind="tcp", host="::1")) is TcpPort
    assert kind(BusConfig(id="b", kind="rtu-over-tcp", host="::1")) is TcpPort
    assert is_pty(str(responder.link))
    for config in (BusConfig(id="b", kind="serial"), BusConfig(id="b", kind="tcp")):
        with pytest.raises(DriverError):
            open_port(config, now)


# -- TCP


class Gateway:
    """A TCP server with one Modbus slave; RTU or MBAP frames."""

    def __init__(self, slave: ModbusSlave, *, rtu: bool, at: int = 0) -> None:
        self.slave, self.rtu = slave, rtu
        self._listener = socket.create_server(("127.0.0.1", at))
        self.port: int = self._listener.getsockname()[1]
        self._links: list[socket.socket] = []
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                link, _ = self._listener.accept()
            except OSError:
                return
            self._links.append(link)
            with contextlib.suppress(OSError):
                while request := link.recv(512):
                    link.sendall(self._reply(request))
            link.close()

    def _reply(self, request: bytes) -> bytes:
        if self.rtu:
            return b"".join(reply for _, reply in self.slave.hear(request))
        pdu = self.slave.answer(request[7:])
        return request[:4] + (len(pdu) + 1).to_bytes(2, "big") + request[6:7] + pdu

    def close(self) -> None:
        """Gone: the connection breaks and nobody listens."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for link in self._links:
            with contextlib.suppress(OSError):
                link.shutdown(socket.SHUT_RDWR)
        self._thread.join()


def _tcp(gateway: Gateway) -> tuple[BusConfig, MeterSpec]:
    kind, protocol = ("rtu-over-tcp", "modbus-rtu") if gateway.rtu else ("tcp", "modbus-tcp")
    config = BusConfig(id="t1", kind="tcp", host="127.0.0.1", tcp_port=gateway.port)
    spec = with_meter(SPEC, protocol=protocol, line=None)
    return replace(config, kind=kind), spec  # type: ignore[arg-type]  # one of two literals


@pytest.mark.parametrize("rtu", [False, True])
def test_gateway_goes_and_comes_back(rtu: bool) -> None:
    gateway = Gateway(ModbusSlave(5, REGISTERS), rtu=rtu)
    config, spec = _tcp(gateway)
    results: list[PollResult] = []
    bus = Bus(config, [spec], open_port(config, now), results.append)
    for slot in range(3):
        result = _poll(bus, results, slot)
        assert (result.error, [str(s.value) for s in result.samples]) == (None, ["2312", "2298"])
    gateway.close()
    assert _poll(bus, results, 3).error == "port"
    assert bus.state().code == "SBX-BUS-002"
    again = Gateway(ModbusSlave(5, REGISTERS), rtu=rtu, at=gateway.port)
    errors = []
    for slot in range(4, 200):
        errors.append(_poll(bus, results, slot).error)
        if errors[-1] is None:
            break
        time.sleep(0.05)
    assert (errors[-1], set(errors[:-1])) == (None, {"port"})
    bus.close()
    again.close()


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        free = listener.getsockname()[1]
    port = TcpPort("127.0.0.1", free, now)
    with pytest.raises(PortError) as error:
        port.open()
    assert (error.value.code, error.value.facts["port"]) == ("SBX-BUS-001", f"127.0.0.1:{free}")
    assert not port.is_open
