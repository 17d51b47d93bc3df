"""How much of each bus's time the polls need: bytes x character time + the meters' delay + gaps (DESIGN 5).

::

    request ---- delay ---- reply ---- gap      one exchange
    blocks + single items, or merged registers  one poll
    sum over meters of poll time / interval     the bus's load, 100 % = no time left
    one turn of protocols / shortest interval   on a line that carries several: each change needs silence

Two figures: ``least`` with the shortest delay a meter may take, ``slow`` with a long one. A plan whose
*least* load passes 100 % cannot fit and is refused; one whose *slow* load does is a warning.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from config.profile import (
    BIT_FUNCTIONS,
    ModbusItem,
    PollClass,
    Profile,
    data_bytes,
    most_cells,
    ratio_items,
)
from config.protocols import PROTOCOLS
from config.site import Bus, Meter, SiteConfig
from config.source import Problems
from config.tables import Parts

DLT_DELAY_MS = (20, 500)  # Td of DL/T 645-2007, least and most (facts: link layer)
MODBUS_DELAY_MS = (0, 100)  # no bound in the standard: nothing, and a planning figure of ours
DLT_GAP_MS = 20  # DESIGN 5; Modbus RTU adds nothing to its 3.5 characters
MIXED_MS = 50  # DESIGN 5: silence where the line changes protocol
DLT_REQUEST = 20  # 4 wake-up bytes, 12 of frame, 4 of DI
DLT_REPLY = 16  # frame and DI without the value; wake-up bytes of the reply come on top
DLT_WAKE = 4
RTU_REQUEST, RTU_REPLY = 8, 5  # unit, function, 4, CRC 2 | unit, function, count, CRC 2
SILENT_CHARACTERS = 3.5
_WORDS: Mapping[str, int] = {
    "u16": 1,
    "i16": 1,
    "sm16": 1,
    "bcd16": 1,
    "u32": 2,
    "i32": 2,
    "f32": 2,
    "sm32": 2,
    "bcd32": 2,
    "u64": 4,
    "i64": 4,
    "f64": 4,
    "bit": 1,
}


@dataclass(frozen=True, slots=True)
class Load:
    """Milliseconds of bus time, least and slow."""

    least: float
    slow: float

    def __add__(self, other: Load) -> Load:
        return Load(self.least + other.least, self.slow + other.slow)

    def over(self, seconds: int) -> Load:
        """As a share of an interval: 1.0 = all of it."""
        return Load(self.least / (1000 * seconds), self.slow / (1000 * seconds))


@dataclass(frozen=True, slots=True)
class MeterPlan:
    """Time of one poll of each class, and the share of the bus both take."""

    meter: str
    fast: Load
    slow: Load
    share: Load
    every_s: int
    slow_every_s: int


@dataclass(frozen=True, slots=True)
class BusPlan:
    """All meters of a bus, and what changes of protocol take; ``share`` 1.0 = the bus is never free."""

    bus: str
    meters: tuple[MeterPlan, ...]
    changes: Load
    share: Load

    def fitting_s(self, every_s: int) -> int:
        """The interval with which the bus keeps a fifth of its time free even where meters are slow."""
        return max(every_s, math.ceil(every_s * self.share.slow * 1.25))


def plan(config: SiteConfig, profiles: Mapping[str, Profile]) -> tuple[BusPlan, ...]:
    """The plan of each bus, in file order."""
    plans = []
    for bus in config.buses:
        meters = tuple(
            _meter_plan(meter, bus, profiles[meter.profile]) for meter in config.meters if meter.bus == bus.id
        )
        changes = _changes([meter for meter in config.meters if meter.bus == bus.id], bus)
        share = sum((meter.share for meter in meters), changes)
        plans.append(BusPlan(bus.id, meters, changes, share))
    return tuple(plans)


def _changes(meters: Sequence[Meter], bus: Bus) -> Load:
    """Within the shortest interval the bus reads all meters of one protocol, then those of the next, and so
    round once: so often the line needs more silence than its meters do anyway."""
    protocols = {meter.protocol for meter in meters}
    if len(protocols) < 2 or bus.kind == "tcp":
        return Load(0, 0)
    usual = max(_gap_ms(meter, bus) for meter in meters)
    turn = len(protocols) * max(0, MIXED_MS - usual)
    return Load(turn, turn).over(min(meter.every_s for meter in meters))


def check_wire_time(
    config: SiteConfig, profiles: Mapping[str, Profile], parts: Parts, problems: Problems, warnings: Problems
) -> tuple[BusPlan, ...]:
    """Refuse a bus that cannot keep its intervals, warn of one that may not; with the numbers."""
    plans = plan(config, profiles)
    for bus in plans:
        if bus.share.slow <= 1:
            continue
        code, found, share = "SBX-CFG-091", warnings, bus.share.slow
        if bus.share.least > 1:
            code, found, share = "SBX-CFG-090", problems, bus.share.least
        slowest = max(bus.meters, key=lambda meter: meter.share.least)
        found.add(
            code,
            parts.place("bus", bus.bus, "id"),
            percent=math.ceil(share * 100),
            meters=len(bus.meters),
            slowest=slowest.meter,
            slowest_ms=math.ceil(slowest.fast.least),
            factor=f"{math.ceil(share * 12) / 10:.1f}",
        )
    return plans


def _meter_plan(meter: Meter, bus: Bus, profile: Profile) -> MeterPlan:
    fast, slow = (_poll(meter, bus, profile, poll) for poll in ("fast", "slow"))
    share = fast.over(meter.every_s) + slow.over(meter.slow_every_s)
    return MeterPlan(meter.id, fast, slow, share, meter.every_s, meter.slow_every_s)


def _poll(meter: Meter, bus: Bus, profile: Profile, poll: PollClass) -> Load:
    dlt = profile.family != "modbus"
    replies = _dlt_replies(profile, poll) if dlt else _modbus_replies(profile, poll)
    request, least, most = (DLT_REQUEST, *DLT_DELAY_MS) if dlt else (RTU_REQUEST, *MODBUS_DELAY_MS)
    gap = _gap_ms(meter, bus)
    most = min(most, math.ceil(meter.reply_timeout_s * 1000))
    total = Load(0, 0)
    for reply in replies:
        wire = 0.0
        if meter.line is not None and bus.kind != "tcp":
            wire = 1000 * meter.line.seconds(request + reply)
        wake = 1000 * meter.line.seconds(DLT_WAKE) if dlt and meter.line is not None else 0
        total += Load(wire + least + gap, wire + wake + most + gap)
    return total


def _gap_ms(meter: Meter, bus: Bus) -> float:
    """Silence before each request."""
    usual = 0 if PROTOCOLS[meter.protocol].family == "modbus" else DLT_GAP_MS
    gap = usual if meter.gap_ms is None else meter.gap_ms
    if meter.line is None or bus.kind == "tcp":
        return gap
    return max(gap, math.ceil(1000 * meter.line.seconds(SILENT_CHARACTERS)))


def _dlt_replies(profile: Profile, poll: PollClass) -> Sequence[int]:
    """Reply lengths of a poll: a block whose items are all of this class, else the items one by one."""
    wanted = {item.di: item for item in profile.dlt if item.poll == poll}
    replies = []
    for block in profile.blocks:
        if all(di in wanted for di in block.items):
            replies.append(DLT_REPLY + sum(data_bytes(wanted.pop(di)) for di in block.items))
    return [*replies, *(DLT_REPLY + data_bytes(item) for item in wanted.values())]


def _modbus_replies(profile: Profile, poll: PollClass) -> Sequence[int]:
    """Reply lengths of a poll, registers merged as far as the profile allows."""
    items = sorted(read_items(profile, poll), key=lambda i: (i.fc, i.address))
    reads: list[tuple[int, int, int]] = []  # function code, first, behind the last
    for item in items:
        end = item.address + words(item)
        if reads and _joins(reads[-1], item, end, profile):
            reads[-1] = (item.fc, reads[-1][1], end)
        else:
            reads.append((item.fc, item.address, end))
    return [RTU_REPLY + _bytes(fc, end - first) for fc, first, end in reads]


def _bytes(fc: int, cells: int) -> int:
    """Of a reply's data: two a register, eight bits in one."""
    return (cells + 7) // 8 if fc in BIT_FUNCTIONS else 2 * cells


def _joins(read: tuple[int, int, int], item: ModbusItem, end: int, profile: Profile) -> bool:
    fc, first, behind = read
    near = item.address - behind <= profile.max_gap
    return fc == item.fc and near and end - first <= most_cells(fc, profile.max_registers)


def read_items(profile: Profile, poll: PollClass) -> tuple[ModbusItem, ...]:
    """What a poll reads: the items of its class and, where they are needed and in the meter, the ratios."""
    wanted = tuple(item for item in profile.modbus if item.poll == poll)
    return (*wanted, *(item for item in ratio_items(profile, wanted) if item not in wanted))


def words(item: ModbusItem) -> int:
    """Registers a value takes; of a bit, itself."""
    return _WORDS[item.type]
