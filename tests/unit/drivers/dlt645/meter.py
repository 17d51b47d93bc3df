"""A DL/T 645-2007 meter for tests, and a line that drives a poll.

Written apart from drivers/dlt645 on purpose: it encodes by its own means, so that the two can disagree.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, field
from typing import Literal, TypeVar

from drivers.exchange import Answer, Exchange

Result = TypeVar("Result")
Chunks = list[bytes]


def wire(address: str, control: int, data: Iterable[int] = (), *, fe: int = 0) -> bytes:
    """A frame as a meter or master puts it on the wire; ``data`` without 33H."""
    payload = [(byte + 51) % 256 for byte in data]
    digits = [int(address[at : at + 2], 16) for at in range(10, -1, -2)]
    body = [104, *digits, 104, control, len(payload), *payload]
    return bytes([254] * fe + body + [sum(body) % 256, 22])


def di(text: str) -> list[int]:
    """A DI as it goes into DATA."""
    return [int(text[at : at + 2], 16) for at in (6, 4, 2, 0)]


def bcd(value: str, size: int) -> list[int]:
    """A decimal as BCD, low byte first, the sign in the top bit; ``value`` has the item's decimals."""
    number = value.lstrip("-").replace(".", "").rjust(2 * size, "0")
    assert len(number) == 2 * size, value
    out = [16 * int(number[at]) + int(number[at + 1]) for at in range(2 * size - 2, -1, -2)]
    if value.startswith("-"):
        assert out[-1] < 128, value
        out[-1] += 128
    return out


@dataclass
class FakeMeter:
    """Answers from a table DI -> data; an int is an error word, None is silence."""

    address: str = "123456789012"
    items: dict[str, list[int] | int | None] = field(default_factory=dict)
    default: int | None = 0x02
    frame_data: int = 0  # longest data of one frame, 0 for no limit: more is given by 12H
    asked: list[str] = field(default_factory=list)

    def answer(self, request: bytes) -> bytes:
        """What the meter says to a request; nothing if it is not meant."""
        start = request.index(0x68)
        address, function = request[start + 1 : start + 7], request[start + 8]
        data = [(byte - 51) % 256 for byte in request[start + 10 : -2]]
        assert request == wire(address[::-1].hex(), function, data, fe=4), request.hex()
        own = bytes(reversed(bytes.fromhex(self.address)))
        if any(asked not in (0xAA, told) for asked, told in zip(address, own, strict=True)):
            return b""
        if function == 0x13:
            return wire(self.address, 0x93, own)
        name = "".join(f"{byte:02X}" for byte in reversed(data[:4]))
        self.asked.append(name if function == 0x11 else f"{name}#{data[4]}")
        found = self.items.get(name, self.default)
        if found is None:
            return b""
        if isinstance(found, int):
            return wire(self.address, 0xD1, [found])
        return self.part(data[:4], found, 0 if function == 0x11 else data[4])

    def part(self, name: list[int], data: list[int], seq: int) -> bytes:
        """Frame ``seq`` of ``data``, 0 for the first."""
        step = self.frame_data or 255
        mine = data[seq * step : (seq + 1) * step]
        more = 0x20 if len(data) > (seq + 1) * step else 0
        control = (0x91 if seq == 0 else 0x92) | more
        return wire(self.address, control, [*name, *mine, *([seq] if seq else [])])


@dataclass
class Played:
    """What the line saw."""

    labels: list[str] = field(default_factory=list)
    foreign: int = 0
    echo: int = 0
    checksum: int = 0
    dropped: int = 0


def play(
    exchanges: Generator[Exchange, Answer, Result],
    line: Callable[[bytes], Chunks | Literal["port"]],
    played: Played | None = None,
) -> Result:
    """Drive a generator as a bus does, without time: all chunks of a reply come, then comes the timeout."""
    played = played or Played()
    try:
        exchange = next(exchanges)
        while True:
            assert len(played.labels) < 1000
            played.labels.append(exchange.label)
            chunks = line(exchange.request)
            answer = Answer(failure="port") if chunks == "port" else listen(exchange, chunks, played)
            exchange = exchanges.send(answer)
    except StopIteration as end:
        result: Result = end.value
        return result


def listen(exchange: Exchange, chunks: Iterable[bytes], played: Played) -> Answer:
    """Scan chunk by chunk until the reply is there."""
    rest, noise = b"", 0
    for chunk in chunks:
        scan = exchange.scan(rest + chunk)
        assert len(scan.rest) <= 4 + 12 + 255
        rest = scan.rest
        noise += scan.checksum + scan.dropped
        played.foreign += scan.foreign
        played.echo += scan.echo
        played.checksum += scan.checksum
        played.dropped += scan.dropped
        if scan.reply is not None:
            assert scan.frame
            return Answer(reply=scan.reply)
    return Answer(failure="garbled" if noise or rest else "no_reply")


def direct(meter: FakeMeter) -> Callable[[bytes], Chunks]:
    """A line with one meter and nothing wrong."""
    return lambda request: [meter.answer(request)]
