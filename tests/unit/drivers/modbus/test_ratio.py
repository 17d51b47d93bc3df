"""Ratios out of the meter's own registers, missing codes and BCD: the register types of profiles."""

from __future__ import annotations

from decimal import Decimal
from typing import cast

import pytest

from config.profile import ModbusItem, Profile, Source
from config.site import Meter
from drivers.exchange import Answer, MeterSpec
from drivers.modbus.driver import DRIVER
from drivers.modbus.pdu import Refusal
from drivers.modbus.values import take
from drivers.samples import Quality, Sample
from tests.support.words import registers as holding

NONE: frozenset[str] = frozenset()
PROFILE = Profile(
    id="m",
    title="m",
    family="modbus",
    sources=(Source(title="the test", confidence="A"),),
    ratio_source="meter",
    modbus=(
        ModbusItem(quantity="i_a", address=0x10, type="u16", scale=Decimal("0.01"), ratio="ct"),
        ModbusItem(quantity="u_a", address=0x11, type="u16", scale=Decimal("0.1"), ratio="pt"),
        ModbusItem(quantity="f", address=0x12, type="u16", scale=Decimal("0.01"), poll="slow"),
        ModbusItem(quantity="pt", address=0x8D, type="u16", poll="slow"),
        ModbusItem(quantity="ct", address=0x8E, type="u16", poll="slow"),
    ),
)
METER = Meter(id="m", bus="b", protocol="modbus-rtu", address="1", profile="m", ct=Decimal(7))
REGISTERS = {0x10: 500, 0x11: 1001, 0x12: 5000, 0x8D: 100, 0x8E: 40}


def poll(which: str, registers: dict[int, int]) -> tuple[dict[str, Sample], int]:
    going = DRIVER.poll(MeterSpec(METER, PROFILE), "slow" if which == "slow" else "fast", NONE)
    asked = 0
    answer: Answer | None = None
    try:
        while True:
            exchange = next(going) if answer is None else going.send(answer)
            asked += 1
            first, count = (int.from_bytes(exchange.request[at : at + 2], "big") for at in (2, 4))
            found = [registers.get(first + offset) for offset in range(count)]
            reply = Refusal(2) if None in found else holding(*cast("list[int]", found))
            answer = Answer(reply=reply)
    except StopIteration as stop:
        return {sample.quantity: sample for sample in stop.value.samples}, asked


def test_values_take_the_ratio_of_the_same_poll() -> None:
    samples, asked = poll("fast", REGISTERS)
    assert asked == 2
    assert {name: sample.value for name, sample in samples.items()} == {
        "i_a": Decimal("200.00"),  # not times 7: the site file has no say
        "u_a": Decimal("10010.0"),
    }
    slow, asked = poll("slow", REGISTERS)
    assert asked == 2
    assert {name: str(sample.value) for name, sample in slow.items()} == {
        "f": "50.00",
        "pt": "100",
        "ct": "40",
    }


@pytest.mark.parametrize(("ct", "quality"), [(0, Quality.INVALID), (None, Quality.UNSUPPORTED)])
def test_no_ratio_no_value(ct: int | None, quality: Quality) -> None:
    registers = {address: value for address, value in REGISTERS.items() if address != 0x8E}
    if ct is not None:
        registers[0x8E] = ct
    samples, _ = poll("fast", registers)
    assert samples["i_a"] == Sample("i_a", None, quality)
    assert samples["u_a"].value == Decimal("10010.0")


def test_a_probe_stays_one_exchange() -> None:
    going = DRIVER.probe(MeterSpec(METER, PROFILE))
    next(going)
    with pytest.raises(StopIteration):
        going.send(Answer(reply=holding(500)))


