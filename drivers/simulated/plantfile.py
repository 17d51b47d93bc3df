"""The plant file of the simulator: TOML to frozen types; all mistakes at once.

The format is described in the docstring of ``drivers.simulated``. Pure: text in, ``PlantSpec`` out; the
paths of the links are made absolute by the caller's folder.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Literal, TypeVar, cast

from config.site import Line
from drivers.errors import DriverError
from drivers.simulated.load import LoadSpec
from drivers.simulated.registers import MODELS

BusKind = Literal["serial", "tcp", "rtu-over-tcp"]
Protocol = Literal["dlt645-2007", "modbus-rtu", "modbus-tcp"]
GENERIC_645 = "dlt645-2007"
_KINDS = {
    "dlt645-2007": ("serial", "rtu-over-tcp"),
    "modbus-rtu": ("serial", "rtu-over-tcp"),
    "modbus-tcp": ("tcp",),
}
_CHOICES = {
    "pattern": ("constant", "shifts", "furnace", "follow"),
    "role": ("production", "treatment", "other"),
    "kind": ("serial", "tcp", "rtu-over-tcp"),
    "protocol": tuple(_KINDS),
    "model": (GENERIC_645, *MODELS),
    "anchor": ("start", "clock"),
    "absent": ("ff", "zero"),
    "freezes": ("sets", "parts", "none"),
    "refusal": ("no-data", "other", "silence"),
}
_Row = TypeVar("_Row")
_HOURS = re.compile(r"(\d\d):(\d\d)-(\d\d):(\d\d)")


class PlantFileError(DriverError):
    """The plant file is wrong; ``str()`` lists every mistake. The command line prints it, exits with 78."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlantFacts:
    """``[plant]``."""

    seed: int = 1
    period_s: float = 86400.0  # real seconds of one pattern day
    anchor: Literal["start", "clock"] = (
        "clock"  # where the pattern day begins: at start, or at local midnight
    )
    utc_offset_s: int = 28800  # local time of the plant and of the meters' clocks
    check_baud: bool = True  # a request at another rate than the meter's is noise to it
    strict_silence: bool = True  # Modbus meters ignore a request that comes within 3.5 characters of a reply


@dataclass(frozen=True, slots=True, kw_only=True)
class BusSpec:
    """``[[bus]]``: a pty, or a TCP port on the loopback (0: any free one)."""

    id: str
    kind: BusKind = "serial"
    link: str | None = None
    port: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterSpec:
    """``[[meter]]``."""

    id: str
    bus: str
    protocol: Protocol
    address: str
    model: str
    line: Line = field(default_factory=lambda: Line(9600, 8, "N", 1))
    loads: tuple[str, ...] = ()
    ct: Decimal = Decimal(1)
    pt: Decimal = Decimal(1)
    nominal_v: float = 230.0  # phase voltage at the meter
    phases: int = 3
    delay_ms: int = 30
    clock_offset_s: int = 0
    energy_kwh: float | None = None  # forward register at the anchor, as shown; None: from the seed
    preamble: int = 4
    blocks: bool = True
    most_data: int = 200
    echo_wildcard: bool = False
    absent: Literal["ff", "zero"] = "ff"
    long_status: bool = False
    load_step_min: int = 15  # how often a load record is stored; 0: never
    freezes: Literal["sets", "parts", "none"] = "sets"
    number: str | None = None  # meter number; None: the address
    lacks: tuple[str, ...] = ()  # data identifiers it refuses, as 8 hex digits in capitals
    refusal: Literal["no-data", "other", "silence"] = "no-data"  # how: D1 02, D1 01, or not at all


@dataclass(frozen=True, slots=True, kw_only=True)
class PlantSpec:
    """A whole plant."""

    plant: PlantFacts
    buses: tuple[BusSpec, ...]
    loads: tuple[LoadSpec, ...]
    meters: tuple[MeterSpec, ...]


