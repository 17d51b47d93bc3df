"""A line in virtual time: a port, the meters on it and what goes wrong. No thread, no sleep, no real clock.

::

    port = FakePort(ModbusSlave(5, {0x2006: 7}), Meter645("000000000012", {"02010100": "2312"}))
    bus = Bus(config, specs, port, results.append)
    run(bus, port, until_ms=60_000)

The meters' frames are built here and share no code with the product's drivers. Every character takes its time
on the wire; what overlaps is heard interleaved, as on a real pair of wires.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from config.site import Line
from drivers.bus import Bus
from drivers.ports import PortError

Replies = Sequence[tuple[float, bytes]]  # (ms after the end of the request, bytes)
Fault = Callable[[bytes, Replies], Replies]  # (request, sound replies) -> what really happens


class OnLine(Protocol):
    """Something that hears each request."""

    def hear(self, request: bytes) -> Replies:
        """What it says, and when."""


@dataclass(frozen=True, slots=True)
class Sent:
    """One request as the line saw it."""

    start_ms: float
    end_ms: float
    line: Line | None
    data: bytes
    silence_ms: float  # since the last character on the line


class FakePort:
    """`drivers.ports.Port` in virtual time."""

    def __init__(self, *meters: OnLine, serial_line: bool = True, echo: bool = False) -> None:
        self.serial_line = serial_line
        self.notice = ""
        self.grain_ms = 0.0
        self.meters = list(meters)
        self.echo = echo
        self.gone = False  # every use raises
        self.refuse_settings = False
        self.vanish_at: float | None = None
        self.sent: list[Sent] = []
        self.asked: list[Line] = []  # settings asked for, each change
        self.opens = 0
        self.wakeups = 0
        self._open = False
        self._time = 100_000.0
        self._busy_until = 0.0
        self._line: Line | None = None
        self._coming: list[tuple[float, int, int]] = []  # (arrival, order, byte)
        self._order = 0

    @property
    def is_open(self) -> bool:
        return self._open

    def open(self) -> None:
        self._alive("SBX-SER-001")
        self.opens += 1
        self._open = True
        self._coming = [one for one in self._coming if one[0] > self._time]

    def close(self) -> None:
        self._open = False
        self._line = None

    def configure(self, line: Line | None) -> None:
        self._alive()
        if line is None or line == self._line:
            return
        if self.refuse_settings:
            raise PortError("SBX-SER-006", port="fake", reason="(22, 'Invalid argument')")
        self._line = line
        self.asked.append(line)

    def write(self, data: bytes) -> None:
        self._alive()
        start = self._time
        earlier = [one[0] for one in self._coming if one[0] <= start]
        last = max([self._busy_until, *earlier])
        end = start + self._ms(len(data))
        self.sent.append(Sent(start, end, self._line, data, round(start - last, 6)))
        self._busy_until = max(self._busy_until, end)
        if self.echo:
            self.say(0.0, data, start)
        for meter in self.meters:
            for delay, reply in meter.hear(data):
                self.say(delay, reply, end)

    def say(self, delay_ms: float, data: bytes, from_ms: float | None = None) -> None:
        """Put bytes on the line ``delay_ms`` after ``from_ms`` (or now), at line speed."""
        start = (self._time if from_ms is None else from_ms) + delay_ms
        for index, byte in enumerate(data, 1):
            self._order += 1
            heapq.heappush(self._coming, (start + self._ms(index), self._order, byte))

    def read(self, until_ms: float) -> bytes:
        return self._wait(max(0.0, until_ms - self._time))

    def pause(self, ms: float) -> bytes:
        return self._wait(ms)

    def sleep(self, ms: float) -> None:
        if ms > 0:
            self.wakeups += 1
            self._time += ms

    def now(self) -> int:
        return int(self._time)

    def moment(self) -> float:
        return self._time

    def advance(self, until_ms: float) -> None:
        """Let time pass outside the bus."""
        self._time = max(self._time, until_ms)

    def _wait(self, ms: float) -> bytes:
        self._alive()
        end = self._time + ms
        if not self._coming or self._coming[0][0] > end:
            self.wakeups += ms > 0
            self._time = end
            self._alive()
            return b""
        if self._coming[0][0] > self._time:
            self.wakeups += 1
            self._time = self._coming[0][0]
        self._alive()
        data = bytearray()
        while self._coming and self._coming[0][0] <= self._time:
            arrived, _, byte = heapq.heappop(self._coming)
            self._busy_until = max(self._busy_until, arrived)
            data.append(byte)
        return bytes(data)

    def _alive(self, code: str = "SBX-SER-005") -> None:
        if self.gone or (self.vanish_at is not None and self._time >= self.vanish_at):
            raise PortError(code, port="fake", reason="gone")

    def _ms(self, characters: int) -> float:
        return 0.0 if self._line is None else self._line.seconds(characters) * 1000


def _nothing_due(now_ms: int) -> float:
    return now_ms + 3_600_000


def run(bus: Bus, port: FakePort, until_ms: float, submit: Callable[[int], float] = _nothing_due) -> None:
    """Step ``bus`` until ``until_ms``; ``submit`` is called with the time before each step, and says when it
    next wants to be."""
    while port.now() < until_ms:
        next_ms = submit(port.now())
        due = bus.step(port.now())
        port.advance(min(max(due, port.now()), max(next_ms, port.now()), until_ms))


# -- meters


def sound(request: bytes, replies: Replies) -> Replies:
    """No fault."""
    del request
    return replies


@dataclass(slots=True)
class ModbusSlave:
    """A Modbus RTU slave: registers by address; a read that touches another address gets exception 2."""

    unit: int
    registers: Mapping[int, int]
    fault: Fault = sound
    delay_ms: float = 20.0
    holes: frozenset[int] = frozenset()  # first addresses of reads that are declined, whatever they hold
    heard: list[tuple[int, int, int]] = field(default_factory=list)  # (function, address, count)

    def hear(self, request: bytes) -> Replies:
        if len(request) != 8 or request[0] != self.unit or crc(request[:6]) != request[6:]:
            return ()
        return self.fault(request, ((self.delay_ms, self._frame(self.answer(request[1:6]))),))

    def answer(self, pdu: bytes) -> bytes:
        """The reply PDU to a read PDU."""
        function = pdu[0]
        address, count = int.from_bytes(pdu[1:3], "big"), int.from_bytes(pdu[3:5], "big")
        self.heard.append((function, address, count))
        wanted = range(address, address + count)
        if any(one in self.holes or one not in self.registers for one in wanted):
            return bytes((function | 0x80, 2))
        return bytes((function, 2 * count)) + b"".join(self.registers[r].to_bytes(2, "big") for r in wanted)

    def _frame(self, pdu: bytes) -> bytes:
        body = bytes((self.unit,)) + pdu
        return body + crc(body)


def crc(data: bytes) -> bytes:
    """CRC-16/MODBUS bit by bit, apart from the product's table."""
    value = 0xFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0xA001 if value & 1 else 0)
    return value.to_bytes(2, "little")


