"""Takers: each turns one TOML value into the typed value a site or profile key wants, or says what is wrong.

Strict on purpose: no number is taken for a text (leading zeros of an address would be gone), no text for a
number, and a measured limit is a decimal text (a binary float would change it). A taker raises Wrong and
nothing else, for any value TOML can hold.

>>> ratio("200/5")
Decimal('40')
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import ipaddress
import re
import zoneinfo
from collections.abc import Callable
from decimal import Decimal

from config.quantities import QUANTITIES
from config.site import Line
from config.suggest import nearest

Taker = Callable[[object], object]

MAX_TEXT = 128
MAX_KEY = 256
MAX_LIST = 64
BAUDS = (300, 600, 1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200)

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")
_SITE_ID = re.compile(r"[A-Za-z0-9-]{1,32}")
_DECIMAL = re.compile(r"-?[0-9]{1,9}(\.[0-9]{1,6})?")
_RATIO = re.compile(r"([0-9]{1,7}(?:\.[0-9]{1,3})?)/([0-9]{1,4}(?:\.[0-9]{1,3})?)")
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")
_ZONE = re.compile(r"[A-Za-z0-9_+/-]{1,64}")
_KEY = re.compile(r"([^\s+]{1,64})\+([0-9a-f]{8})\+([A-Za-z0-9+/=]{44}|[A-Za-z0-9+/=]{124})")
_KEYS = ((33, 1), (92, 2))  # bytes and first byte: Ed25519; DER of a P-256 key
_MAX_RATIO = 100_000


class Wrong(Exception):  # noqa: N818 - reads as a sentence: raise Wrong(code)
    """A value is not what its key wants. Caught by ``build``, which turns it into a Problem."""

    def __init__(self, code: str, **args: object) -> None:
        super().__init__(code)
        self.code = code
        self.args_of_message = args


def text(value: object, limit: int = MAX_TEXT) -> str:
    """A text of at most so many characters on one line."""
    if isinstance(value, bool) or not isinstance(value, str):
        raise Wrong("SBX-CFG-020", value=shown(value), example=f'"{_plain(value)}"')
    if len(value) > limit or not value.isprintable():
        raise Wrong("SBX-CFG-037", limit=limit)
    return value


def filled(value: object) -> str:
    """A text that is not empty."""
    taken = text(value)
    if not taken.strip():
        raise Wrong("SBX-CFG-038")
    return taken


def ident(value: object) -> str:
    """An id: it stands in records, topics and commands, so ASCII without blanks."""
    taken = text(value)
    if not _ID.fullmatch(taken):
        raise Wrong("SBX-CFG-026", value=taken)
    return taken


def site_id(value: object) -> str:
    """The box id: at most 32 of A-Z a-z 0-9 -, because MQTT topics carry it (DESIGN 8)."""
    taken = text(value)
    if not _SITE_ID.fullmatch(taken):
        raise Wrong("SBX-CFG-027", value=taken)
    return taken


def idents(value: object) -> tuple[str, ...]:
    """A list of ids, none twice."""
    if not isinstance(value, list):
        raise Wrong("SBX-CFG-025", value=shown(value))
    if len(value) > MAX_LIST:
        raise Wrong("SBX-CFG-019", limit=MAX_LIST)
    taken = tuple(ident(element) for element in value)
    for element in taken:
        if taken.count(element) > 1:
            raise Wrong("SBX-CFG-072", value=element)
    return taken


def choices(*options: str) -> Callable[[object], tuple[str, ...]]:
    """A list of some words, none twice, at least one."""

    def take(value: object) -> tuple[str, ...]:
        if not isinstance(value, list) or not value:
            raise Wrong("SBX-CFG-025", value=shown(value))
        taken = tuple(map(choice(*options), value))
        for element in taken:
            if taken.count(element) > 1:
                raise Wrong("SBX-CFG-072", value=element)
        return taken

    return take


def choice(*options: str) -> Callable[[object], str]:
    """One of some words."""

    def take(value: object) -> str:
        taken = text(value)
        if taken not in options:
            raise Wrong("SBX-CFG-024", value=taken, choices=" ".join(options))
        return taken

    return take


def whole(low: int, high: int) -> Callable[[object], int]:
    """A whole number, bounds included."""

    def take(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise Wrong("SBX-CFG-021", value=shown(value), low=low, high=high)
        if not low <= value <= high:
            raise Wrong("SBX-CFG-023", value=_plain(value), low=low, high=high)
        return value

    return take


def number(low: float, high: float) -> Callable[[object], float]:
    """A number of seconds or the like; never a measured value."""

    def take(value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise Wrong("SBX-CFG-039", value=shown(value), low=low, high=high)
        if not low <= value <= high:  # also false for nan
            raise Wrong("SBX-CFG-023", value=_plain(value), low=low, high=high)
        return float(value)

    return take


def flag(value: object) -> bool:
    """true or false."""
    if not isinstance(value, bool):
        raise Wrong("SBX-CFG-022", value=shown(value))
    return value


def decimal(value: object) -> Decimal:
    """A measured limit, as decimal text: "5" or "-12.5"."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise Wrong("SBX-CFG-029", example=f'"{_plain(value)}"')
    taken = text(value)
    if not _DECIMAL.fullmatch(taken):
        raise Wrong("SBX-CFG-028", value=taken)
    return Decimal(taken)