def parse(text: str, folder: Path) -> PlantSpec:
    """Take the text of a plant file; links are relative to ``folder``. Raises PlantFileError."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PlantFileError(f"not TOML: {error}") from error
    wrong = [f"unknown table [{key}]" for key in raw if key not in ("plant", "bus", "load", "meter")]
    facts = _table(PlantFacts, [raw.get("plant", {})], "plant", wrong)
    buses = _table(BusSpec, raw.get("bus", []), "bus", wrong)
    loads = _table(LoadSpec, raw.get("load", []), "load", wrong)
    meters = _table(MeterSpec, raw.get("meter", []), "meter", wrong)
    wrong += _dangling(buses, loads, meters)
    if wrong:
        raise PlantFileError("; ".join(wrong))
    placed = tuple(
        bus
        if bus.link is None
        else BusSpec(id=bus.id, kind=bus.kind, link=str(folder / bus.link), port=bus.port)
        for bus in buses
    )
    return PlantSpec(plant=facts[0], buses=placed, loads=tuple(loads), meters=tuple(meters))


def read(path: Path) -> PlantSpec:
    """Read a plant file. Raises PlantFileError, OSError."""
    return parse(path.read_text(encoding="utf-8"), path.resolve().parent)


def _table(kind: type[_Row], rows: Any, name: str, wrong: list[str]) -> list[_Row]:
    """Rows of one table as ``kind``; every mistake goes to ``wrong``."""
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        wrong.append(f"[[{name}]] must be a list of tables")
        return []
    known = {entry.name: entry for entry in fields(cast(Any, kind))}
    good = []
    for row in rows:
        place = f"{name} {row.get('id', '')}".strip()
        problems = [f"{place}: unknown key {key}" for key in row if key not in known]
        problems += [
            f"{place}: {key} is missing"
            for key, entry in known.items()
            if key not in row and entry.default is MISSING and entry.default_factory is MISSING
        ]
        values: dict[str, object] = {}
        for key in row.keys() & known.keys():
            try:
                values[key] = _value(key, str(known[key].type), row[key])
            except (ValueError, TypeError, InvalidOperation, ZeroDivisionError):
                problems.append(f"{place}: {key} = {row[key]!r} is wrong")
        if problems:
            wrong += problems
        else:
            good.append(kind(**values))
    return good


def _value(key: str, kind: str, value: Any) -> object:
    """One value in its type; raises ValueError or TypeError."""
    if key in _CHOICES and value not in _CHOICES[key]:
        raise ValueError(value)
    if key in _SPECIAL:
        return _SPECIAL[key](value)
    wanted = {"int": int, "bool": bool, "str": str, "str | None": str}.get(kind)
    if kind.startswith("float"):
        if isinstance(value, bool) or not 0 <= float(value) < 1e9:
            raise ValueError(value)
        return float(value)
    if wanted is not None and type(value) is not wanted:
        raise TypeError(value)
    return value


def _hours(value: Sequence[str]) -> tuple[tuple[int, int], ...]:
    spans = []
    for span in value:
        found = _HOURS.fullmatch(span)
        if found is None:
            raise ValueError(span)
        a, b, c, d = (int(part) for part in found.groups())
        spans.append((a * 60 + b, c * 60 + d))
    return tuple(spans)


def _ratio(value: str) -> Decimal:
    """``"200/5"`` or ``"40"``; the meter shows it as a whole number in its ratio registers."""
    first, _, second = value.partition("/")
    ratio = Decimal(first) / Decimal(second or 1)
    if not ratio >= 1:
        raise ValueError(value)
    return ratio


def _names(value: Sequence[str]) -> tuple[str, ...]:
    if isinstance(value, str) or not all(isinstance(name, str) for name in value):
        raise TypeError(value)
    return tuple(value)


_SPECIAL: Mapping[str, Callable[[Any], object]] = {
    "hours": _hours,
    "ct": _ratio,
    "pt": _ratio,
    "line": Line.parse,
    "loads": _names,
    "lacks": _names,
}


def _dangling(buses: Sequence[BusSpec], loads: Sequence[LoadSpec], meters: Sequence[MeterSpec]) -> list[str]:
    """Mistakes between tables."""
    wrong = []
    for name, rows in (("bus", buses), ("load", loads), ("meter", meters)):
        ids = [row.id for row in cast(Sequence[BusSpec], rows)]
        wrong += [f"{name} {one}: twice" for one in sorted({one for one in ids if ids.count(one) > 1})]
    patterns = {load.id: load.pattern for load in loads}
    wrong += [
        f"load {load.id}: of = {load.of!r} is no load that can be followed"
        for load in loads
        if load.pattern == "follow" and patterns.get(load.of or "", "follow") == "follow"
    ]
    wrong += [f"load {load.id}: pf must lie in 0.1 to 1" for load in loads if not 0.1 <= load.pf <= 1]
    kinds = {bus.id: bus.kind for bus in buses}
    for meter in meters:
        wrong += [f"meter {meter.id}: no load {load}" for load in meter.loads if load not in patterns]
        wrong += _misfits(meter, kinds.get(meter.bus))
    return wrong


def _misfits(meter: MeterSpec, kind: BusKind | None) -> list[str]:
    wrong = []
    if kind is None:
        wrong.append(f"meter {meter.id}: no bus {meter.bus}")
    elif kind not in _KINDS[meter.protocol]:
        wrong.append(f"meter {meter.id}: {meter.protocol} does not run on a {kind} bus")
    is_645 = meter.protocol == "dlt645-2007"
    if is_645 != (meter.model == GENERIC_645):
        wrong.append(f"meter {meter.id}: model {meter.model} does not speak {meter.protocol}")
    if not re.fullmatch(r"\d{12}" if is_645 else r"\d{1,3}", meter.address):
        wrong.append(f"meter {meter.id}: address {meter.address!r} is wrong")
    elif not is_645 and not 1 <= int(meter.address) <= 247:
        wrong.append(f"meter {meter.id}: unit {meter.address} is not in 1..247")
    wrong += _misnamed(meter)
    if meter.phases not in (1, 3):
        wrong.append(f"meter {meter.id}: phases must be 1 or 3")
    if not 12 <= meter.most_data <= 200:
        wrong.append(f"meter {meter.id}: most_data must lie in 12..200")
    return wrong


def _misnamed(meter: MeterSpec) -> list[str]:
    """Numbers and identifiers that no DL/T 645 meter has."""
    number = () if meter.number is None or re.fullmatch(r"\d{12}", meter.number) else (meter.number,)
    wrong = [f"meter {meter.id}: number {one!r} is wrong" for one in number]
    return wrong + [
        f"meter {meter.id}: lacks {di!r}" for di in meter.lacks if not re.fullmatch("[0-9A-F]{8}", di)
    ]
