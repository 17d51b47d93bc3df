"""The event counters and records of DL/T 645-2007 (DI3 03; 10 of a supplement). Data only: nothing is read
or decoded.

::

    03 01 00 00   count and minutes of each phase       03 30 0D 00   count
    03 01 0p nn   record of phase p, nn = 01 newest     03 30 0D nn   record, 01 newest .. 0A

A record without a documented shape is not guessed: its DI is unknown.

>>> len(layout("03010101").fields), sum(f.size for f in layout("03010101").fields)
(37, 131)

Sources: DL/T 645-2007 annex A, table A.4, through bobyuxinyang/dlt645_2007 dlt645_api_07.h (record
structures) and sulfurandcu/dlt645-tool dlt645_table_events.json; 033000 as captured (07-prog-count); the
counts of 0330, 0311 and 10000001 (a supplement): wuhuangrui/C82_DL689 ClouSoft/MeterPro/DL645V07.cpp.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType
from typing import Final

from drivers.dlt645.layout import Field, Layout, fixed, number, text, time

_CLOCK: Final = "ss mm hh DD MM YY"
_RECORDS: Final = range(1, 0x0B)  # nn of a record
_PHASES: Final = ("A", "B", "C")
_ENERGY: Final = "XXXXXX.XX"

# DI2 of events of each phase: name, and whether their records end with ampere-hours
_PHASED: Final = MappingProxyType(
    {
        0x01: ("voltage loss", True),
        0x02: ("under-voltage", True),
        0x03: ("over-voltage", True),
        0x04: ("phase break", True),
        0x0B: ("current loss", False),
        0x0C: ("over-current", False),
        0x0D: ("current break", False),
        0x0E: ("reverse flow", False),
        0x0F: ("overload", False),
    }
)
# DI2 of events counted with their minutes; the first two have records of their two times
_TIMED: Final = MappingProxyType(
    {
        0x05: "all-phase voltage loss",
        0x06: "auxiliary supply loss",
        0x07: "voltage sequence reversed",
        0x08: "current sequence reversed",
        0x09: "voltage unbalance",
        0x0A: "current unbalance",
    }
)
# DI1 of DI2 30: what was done to the meter
_DONE: Final = MappingProxyType(
    {
        0x00: "programming",
        0x01: "meter clear",
        0x02: "demand clear",
        0x03: "event clear",
        0x04: "time set",
        0x0D: "cover opened",
        0x0E: "terminal cover opened",
    }
)
_QUADRANTS: Final = tuple(f"quadrant-{n} reactive" for n in range(1, 5))


def _count(name: str) -> Field:
    return number(f"{name} event count", "XXXXXX", "times")


def _span() -> tuple[Field, Field]:
    return time("event start", _CLOCK), time("event end", _CLOCK)


def _rises(whose: str) -> Iterator[Field]:
    """Energy counted while the event lasted."""
    for name, unit in (("forward active", "kWh"), ("reverse active", "kWh")):
        yield number(f"{whose} {name} energy increase", _ENERGY, unit)
    for kind in ("1", "2"):
        yield number(f"{whose} combined reactive {kind} energy increase", _ENERGY, "kvarh", signed=True)


def _phase_record(hours: bool) -> Iterator[Field]:
    yield from _span()
    yield from _rises("total")
    for phase in _PHASES:
        yield from _rises(f"phase {phase}")
        yield number(f"voltage {phase}", "XXX.X", "V")
        yield number(f"current {phase}", "XXX.XXX", "A", signed=True)
        yield number(f"active power {phase}", "XX.XXXX", "kW", signed=True)
        yield number(f"reactive power {phase}", "XX.XXXX", "kvar", signed=True)
        yield number(f"power factor {phase}", "X.XXX", signed=True)
    if hours:
        for whose in ("total", *_PHASES):
            yield number(f"ampere-hours {whose}", _ENERGY, "Ah")


def _six(suffix: str) -> Iterator[Field]:
    """Six registers at the time of an event: forward, reverse, four quadrants."""
    for name in ("forward active", "reverse active"):
        yield number(f"{name} energy {suffix}", _ENERGY, "kWh")
    for name in _QUADRANTS:
        yield number(f"{name} energy {suffix}", _ENERGY, "kvarh")


def _operated() -> tuple[Field, Field]:
    return time("occurred", _CLOCK), text("operator", 4, "digits")


def _cleared() -> Iterator[Field]:
    yield from _operated()
    for whose in ("total", *(f"phase {phase}" for phase in _PHASES)):
        yield from _six(f"before, {whose}")


_DONE_RECORDS: Final = MappingProxyType(
    {
        0x00: fixed(*_operated(), *(text(f"DI {n}", 4, "di") for n in range(1, 11))),
        0x01: fixed(*_cleared()),
        0x03: fixed(*_operated(), text("DI cleared", 4, "di")),
        0x04: fixed(text("operator", 4, "digits"), time("before", _CLOCK), time("after", _CLOCK)),
        0x0D: fixed(*_span(), *_six("before"), *_six("after")),
        0x0E: fixed(*_span(), *_six("before"), *_six("after")),
    }
)
_PHASE_RECORDS: Final = MappingProxyType({hours: fixed(*_phase_record(hours)) for hours in (True, False)})


def _phase_totals(name: str) -> Layout:
    fields: list[Field] = []
    for phase in _PHASES:
        fields += _count(f"{name} {phase}"), number(f"{name} {phase} duration", "XXXXXX", "min")
    return fixed(*fields)


def _of_phases(di2: int, phase: int, nn: int) -> Layout | None:
    name, hours = _PHASED[di2]
    if phase == 0:
        return _phase_totals(name) if nn == 0 else None
    return _PHASE_RECORDS[hours] if phase <= len(_PHASES) and nn in _RECORDS else None


def _of_line(di2: int, nn: int) -> Layout | None:
    name = _TIMED[di2]
    if nn == 0:
        return fixed(_count(name), number(f"{name} duration", "XXXXXX", "min"))
    return fixed(*_span()) if di2 == 0x06 and nn in _RECORDS else None


def _of_meter(di1: int, nn: int) -> Layout | None:
    if nn == 0 and di1 in _DONE:
        return fixed(_count(_DONE[di1]))
    return _DONE_RECORDS.get(di1) if nn in _RECORDS else None


# All phases together: the sum that the blocks of DI3 03 do not hold.
TOTALS: Final = MappingProxyType({"10000001": fixed(_count("voltage loss"))})


def layout(di: str) -> Layout | None:
    """The layout of an event DI (03…), or None if its shape is not known."""
    _, di2, di1, nn = bytes.fromhex(di)
    if di2 in _PHASED:
        return _of_phases(di2, di1, nn)
    if di2 in _TIMED and di1 == 0:
        return _of_line(di2, nn)
    if di2 == 0x11 and di1 == 0:
        if nn == 0:
            return fixed(_count("power-down"))
        return fixed(*_span()) if nn in _RECORDS else None
    return _of_meter(di1, nn) if di2 == 0x30 else None
