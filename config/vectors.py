"""Test vectors of meter profiles: what a box asks a meter, what the meter answers, what must come out of it.

One TOML file a profile: of the built-in ones under ``config/profiles/vectors``, of a site's own one under
``/etc/sitebox/profiles/vectors``::

    profile = "eastron-sdm120"          [[case]]
    provenance = "captured on ..."      name = "load"  poll = "fast"
    [meter]                             exchange = [{ request = "01 04 ...", reply = "01 04 ..." }]
    protocol = "modbus-rtu"             [case.samples]
    address = "1"                       u_a = "231.2"  # or a quality: "missing"

Holds data alone: ``drivers.rehearsal`` plays them. An exchange without reply is a meter that keeps silent.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from importlib.resources import files
from types import MappingProxyType
from typing import cast

from config.errors import ConfigError
from config.profile import PollClass
from config.protocols import PROTOCOLS
from config.source import MAX_BYTES
from config.values import Wrong, ratio

MAX_CASES = 64
MAX_EXCHANGES = 128


class VectorUnreadableError(ConfigError):
    """A vector file cannot be used; ``reason`` says where. Caught by ``sitebox profile test``."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class VectorCase:
    """One poll. ``samples``: quantity -> decimal as text, or the name of a quality."""

    name: str
    poll: PollClass
    exchanges: tuple[tuple[bytes, bytes], ...]
    samples: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Vector:
    """All cases of one profile and the meter they belong to."""

    profile: str
    provenance: str
    protocol: str
    address: str
    ct: Decimal
    pt: Decimal
    cases: tuple[VectorCase, ...]


def builtin_vector(profile: str) -> bytes | None:
    """The vector file shipped for a built-in profile."""
    found = files("config").joinpath("profiles", "vectors", f"{profile}.toml")
    return found.read_bytes() if found.is_file() else None


def load_vector(data: bytes) -> Vector:
    """One vector file. Raises VectorUnreadableError."""
    if len(data) > MAX_BYTES:
        raise VectorUnreadableError(f"more than {MAX_BYTES} bytes")
    try:
        top = tomllib.loads(data.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise VectorUnreadableError(str(error)) from None
    _known(top, {"profile", "provenance", "meter", "case"}, "the file")
    meter = _table(top.get("meter"), "meter")
    _known(meter, {"protocol", "address", "ct", "pt"}, "meter")
    cases = top.get("case")
    if not isinstance(cases, list) or not 1 <= len(cases) <= MAX_CASES:
        raise VectorUnreadableError(f"wants 1 to {MAX_CASES} [[case]]")
    protocol = _text(meter, "protocol", "meter")
    if protocol not in PROTOCOLS or protocol == "modbus-tcp":  # its transaction numbers never repeat
        raise VectorUnreadableError("meter.protocol: modbus-rtu, dlt645-2007 or another of a line")
    return Vector(
        profile=_text(top, "profile", "the file"),
        provenance=_text(top, "provenance", "the file"),
        protocol=protocol,
        address=_text(meter, "address", "meter"),
        ct=_ratio(meter, "ct"),
        pt=_ratio(meter, "pt"),
        cases=tuple(_case(_table(case, "case")) for case in cases),
    )


def _case(table: Mapping[str, object]) -> VectorCase:
    name = _text(table, "name", "case")
    where = f'case "{name}"'
    _known(table, {"name", "poll", "exchange", "samples"}, where)
    poll = _text(table, "poll", where)
    if poll not in ("fast", "slow"):
        raise VectorUnreadableError(f"{where}: poll is fast or slow")
    exchanges = table.get("exchange")
    if not isinstance(exchanges, list) or not 1 <= len(exchanges) <= MAX_EXCHANGES:
        raise VectorUnreadableError(f"{where}: wants 1 to {MAX_EXCHANGES} exchanges")
    samples = _table(table.get("samples"), f"{where} samples")
    return VectorCase(
        name,
        cast("PollClass", poll),
        tuple(_exchange(_table(one, where), where) for one in exchanges),
        MappingProxyType({key: _text(samples, key, where) for key in samples}),
    )


def _exchange(table: Mapping[str, object], where: str) -> tuple[bytes, bytes]:
    _known(table, {"request", "reply"}, where)
    request = _hex(_text(table, "request", where), where)
    return request, _hex(_text(table, "reply", where), where) if "reply" in table else b""


def _hex(text: str, where: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise VectorUnreadableError(f'{where}: "{text[:24]}" is not hex') from None


def _ratio(table: Mapping[str, object], key: str) -> Decimal:
    try:
        return ratio(table.get(key, "1"))
    except Wrong:
        raise VectorUnreadableError(f'meter.{key}: write it as "200/5"') from None


def _text(table: Mapping[str, object], key: str, where: str) -> str:
    value = table.get(key)
    if not isinstance(value, str) or not value:
        raise VectorUnreadableError(f"{where}: {key} is missing, or no text")
    return value


def _table(value: object, where: str) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise VectorUnreadableError(f"{where}: no table")
    return cast("Mapping[str, object]", value)


def _known(table: Mapping[str, object], keys: set[str], where: str) -> None:
    unknown = sorted(table.keys() - keys)
    if unknown:
        raise VectorUnreadableError(f"{where}: unknown key {unknown[0][:40]}")
