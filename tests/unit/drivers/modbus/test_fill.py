"""A register without a value never becomes one, from the wire to the result of a poll."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Literal

import pytest

from config.profile import ModbusItem, Profile
from config.profiles import builtin_profiles
from config.site import Line, Meter
from drivers.bus import Bus, Job
from drivers.exchange import MeterSpec
from drivers.modbus.values import WORDS
from drivers.samples import PollResult, Quality
from tests.support.line import FakePort, ModbusSlave, run
from tests.support.specs import SERIAL, item, modbus

INTEGERS = [
    (profile, one) for profile in builtin_profiles().values() for one in profile.modbus if one.type[0] != "f"
]


class Everywhere(dict[int, int]):
    """Registers of an address space without holes: one word wherever nothing else is set."""

    def __init__(self, word: int, **_: int) -> None:
        super().__init__()
        self.word = word

    def __missing__(self, address: int) -> int:
        return self.word

    def __contains__(self, address: object) -> bool:
        return True


def read(
    profile: Profile, registers: Mapping[int, int], polls: tuple[Literal["fast", "slow"], ...], times: int = 1
) -> list[PollResult]:
    """What the bus says of a meter on a line with ratio 40, each class read ``times``."""
    ct = Decimal(40) if profile.ratio_source == "site" else Decimal(1)
    meter = Meter(
        id="m",
        bus=SERIAL.id,
        protocol="modbus-rtu",
        address="1",
        profile=profile.id,
        line=Line.parse("9600 8N1"),
        ct=ct,
    )
    port, results = FakePort(ModbusSlave(1, registers)), list[PollResult]()
    bus = Bus(SERIAL, [MeterSpec(meter, profile)], port, results.append)
    start = port.now()
    for slot in range(times):
        for poll in polls:
            bus.submit(Job("m", poll, slot, start + slot * 10_000))
        run(bus, port, start + (slot + 1) * 10_000)
    assert len(results) == times * len(polls)
    return results


@pytest.mark.parametrize("name", sorted({profile.id for profile, _ in INTEGERS}))
def test_a_meter_that_answers_ffff_everywhere_has_no_value(name: str) -> None:
    """Acrel ADL400 with ratio 40 said 6553.5 V, 655.35 Hz and 1717986918 kWh; its signed powers, -0.04 kW."""
    for result in read(builtin_profiles()[name], Everywhere(0xFFFF), ("fast", "slow"), times=5):
        assert {sample.quality for sample in result.samples} == {Quality.MISSING}
        assert result.error == "refused", "the meter answers, and has a value for nothing"


def fill(one: ModbusItem) -> tuple[int, ...]:
    """Written once more: all ones, of a two's complement the top bit alone; in the order of the wire."""
    words = WORDS[one.type]
    if one.missing is not None:
        (code,) = one.missing
        high_first = tuple(code >> 16 * at & 0xFFFF for at in range(words - 1, -1, -1))
    else:
        high_first = (0xFFFF,) * words if one.type[0] != "i" else (0x8000, *(0,) * (words - 1))
    return high_first if one.order == "be" else high_first[::-1]


@pytest.mark.parametrize(
    ("profile", "one"), INTEGERS, ids=[f"{profile.id} {one.quantity}" for profile, one in INTEGERS]
)
def test_the_fill_of_each_integer_of_each_built_in_profile_is_missing(
    profile: Profile, one: ModbusItem
) -> None:
    """Beside neighbours that have a value: zero volts, zero amperes; ratios of one."""
    registers = Everywhere(0)
    registers.update({ratio.address: 1 for ratio in profile.modbus if ratio.quantity in ("ct", "pt")})
    registers.update({one.address + at: word for at, word in enumerate(fill(one))})
    (result,) = read(profile, registers, (one.poll,))
    told = {sample.quantity: sample.quality for sample in result.samples}
    assert told[one.quantity] is Quality.MISSING
    if one.quantity not in ("ct", "pt"):
        assert {quality for name, quality in told.items() if name != one.quantity} <= {Quality.GOOD}


def test_minus_one_is_a_value() -> None:
    """Idle phases may well say -1 W each; alone on the wire, or beside a voltage, that is what they said."""
    powers = [item(name, at, "i32", scale="0.001") for at, name in ((2, "p_a"), (4, "p_b"), (6, "p_c"))]
    for volts, items in ((2301, [item("u_a", 0, scale="0.1"), *powers]), (0, powers)):
        registers = Everywhere(0xFFFF)
        registers[0] = volts
        spec = modbus("m", 1, items)
        (result,) = read(replace(spec.profile, ratio_source="meter"), registers, ("fast",))
        told = {sample.quantity: str(sample.value) for sample in result.samples}
        assert told == ({"u_a": "230.1"} if volts else {}) | dict.fromkeys(("p_a", "p_b", "p_c"), "-0.001")


def test_a_voltage_that_is_fill_leaves_the_powers_that_are_not() -> None:
    """One input without a transformer, on a meter that measures."""
    items = [item("u_a", 0), item("p_a", 2, "i16", scale="0.001"), item("p_b", 3, "i16", scale="0.001")]
    registers = {0: 0xFFFF, 2: 0xFFFF, 3: 5}
    spec = modbus("m", 1, items)
    (result,) = read(replace(spec.profile, ratio_source="meter"), registers, ("fast",))
    assert {s.quantity: str(s.value) for s in result.samples} == {
        "u_a": "None",
        "p_a": "-0.001",
        "p_b": "0.005",
    }


def test_what_no_plant_has_is_no_value_even_where_each_pattern_is_one() -> None:
    """The same meter under a profile that switches the fill off: beyond the bounds all the same."""
    profile = builtin_profiles()["acrel-adl400"]
    each = replace(profile, modbus=tuple(replace(one, missing=()) for one in profile.modbus))
    for result in read(each, Everywhere(0xFFFF), ("fast", "slow"), times=6):
        told = {sample.quantity: sample.quality for sample in result.samples}
        beyond = {name for name in told if name == "f" or name.startswith("u_")}
        assert beyond
        assert {told[name] for name in beyond} == {Quality.INVALID}
