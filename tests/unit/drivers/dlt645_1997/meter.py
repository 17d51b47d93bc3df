"""A DL/T 645-1997 meter for tests, written apart from the driver: it encodes by its own means."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from config.profile import Profile
from config.profiles import builtin_profiles
from config.site import Meter
from drivers.exchange import MeterSpec
from tests.unit.drivers.dlt645.meter import Chunks, wire

ADDRESS = "123456789012"


def di(text: str) -> list[int]:
    """A DI as it goes into DATA: low byte first."""
    return [int(text[2:], 16), int(text[:2], 16)]


@dataclass
class FakeMeter1997:
    """Answers from a table DI -> data; an int is an error word, None is silence. 02H goes on after 01H."""

    address: str = ADDRESS
    items: dict[str, list[int] | int | None] = field(default_factory=dict)
    default: int | None = 0x02
    frame_data: int = 0  # longest data of one frame, 0 for no limit
    asked: list[str] = field(default_factory=list)
    at: int = 0

    def answer(self, request: bytes) -> bytes:
        """What the meter says; nothing if it is not meant, or to any function of 2007."""
        start = request.index(0x68)
        function = request[start + 8]
        data = [(byte - 51) % 256 for byte in request[start + 10 : -2]]
        told = bytes(reversed(request[start + 1 : start + 7])).hex()
        assert request == wire(told, function, data, fe=4), request.hex()
        if told != self.address or function not in (1, 2) or len(data) != 2:
            return b""
        name = f"{data[1]:02X}{data[0]:02X}"
        self.asked.append(name if function == 1 else f"{name}+")
        found = self.items.get(name, self.default)
        if found is None:
            return b""
        if isinstance(found, int):
            return wire(self.address, 0xC1, [found])
        self.at = 0 if function == 1 else self.at
        step = self.frame_data or 255
        mine = found[self.at : self.at + step]
        self.at += step
        more = 0x20 if self.at < len(found) else 0
        return wire(self.address, 0x80 | function | more, [*data, *mine])


def direct(meter: FakeMeter1997) -> Callable[[bytes], Chunks]:
    """A line with one meter and nothing wrong."""
    return lambda request: [meter.answer(request)]


def spec(made: Profile | None = None) -> MeterSpec:
    """The generic profile's meter, without transformers."""
    meter = Meter(id="m", bus="b", protocol="dlt645-1997", address=ADDRESS, profile="dlt645-1997-3p")
    return MeterSpec(meter, made or builtin_profiles()["dlt645-1997-3p"])
