"""Small declared meters for tests of the bus and of drivers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from config.profile import DltItem, ModbusItem, ModbusType, PollClass, Profile
from config.site import Bus, Line, Meter
from drivers.exchange import MeterSpec

SERIAL = Bus(id="b1", kind="serial", port="/dev/null")
TCP = Bus(id="t1", kind="tcp", host="localhost")
MODBUS_LINE = Line(9600, 8, "N", 1)
DLT_LINE = Line(2400, 8, "E", 1)


def item(
    quantity: str,
    address: int,
    kind: ModbusType = "u16",
    *,
    poll: PollClass = "fast",
    scale: str = "1",
) -> ModbusItem:
    """A register of function 3."""
    return ModbusItem(quantity=quantity, address=address, type=kind, poll=poll, scale=Decimal(scale))


def modbus(
    name: str,
    unit: int,
    items: Sequence[ModbusItem],
    *,
    protocol: str = "modbus-rtu",
    max_gap: int = 0,
) -> MeterSpec:
    """A Modbus meter on the bus ``b1``."""
    meter = Meter(
        id=name,
        bus="b1",
        protocol=protocol,
        address=str(unit),
        profile="m",
        line=MODBUS_LINE if protocol == "modbus-rtu" else None,
    )
    profile = Profile(
        id="m", title="m", family="modbus", sources=(), modbus=tuple(items), max_gap=max_gap, phases=1
    )
    return MeterSpec(meter, profile)


def dlt(name: str, address: str, items: Sequence[DltItem]) -> MeterSpec:
    """A DL/T 645-2007 meter on the bus ``b1``."""
    meter = Meter(id=name, bus="b1", protocol="dlt645-2007", address=address, profile="d", line=DLT_LINE)
    return MeterSpec(
        meter, Profile(id="d", title="d", family="dlt645-2007", sources=(), dlt=tuple(items), phases=1)
    )


VOLTAGE = DltItem(quantity="u_a", di="02010100", format="XXX.X")
CURRENT = DltItem(quantity="i_a", di="02020100", format="XXX.XXX", signed=True)
ENERGY = DltItem(quantity="ep_imp", di="00010000", format="XXXXXX.XX", poll="slow")


def with_meter(spec: MeterSpec, **changes: object) -> MeterSpec:
    """``spec`` with other settings of its meter."""
    return replace(spec, meter=replace(spec.meter, **changes))  # type: ignore[arg-type]  # names checked at run time
