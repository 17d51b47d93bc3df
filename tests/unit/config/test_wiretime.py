"""The wire-time plan, against sums done by hand."""

from __future__ import annotations

import math

import pytest

from config.load import load
from config.profiles import builtin_profiles, load_profile
from config.wiretime import plan
from tests.unit.config.broken import METERS, METERS_NAME, SITE, SITE_NAME

CHARACTER_MS = 1000 * 11 / 2400  # 2400 8E1: start, 8 data, parity, stop

DLT = b"""
id = "d"
title = "d"
family = "dlt645-2007"
source = [{ title = "t", confidence = "A" }]
item = [
  { quantity = "u_a", di = "02010100", format = "XXX.X" },
  { quantity = "u_b", di = "02010200", format = "XXX.X" },
  { quantity = "p", di = "02030000", format = "XX.XXXX" },
  { quantity = "ep_imp", di = "00010000", format = "XXXXXX.XX", poll = "slow" },
]
block = [{ di = "0201FF00", items = ["02010100", "02010200"] }]
"""

MODBUS = b"""
id = "d"
title = "d"
family = "modbus"
max_gap = 2
max_registers = 8
source = [{ title = "t", confidence = "A" }]
item = [
  { quantity = "u_a", address = 0, type = "f32" },
  { quantity = "u_b", address = 4, type = "f32" },
  { quantity = "u_c", address = 8, type = "f32" },
  { quantity = "p", address = 20, type = "f32" },
  { quantity = "q", fc = 4, address = 22, type = "f32" },
]
"""

METER = """\
[site]
id = "x"
[[bus]]
id = "b"
kind = "serial"
port = "/dev/x"
[[meter]]
id = "m"
bus = "b"
protocol = "{protocol}"
address = "{address}"
profile = "d"
line = "2400 8E1"
every_s = 10
slow_every_s = 100
"""


def test_bits_take_an_eighth_of_a_byte() -> None:
    """Seven bits in one byte, though the model answers four registers at most."""
    bits = [
        f'{{ quantity = "in_{n}", fc = 2, address = {100 + 2 * n}, type = "bit" }},' for n in (1, 2, 3, 4)
    ]
    profile = MODBUS[: MODBUS.index(b"item = [")] + "\n".join(("item = [", *bits, "]")).encode()
    text = METER.format(protocol="modbus-rtu", address="1").encode()
    profiles = {"d": load_profile("d.toml", profile.replace(b"max_registers = 8", b"max_registers = 4"))}
    (bus,) = plan(load([("s.toml", text)], profiles).config, profiles)
    wire = (8 + 5 + 1) * CHARACTER_MS  # 102, 104, 106, 108 in one read
    assert bus.meters[0].fast.least == pytest.approx(wire + math.ceil(3.5 * CHARACTER_MS))


def test_dlt645_blocks_and_single_items() -> None:
    """Fast: block of 4 bytes and one item of 3; slow: one of 4. Request 20, reply 16 and the value."""
    text = METER.format(protocol="dlt645-2007", address="000000000001").encode()
    profiles = {"d": load_profile("d.toml", DLT)}
    (bus,) = plan(load([("s.toml", text)], profiles).config, profiles)
    fast = (20 + 16 + 4 + 20 + 16 + 3) * CHARACTER_MS + 2 * (20 + 20)
    slow = (20 + 16 + 4) * CHARACTER_MS + 20 + 20
    assert bus.meters[0].fast.least == pytest.approx(fast)
    assert bus.meters[0].slow.least == pytest.approx(slow)
    assert bus.share.least == pytest.approx(fast / 10_000 + slow / 100_000)
    wake_and_delay = 2 * (4 * CHARACTER_MS + 480)
    assert bus.meters[0].fast.slow == pytest.approx(fast + wake_and_delay)


def test_modbus_reads_are_merged_as_far_as_the_profile_allows() -> None:
    """0..5 in one read (a gap of 2, 6 registers), 8..9 apart (10 registers would be too many), 20..21, and
    22..23 with function 4: four reads of 6, 2, 2, 2 registers."""
    text = METER.format(protocol="modbus-rtu", address="1").encode()
    profiles = {"d": load_profile("d.toml", MODBUS)}
    (bus,) = plan(load([("s.toml", text)], profiles).config, profiles)
    gap = 17  # 3.5 characters of 4.58 ms, rounded up
    fast = (4 * 8 + 4 * 5 + 2 * 12) * CHARACTER_MS + 4 * gap
    assert bus.meters[0].fast.least == pytest.approx(fast)


def test_a_bus_without_meters_needs_nothing() -> None:
    text = METER[: METER.index("[[meter]]")].encode()
    (bus,) = plan(load([("s.toml", text)], {}).config, {})
    assert (bus.meters, bus.share.least) == ((), 0)


def test_a_network_bus_has_no_character_time() -> None:
    files = [(SITE_NAME, SITE.encode()), (METERS_NAME, METERS.encode())]
    serial, network = plan(load(files, builtin_profiles()).config, builtin_profiles())
    assert network.meters[0].fast.least == 0
    assert serial.meters[0].fast.least > 1000


def test_a_word_counts_two_bytes_and_a_meter_number_six() -> None:
    items = [
        '{ quantity = "phase_order", di = "04000507", format = "word", bit = 0, poll = "slow" },',
        '{ quantity = "in_1", di = "04000507", format = "word", bit = 9, poll = "slow" },',
        '{ quantity = "serial", di = "04000402", format = "XXXXXXXXXXXX", poll = "slow" },',
        '{ quantity = "n_cover", di = "03300D00", format = "XXXXXX", poll = "slow" },',
    ]
    profile = DLT[: DLT.index(b"item = [")] + "\n".join(("item = [", *items, "]")).encode()
    text = METER.format(protocol="dlt645-2007", address="000000000001").encode()
    profiles = {"d": load_profile("d.toml", profile)}
    (bus,) = plan(load([("s.toml", text)], profiles).config, profiles)
    wire = (3 * (20 + 16) + 2 + 6 + 3) * CHARACTER_MS + 3 * (20 + 20)
    assert bus.meters[0].slow.least == pytest.approx(wire), "two bits of one word are one exchange"


def test_eight_three_phase_meters_fit_on_a_line_of_2400_baud() -> None:
    """Each 15 s and 300 s; each 10 s they do not, with or without counters."""
    head, table = METER[: METER.index("[[meter]]")], METER[METER.index("[[meter]]") :]
    meters = [
        table.replace('id = "m"', f'id = "m{number}"')
        .replace('profile = "d"', 'profile = "dlt645-2007-3p"')
        .replace("every_s = 10\nslow_every_s = 100", "every_s = 15\nslow_every_s = 300")
        .format(protocol="dlt645-2007", address=f"{number:012d}")
        for number in range(1, 9)
    ]
    profiles = builtin_profiles()
    loaded = load([("s.toml", (head + "".join(meters)).encode())], profiles)
    (bus,) = plan(loaded.config, profiles)
    assert len(bus.meters) == 8
    assert 0.7 < bus.share.least < 0.8