def power(value: object) -> Decimal:
    """A power threshold in kW: not negative."""
    taken = decimal(value)
    if taken < 0:
        raise Wrong("SBX-CFG-023", value=taken, low=0, high=10**9)
    return taken


def ratio(value: object) -> Decimal:
    """A transformer ratio "primary/secondary", or "1" without transformer. A bare "200" is refused: it could
    mean 200/5 or 200/1, and the readings would be wrong by five."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise Wrong("SBX-CFG-030", value=_plain(value))
    taken = text(value)
    if taken == "1":
        return Decimal(1)
    found = _RATIO.fullmatch(taken)
    if found is None or not Decimal(found[2]):
        raise Wrong("SBX-CFG-030", value=taken)
    quotient = Decimal(found[1]) / Decimal(found[2])
    if not 1 <= quotient <= _MAX_RATIO:
        raise Wrong("SBX-CFG-033", value=taken)
    exact = quotient.quantize(Decimal("0.000001"))
    if exact != quotient:
        raise Wrong("SBX-CFG-034", value=taken)
    return _shortest(exact)


def _shortest(value: Decimal) -> Decimal:
    """Without trailing zeros, and never in the form 1E+2: readings multiply by it and keep their digits."""
    return value.quantize(Decimal(1)) if value == value.to_integral_value() else value.normalize()


def line(value: object) -> Line:
    """Line settings "2400 8E1"; both protocols send characters of 8 bits."""
    taken = text(value)
    try:
        parsed = Line.parse(taken)
    except ValueError:
        raise Wrong("SBX-CFG-031", value=taken) from None
    if parsed.baud not in BAUDS or parsed.bits != 8:
        raise Wrong("SBX-CFG-031", value=taken)
    return parsed


def path(value: object) -> str:
    """An absolute path of a device or file; whether it exists is for the doctor to see."""
    taken = text(value)
    if not taken.startswith("/") or taken.endswith("/"):
        raise Wrong("SBX-CFG-035", value=taken)
    return taken


def host(value: object) -> str:
    """A host name or IP address without port."""
    taken = text(value)
    if not (_HOST.fullmatch(taken) or _ipv6(taken)):
        raise Wrong("SBX-CFG-036", value=taken)
    return taken


def _ipv6(written: str) -> bool:
    try:
        return ":" in written and ipaddress.ip_address(written).version == 6
    except ValueError:
        return False


def timezone(value: object) -> str:
    """A zone of the IANA database."""
    taken = text(value)
    try:
        if not _ZONE.fullmatch(taken):
            raise ValueError(taken)
        zoneinfo.ZoneInfo(taken)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise Wrong("SBX-CFG-032", value=taken) from None
    return taken


def quantity(value: object) -> str:
    """A name of the vocabulary."""
    taken = text(value)
    if taken not in QUANTITIES:
        raise Wrong("SBX-CFG-045", value=taken, near=nearest(taken, QUANTITIES))
    return taken


def platform_key(value: object) -> str:
    """A verifier key ``name+hash8+base64(0x01 || key)`` (C2SP signed-note), of P-256 with 0x02. Its hash is
    checked here, so that a slip of the pen is found before the first receipt is refused."""
    taken = text(value, MAX_KEY)
    found = _KEY.fullmatch(taken)
    if found is None:
        raise Wrong("SBX-CFG-080", value=taken)
    name, printed, encoded = found.groups()
    try:
        key = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        raise Wrong("SBX-CFG-080", value=taken) from None
    if (len(key), key[0]) not in _KEYS:
        raise Wrong("SBX-CFG-080", value=taken)
    hashed = name.encode() + b"\n" + key if key[0] == 1 else key[1:]  # buffer.note.key_id
    if hashlib.sha256(hashed).hexdigest()[:8] != printed:
        raise Wrong("SBX-CFG-081", value=name)
    return taken


def shown(value: object) -> str:
    """A TOML value for a message, in TOML's own spelling; lists and tables without their content."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, list | dict):
        return "[...]" if isinstance(value, list) else "{...}"
    return _plain(value) if isinstance(value, int | float) else str(value)


def _plain(value: object) -> str:
    """A number as a text for messages; Python refuses to print integers of thousands of digits."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10**30:
        return "1e30..."
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else "..."
