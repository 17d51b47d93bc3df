"""Which keys a profile file has, and how each is taken: the tables behind ``config.profiles``."""

from __future__ import annotations

import re
from typing import get_args

from config.build import Shape
from config.profile import WORD, ModbusType
from config.values import Wrong, choice, decimal, filled, flag, ident, line, quantity, shown, text, whole

_DI = re.compile(r"([0-9A-F]{4}){1,2}")
_FORMAT = re.compile(r"X{1,12}(\.X{1,6})?")
_RAW = re.compile(r"0x([0-9A-F]{4}){1,4}")
WHOLE_VOLTS = "XXX"  # DL/T 645-1997: three digits in two bytes
MAX_NOTE = 400
MOST_NUMBERS = 16  # of one DI


def di(value: object) -> str:
    """A data identifier in capital hex digits: 8 of them, 4 in the edition of 1997."""
    taken = text(value)
    if not _DI.fullmatch(taken):
        raise Wrong("SBX-CFG-102", value=taken)
    return taken


def dis(value: object) -> tuple[str, ...]:
    """A list of data identifiers."""
    if not isinstance(value, list) or not 1 <= len(value) <= 64:
        raise Wrong("SBX-CFG-102", value=value if isinstance(value, str) else "-")
    return tuple(di(element) for element in value)


def bcd_format(value: object) -> str:
    """A BCD format as the standard prints it: an even number of X, at most one point, or whole volts; or a
    status word."""
    taken = text(value)
    if taken == WORD:
        return taken
    if not _FORMAT.fullmatch(taken) or (taken.count("X") % 2 and taken != WHOLE_VOLTS):
        raise Wrong("SBX-CFG-103", value=taken)
    return taken


def scale(value: object) -> object:
    """A positive decimal."""
    taken = decimal(value)
    if taken <= 0:
        raise Wrong("SBX-CFG-023", value=taken, low="0.000001", high=999_999_999)
    return taken


def lines(value: object) -> tuple[str, ...]:
    """Line settings, most likely first."""
    if not isinstance(value, list) or len(value) > 16:
        raise Wrong("SBX-CFG-025", value=shown(value))
    return tuple(str(line(element)) for element in value)


def missing(value: object) -> tuple[int, ...]:
    """Raw values that mean "no value", each as 0x and all digits of its registers, high word first; an empty
    list where each pattern is a value."""
    if not isinstance(value, list) or len(value) > 4:
        raise Wrong("SBX-CFG-115", value=shown(value))
    for element in value:
        if not isinstance(element, str) or not _RAW.fullmatch(element):
            raise Wrong("SBX-CFG-115", value=shown(element))
    return tuple(int(element, 16) for element in value)


def note(value: object) -> str:
    """What a technician must know, in a sentence or three."""
    if not isinstance(value, str) or not value.isprintable() or not 1 <= len(value) <= MAX_NOTE:
        raise Wrong("SBX-CFG-037", limit=MAX_NOTE)
    return value


def function_code(value: object) -> int:
    """Reading functions: 1 coils, 2 discrete inputs, 3 holding registers, 4 input registers."""
    return whole(1, 4)(value)


HEAD: Shape = {
    "id": ident,
    "title": filled,
    "family": choice("dlt645-2007", "dlt645-1997", "modbus"),
    "max_registers": whole(1, 125),  # MODBUS Application Protocol V1.1b3, 6.3
    "max_gap": whole(0, 124),
    "lines": lines,
    "phases": whole(1, 3),
    "ratio_source": choice("site", "meter"),
    "note": note,
}
SOURCE: Shape = {"title": filled, "confidence": choice("A", "B", "C")}
_ITEM: Shape = {
    "quantity": quantity,
    "poll": choice("fast", "slow"),
    "scale": scale,
    "ratio": choice("none", "pt", "ct", "ptct"),
}
DLT_ITEM: Shape = {
    **_ITEM,
    "di": di,
    "format": bcd_format,
    "signed": flag,
    "bit": whole(0, 15),
    "nth": whole(1, MOST_NUMBERS),
    "of": whole(1, MOST_NUMBERS),
}
MODBUS_ITEM: Shape = {
    **_ITEM,
    "fc": function_code,
    "address": whole(0, 0xFFFF),
    "type": choice(*get_args(ModbusType)),
    "order": choice("be", "le"),
    "missing": missing,
}
BLOCK: Shape = {"di": di, "items": dis}
