"""The closed vocabulary of quantities (DESIGN 11). Drivers, rules, records and charts use these names alone.

Values are always primary values in the unit given here. Never holds a conversion: scales live in profiles.

>>> QUANTITIES["u_a"].unit
'V'
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

_PHASES = {"a": ("A", "A 相"), "b": ("B", "B 相"), "c": ("C", "C 相")}
# Events that a meter counts; titles as in DL/T 645-2007, annex A, table A.4.
_COUNTED = (
    ("program", "programming", "编程"),
    ("clear", "meter cleared", "电表清零"),
    ("demand_clear", "demand cleared", "需量清零"),
    ("event_clear", "events cleared", "事件清零"),
    ("time_set", "clock set", "校时"),
    ("cover", "cover opened", "开表盖"),
    ("terminal_cover", "terminal cover opened", "开端钮盒"),
    ("power_down", "power down", "掉电"),
    ("voltage_loss", "voltage loss", "失压"),
    *((f"phase_break_{phase}", f"phase break {en}", f"{zh}断相") for phase, (en, zh) in _PHASES.items()),
    *(
        (f"reverse_flow_{phase}", f"reverse flow {en}", f"{zh}潮流反向")
        for phase, (en, zh) in _PHASES.items()
    ),
)


@dataclass(frozen=True, slots=True)
class Quantity:
    """One entry. ``signed``: a negative value has a meaning. ``obis``: code after IEC 62056-6-1 (value groups
    C = quantity, D = 7 instantaneous or 8 time integral, E = 0 total), None where we are not sure."""

    name: str
    unit: str
    signed: bool
    obis: str | None
    title_en: str
    title_zh: str


def _phased(stem: str, unit: str, signed: bool, titles: tuple[str, str], codes: str) -> Iterator[Quantity]:
    """Phases A, B, C of one quantity; ``codes``: three OBIS C groups, or nothing where none is sure."""
    groups = codes.split() or ["", "", ""]
    for (phase, (en, zh)), group in zip(_PHASES.items(), groups, strict=True):
        obis = f"1-0:{group}.7.0" if group else None
        yield Quantity(f"{stem}_{phase}", unit, signed, obis, f"{titles[0]} {en}", f"{zh}{titles[1]}")


def _all() -> Iterator[Quantity]:
    yield from _phased("u", "V", False, ("voltage", "电压"), "32 52 72")
    for pair in ("ab", "bc", "ca"):
        yield Quantity(f"u_{pair}", "V", False, None, f"voltage {pair.upper()}", f"{pair.upper()} 线电压")
    yield from _phased("i", "A", True, ("current", "电流"), "31 51 71")
    yield Quantity("i_n", "A", True, "1-0:91.7.0", "neutral current", "零线电流")
    yield Quantity("p", "kW", True, "1-0:16.7.0", "active power", "总有功功率")
    yield from _phased("p", "kW", True, ("active power", "有功功率"), "36 56 76")
    yield Quantity("q", "kvar", True, None, "reactive power", "总无功功率")
    yield from _phased("q", "kvar", True, ("reactive power", "无功功率"), "")
    yield Quantity("s", "kVA", False, "1-0:9.7.0", "apparent power", "总视在功率")
    yield from _phased("s", "kVA", False, ("apparent power", "视在功率"), "29 49 69")
    yield Quantity("pf", "-", True, "1-0:13.7.0", "power factor", "总功率因数")
    yield from _phased("pf", "-", True, ("power factor", "功率因数"), "33 53 73")
    yield Quantity("f", "Hz", False, "1-0:14.7.0", "frequency", "频率")
    yield Quantity("ep_imp", "kWh", False, "1-0:1.8.0", "active energy, import", "正向有功电能")
    yield Quantity("ep_exp", "kWh", False, "1-0:2.8.0", "active energy, export", "反向有功电能")
    yield Quantity("eq_imp", "kvarh", False, "1-0:3.8.0", "reactive energy, import", "正向无功电能")
    yield Quantity("eq_exp", "kvarh", False, "1-0:4.8.0", "reactive energy, export", "反向无功电能")
    yield Quantity("demand_p", "kW", True, None, "active demand, present", "当前有功需量")
    yield Quantity("temp", "C", True, None, "temperature", "温度")
    # A contact wired to a meter or beside it: 1 closed, 0 open (ADR 0009).
    for number in range(1, 5):
        yield Quantity(f"in_{number}", "-", False, None, f"contact input {number}", f"开关量输入 {number}")
    # As the meter's own registers say: what a profile with ratio_source = "meter" multiplied by.
    yield Quantity("ct", "-", False, None, "current transformer ratio in the meter", "表内电流互感器变比")
    yield Quantity("pt", "-", False, None, "voltage transformer ratio in the meter", "表内电压互感器变比")
    # What a meter counted and says beside its measurements: plain whole numbers (ADR 0010).
    for name, en, zh in _COUNTED:
        yield Quantity(f"n_{name}", "-", False, None, f"{en}, count", f"{zh}次数")
    yield Quantity("phase_order", "-", False, None, "voltage phase order, 1 reversed", "电压相序, 1 为逆相序")
    yield Quantity("serial", "-", False, None, "meter number", "表号")


QUANTITIES: Mapping[str, Quantity] = MappingProxyType({entry.name: entry for entry in _all()})
# Whole numbers that stay for months, and mean something when they do not.
COUNTERS = frozenset(f"n_{name}" for name, _, _ in _COUNTED)
STANDING = COUNTERS | {"phase_order", "serial"}