@dataclass(slots=True)
class TcpSlave:
    """A Modbus TCP server for one slave: hears MBAP frames."""

    slave: ModbusSlave
    fault: Fault = sound

    def hear(self, request: bytes) -> Replies:
        if request[6] != self.slave.unit:
            return ()
        pdu = self.slave.answer(request[7:])
        head = request[:4] + (len(pdu) + 1).to_bytes(2, "big") + request[6:7]
        return self.fault(request, ((self.slave.delay_ms, head + pdu),))


@dataclass(slots=True)
class Meddler:
    """A device that answers every Modbus request as another unit, and first."""

    unit: int = 6

    def hear(self, request: bytes) -> Replies:
        body = bytes((self.unit, request[1], 2 * request[5])) + b"\x11" * (2 * request[5])
        return ((5.0, body + crc(body)),)


@dataclass(slots=True)
class Meter645:
    """A DL/T 645-2007 meter: DI to data, both as people write them (high byte first)."""

    address: str
    data: Mapping[str, str]
    fault: Fault = sound
    delay_ms: float = 30.0
    preamble: bytes = b"\xfe\xfe"
    heard: list[str] = field(default_factory=list)

    def hear(self, request: bytes) -> Replies:
        frame = request.lstrip(b"\xfe")
        wire_address = bytes.fromhex(self.address)[::-1]
        if frame[:1] != b"\x68" or frame[1:7] != wire_address or frame[8] != 0x11:
            return ()
        di = bytes((byte - 0x33) & 0xFF for byte in frame[10:14])[::-1].hex().upper()
        self.heard.append(di)
        if di in self.data:
            control = 0x91
            content = bytes.fromhex(di)[::-1] + bytes.fromhex(self.data[di])[::-1]
        else:
            control, content = 0xD1, b"\x02"
        body = b"\x68" + wire_address + bytes((0x68, control, len(content)))
        body += bytes((byte + 0x33) & 0xFF for byte in content)
        reply = self.preamble + body + bytes((sum(body) & 0xFF, 0x16))
        return self.fault(request, ((self.delay_ms, reply),))


# -- faults


def mute(request: bytes, replies: Replies) -> Replies:
    """A meter without supply."""
    del request, replies
    return ()


def late(ms: float) -> Fault:
    """Every reply comes ``ms`` later."""
    return lambda request, replies: [(delay + ms, data) for delay, data in replies]


def led_by(junk: bytes) -> Fault:
    """Glitch bytes directly before the reply."""
    return lambda request, replies: [(delay, junk + data) for delay, data in replies]


def flipped(at: int = 3) -> Fault:
    """One bit of each reply is wrong."""

    def fault(request: bytes, replies: Replies) -> Replies:
        return [(d, data[:at] + bytes((data[at] ^ 1,)) + data[at + 1 :]) for d, data in replies]

    return fault


def in_turn(faults: Iterable[Fault]) -> Fault:
    """The n-th request meets the n-th fault; the last one stays."""
    rest: Iterator[Fault] = iter(faults)
    current: list[Fault] = [sound]

    def fault(request: bytes, replies: Replies) -> Replies:
        current[0] = next(rest, current[0])
        return current[0](request, replies)

    return fault
