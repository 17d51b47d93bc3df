"""Load records (DI3 06): what a meter stored of itself every few minutes, walked class by class.

::

    A0 A0 | len | mm hh DD MM YY | class 1 | AA | class 2 | AA | ... | class 6 | AA | cs | E5
            len counts from the time to the last AA; a class that is off leaves its AA alone
    single-class replies: the AAs of the other classes stand before and behind it, or not

Classes have fixed sizes; AA is never searched for, because fill and bad nibbles are no borders. A record
whose sum is wrong, whose classes do not come out even, or that the meter itself marks (E0 E0) has no values.
Never raises.

Sources: DL/T 645-2007 annex B in three firmwares of terminals and meters that agree on the layout; tests in
tests/vectors/dlt645.json, tag ``load``. Class 6 of 12 bytes: newer meters.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from drivers.dlt645.layout import Field, number, time
from drivers.dlt645.named import Named, as_hex, invalid, take_field, take_fields
from drivers.samples import Quality

_SOUND: Final = b"\xa0\xa0"
_FAULTY: Final = b"\xe0\xe0"
_END: Final = 0xE5
_BORDER: Final = 0xAA
_HEAD: Final = 3  # mark and length
_TAIL: Final = 2  # sum and end
_TIME: Final = time("load record", "mm hh DD MM YY")
_NOTHING: Final = 4  # a reply of 8 bytes of data or fewer, DI included: no record for that time
_ALL: Final = 0


def _fields(form: str, unit: str, *names: str, signed: bool = False) -> tuple[Field, ...]:
    return tuple(number(name, form, unit, signed=signed) for name in names)


_REGISTER: Final = "XXXXXX.XX"
_POWER: Final = "XX.XXXX"
_DEMANDS: Final = (
    *_fields(_POWER, "kW", "active demand", signed=True),
    *_fields(_POWER, "kvar", "reactive demand", signed=True),
)
# Each class in the forms it may have.
_CLASSES: Final = (
    (
        (
            *_fields("XXX.X", "V", "Ua", "Ub", "Uc"),
            *_fields("XXX.XXX", "A", "Ia", "Ib", "Ic", signed=True),
            *_fields("XX.XX", "Hz", "f"),
        ),
    ),
    (
        (
            *_fields(_POWER, "kW", "P", "Pa", "Pb", "Pc", signed=True),
            *_fields(_POWER, "kvar", "Q", "Qa", "Qb", "Qc", signed=True),
        ),
    ),
    (_fields("X.XXX", "", "PF", "PFa", "PFb", "PFc", signed=True),),
    (
        (
            *_fields(_REGISTER, "kWh", "fwd active", "rev active"),
            *_fields(_REGISTER, "kvarh", "comb reactive 1", "comb reactive 2", signed=True),
        ),
    ),
    (_fields(_REGISTER, "kvarh", "Q1", "Q2", "Q3", "Q4"),),
    (
        (
            *_DEMANDS,
            *_fields("XXX.XXX", "A", "neutral current", signed=True),
            number("apparent power", _POWER, "kVA", masked=True),
        ),
        _DEMANDS,
    ),
)
# The live item of each value: the record holds what that DI showed at its time.
LIVE: Final = MappingProxyType(
    {
        **{f"U{p}": f"02010{n}00" for n, p in enumerate("abc", 1)},
        **{f"I{p}": f"02020{n}00" for n, p in enumerate("abc", 1)},
        "f": "02800002",
        **{f"P{p}": f"02030{n}00" for n, p in enumerate(("", "a", "b", "c"))},
        **{f"Q{p}": f"02040{n}00" for n, p in enumerate(("", "a", "b", "c"))},
        **{f"PF{p}": f"02060{n}00" for n, p in enumerate(("", "a", "b", "c"))},
        "fwd active": "00010000",
        "rev active": "00020000",
        "comb reactive 1": "00030000",
        "comb reactive 2": "00040000",
        "neutral current": "02800001",
        "apparent power": "02050000",
    }
)


@dataclass(frozen=True, slots=True)
class LoadRecord:
    """One stored record. ``time`` is ``YYYY-MM-DD hh:mm`` in the meter's own time, None if it has none;
    ``items`` are the values it holds, named without the time; none for a record not to be believed."""

    time: str | None
    quality: Quality  # GOOD, or INVALID for the whole record
    items: tuple[Named, ...]
    raw: bytes
    reason: str = ""  # why it is INVALID


@dataclass(frozen=True, slots=True)
class Records:
    """All records of a reply; ``rest`` are the bytes behind the last whole one."""

    records: tuple[LoadRecord, ...]
    rest: bytes


def parse(di: str, data: bytes) -> Records:
    """The records in the data of ``di`` (06cc00kk), follow-up frames joined, without the DI.

    An empty reply has none: the meter stored nothing for that time, which is no fault of the line.
    """
    if len(data) <= _NOTHING:
        return Records((), b"")
    which = int(di[2:4], 16)
    records: list[LoadRecord] = []
    while data[:2] in (_SOUND, _FAULTY) and len(data) > _HEAD:
        size = _HEAD + data[2] + _TAIL
        if size > len(data):
            break
        records.append(_record(which, data[:size]))
        data = data[size:]
    return Records(tuple(records), data)


def explain(di: str, data: bytes, *, cut: bool = False) -> tuple[Named, ...]:
    """The records as items in wire order, each value named with the time of its record."""
    found = parse(di, data)
    named: list[Named] = []
    for record in found.records:
        named += _explained(record)
    if found.rest:
        named.append(as_hex("record cut by frame border" if cut else "data of no record", found.rest, ""))
    return tuple(named)


def _explained(record: LoadRecord) -> Iterator[Named]:
    if record.quality is not Quality.GOOD:
        yield replace(*invalid((_TIME,)), raw=record.raw)
        yield as_hex(record.reason, record.raw)
        return
    yield Named(_TIME.name, "time", record.time, raw=record.raw[_HEAD : _HEAD + _TIME.size])
    clock = (record.time or "")[-5:]
    for item in record.items:
        yield replace(item, name=f"{clock} {item.name}")


def _record(which: int, raw: bytes) -> LoadRecord:
    """One whole record, judged."""
    body = raw[_HEAD + _TIME.size : -_TAIL]
    when = take_field(_TIME, raw[_HEAD : _HEAD + _TIME.size])
    fields = _walk(body) if which == _ALL or which > len(_CLASSES) else _single(which, body)
    reason = ""
    if raw[-1] != _END or sum(raw[:-_TAIL]) & 0xFF != raw[-_TAIL]:
        reason = "record with wrong sum"
    elif raw[:2] == _FAULTY:
        reason = "record the meter marks as wrong"
    elif fields is None or when.value is None:
        reason = "record of unknown shape"
    if reason or fields is None:
        return LoadRecord(when.value, Quality.INVALID, (), raw, reason)
    return LoadRecord(when.value, Quality.GOOD, fields, raw)


def _walk(body: bytes) -> tuple[Named, ...] | None:
    """All six classes, each with its AA; None if they do not come out even."""
    items: tuple[Named, ...] = ()
    for forms in _CLASSES:
        if not body:
            return None
        if body[0] == _BORDER:
            body = body[1:]
            continue
        fields = next((f for f in forms if body[_size(f) : _size(f) + 1] == bytes((_BORDER,))), None)
        if fields is None:
            return None
        items += take_fields(fields, body)
        body = body[_size(fields) + 1 :]
    return None if body else items


def _single(which: int, body: bytes) -> tuple[Named, ...] | None:
    """One class by itself, with or without the AAs of the others: the length decides."""
    walked = _walk(body)
    if walked is not None:
        return walked
    borders = bytes((_BORDER,))
    behind = len(_CLASSES) - which + 1  # its own AA, and those of the classes behind it
    found: set[Sequence[Field]] = set()
    for fields in _CLASSES[which - 1]:
        for tail in {0, 1, behind}:
            size = _size(fields)
            if len(body) == size + tail and body[size:] == borders * tail:
                found.add(fields)
    if len(found) != 1:
        return None
    return take_fields(found.pop(), body)


def _size(fields: Sequence[Field]) -> int:
    return sum(field.size for field in fields)