@pytest.mark.parametrize(
    ("item", "registers", "expected"),
    [
        (ModbusItem(quantity="p", address=0, type="bcd16"), (0x1234,), Decimal(1234)),
        (ModbusItem(quantity="p", address=0, type="bcd32"), (0x0012, 0x3456), Decimal(123456)),
        (ModbusItem(quantity="p", address=0, type="bcd32", order="le"), (0x3456, 0x0012), Decimal(123456)),
        (ModbusItem(quantity="p", address=0, type="bcd16"), (0x12A4,), Quality.INVALID),
        (ModbusItem(quantity="p", address=0, type="u16", missing=(0xFFFF,)), (0xFFFF,), Quality.MISSING),
        (ModbusItem(quantity="p", address=0, type="u16"), (0xFFFF,), Quality.MISSING),
        (ModbusItem(quantity="p", address=0, type="u16", missing=()), (0xFFFF,), Decimal(65535)),
        (ModbusItem(quantity="p", address=0, type="u16", missing=(0xFFFE,)), (0xFFFF,), Decimal(65535)),
        (ModbusItem(quantity="n_cover", address=0, type="u16"), (0xFFFF,), Decimal(65535)),
        (ModbusItem(quantity="phase_order", address=0, type="u16"), (0xFFFF,), Decimal(65535)),
        (ModbusItem(quantity="ct", address=0, type="u16"), (0xFFFF,), Quality.MISSING),
        (ModbusItem(quantity="p", address=0, type="i16"), (0x8000,), Quality.MISSING),
        (ModbusItem(quantity="p", address=0, type="i16"), (0xFFFF,), Decimal(-1)),
        (ModbusItem(quantity="p", address=0, type="i16"), (0x7FFF,), Decimal(32767)),
        (ModbusItem(quantity="ep_imp", address=0, type="u32"), (0xFFFF, 0xFFFF), Quality.MISSING),
        (ModbusItem(quantity="ep_imp", address=0, type="u32"), (0xFFFF, 0xFFFE), Decimal(2**32 - 2)),
        (ModbusItem(quantity="ep_imp", address=0, type="u64"), (0xFFFF,) * 4, Quality.MISSING),
        (ModbusItem(quantity="ep_imp", address=0, type="i64"), (0x8000, 0, 0, 0), Quality.MISSING),
        (ModbusItem(quantity="ep_imp", address=0, type="i64"), (0xFFFF,) * 4, Decimal(-1)),
        (ModbusItem(quantity="p", address=0, type="bcd16"), (0xFFFF,), Quality.MISSING),
        (ModbusItem(quantity="p", address=0, type="bcd32"), (0xFFFF, 0xFFFF), Quality.MISSING),
        (ModbusItem(quantity="p", address=0, type="bcd32"), (0xFFFF, 0x0001), Quality.INVALID),
        (ModbusItem(quantity="p", address=0, type="i32", order="le"), (0, 0x8000), Quality.MISSING),
        (ModbusItem(quantity="p", address=0, type="i32", order="le"), (0x8000, 0), Decimal(0x8000)),
        (
            ModbusItem(quantity="p", address=0, type="i32", order="le", missing=(0x80000000,)),
            (0, 0x8000),
            Quality.MISSING,
        ),
        (ModbusItem(quantity="p", address=0, type="i32"), (0x8000, 0), Quality.MISSING),
        (ModbusItem(quantity="p", address=0, type="i32", missing=()), (0x8000, 0), Decimal(-(2**31))),
        (ModbusItem(quantity="p", address=0, type="f32"), (0x7FC0, 0), Quality.MISSING),
        (ModbusItem(quantity="p", address=0, type="sm16"), (0x7FFF,), Decimal(32767)),
        (ModbusItem(quantity="p", address=0, type="sm16"), (0x83B6,), Decimal(-950)),
        (ModbusItem(quantity="p", address=0, type="sm16"), (0x8000,), Decimal(0)),
        (ModbusItem(quantity="p", address=0, type="sm16"), (0xFFFF,), Quality.MISSING),
        (ModbusItem(quantity="p", address=0, type="sm32"), (0x8000, 0x0064), Decimal(-100)),
        (ModbusItem(quantity="p", address=0, type="sm32"), (0x0001, 0x0000), Decimal(65536)),
        (ModbusItem(quantity="p", address=0, type="sm32", order="le"), (0x0064, 0x8000), Decimal(-100)),
        (ModbusItem(quantity="p", address=0, type="sm32"), (0xFFFF, 0xFFFF), Quality.MISSING),
    ],
)
def test_types_and_missing_codes(
    item: ModbusItem, registers: tuple[int, ...], expected: Decimal | Quality
) -> None:
    assert take(registers, item) == expected
