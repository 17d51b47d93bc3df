"""Meters whose every reply names the request it answers: a value in the wrong place shows at once.

::

    ledger.last["m1", "a"] = 17      the 17th request of this run was the newest one for item a of m1
    sample a of m1 says 17           good; 12 would be an older reply booked to it

Items are ``a`` and ``b`` of each meter, equal in length, so that nothing but their content tells them apart.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from config.profile import DltItem
from drivers.exchange import MeterSpec
from drivers.samples import PollResult, Sample
from tests.support.line import Fault, Meter645, ModbusSlave, OnLine, sound
from tests.support.specs import dlt, item, modbus

ITEMS_645 = (
    DltItem(quantity="a", di="02020100", format="XXX.XXX"),
    DltItem(quantity="b", di="02020200", format="XXX.XXX"),
)
ITEMS_MODBUS = (item("a", 0, "u32"), item("b", 100, "u32"))
ADDRESSES = {"modbus1": "1", "modbus2": "104", "dlt1": "000000000012", "dlt2": "000068166801"}


@dataclass(slots=True)
class Ledger:
    """The number of the last request for each item of each meter."""

    last: dict[tuple[str, str], int] = field(default_factory=dict)
    count: int = 0

    def ask(self, meter: str, name: str) -> int:
        self.count += 1
        number = (4 if name == "a" else 5) * 100_000 + self.count
        self.last[meter, name] = number
        return number


class _Slave(ModbusSlave):
    def __init__(self, meter: str, ledger: Ledger, fault: Fault) -> None:
        ModbusSlave.__init__(self, int(ADDRESSES[meter]), {}, fault)
        self.meter, self.ledger = meter, ledger

    def answer(self, pdu: bytes) -> bytes:
        name = "a" if pdu[1:3] == b"\x00\x00" else "b"
        return bytes((3, 4)) + self.ledger.ask(self.meter, name).to_bytes(4, "big")


class _Data(dict[str, str]):
    def __init__(self, meter: str, ledger: Ledger) -> None:
        super().__init__({one.di: "" for one in ITEMS_645})
        self.meter, self.ledger = meter, ledger

    def __getitem__(self, di: str) -> str:
        return f"{self.ledger.ask(self.meter, 'a' if di == ITEMS_645[0].di else 'b'):06d}"


def meter(name: str, ledger: Ledger, fault: Fault = sound) -> OnLine:
    """The meter ``name`` of `ADDRESSES` on a line."""
    if name.startswith("modbus"):
        return _Slave(name, ledger, fault)
    return Meter645(ADDRESSES[name], _Data(name, ledger), fault)


def spec(name: str) -> MeterSpec:
    """The same meter as a bus is told of it."""
    if name.startswith("modbus"):
        return modbus(name, int(ADDRESSES[name]), ITEMS_MODBUS)
    return dlt(name, ADDRESSES[name], ITEMS_645)


def number(sample: Sample) -> int | None:
    """What a sample says, as the number of a request."""
    if sample.value is None:
        return None
    return int(f"{sample.value:f}".replace(".", ""))


def misbooked(result: PollResult, ledger: Ledger) -> list[tuple[str, int]]:
    """Item and number of each value that is not the answer to the newest request for it."""
    told = [(sample.quantity, number(sample)) for sample in result.samples]
    return [(name, n) for name, n in told if n is not None and n != ledger.last.get((result.meter, name))]
