"""The receiver's file, parsed once.

::

    authority = "city"                 name of this platform: in receipts, and of its key
    state = "/var/lib/sitebox-receiver"
    boxes = "/etc/sitebox-receiver/boxes"        <box id>.vkey: the boxes we know
    headers_only = false               take blocks whose body the box has let go (after a loss of our store)
    [broker]
    host = "..."  port = 8883  ca = "..."  cert = "..."  key = "..."
    share = ""                         name of a shared subscription, when several receivers share one store
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from buffer.grammar import AUTHORITY, is_word
from receiver.errors import ReceiverError

EX_CONFIG = 78
_SHARE = re.compile(r"[A-Za-z0-9-]{0,32}")
_KEYS = {"authority": str, "state": str, "boxes": str, "headers_only": bool, "broker": dict}
_BROKER = {"host": str, "port": int, "ca": str, "cert": str, "key": str, "share": str}
_MAY_MISS = frozenset(("headers_only", "share", "port"))


@dataclass(frozen=True, slots=True)
class Broker:
    """Where to subscribe, and as whom; paths of PEM files."""

    host: str
    ca: str
    cert: str
    key: str
    port: int = 8883
    share: str = ""


@dataclass(frozen=True, slots=True)
class Config:
    """Everything a receiver is told."""

    authority: str
    state: Path
    boxes: Path
    broker: Broker
    headers_only: bool = False

    @property
    def store(self) -> Path:
        return self.state / "receiver.db"

    @property
    def key(self) -> Path:
        return self.state / "receiver.seed"


def read(path: Path) -> Config:
    """Read and check the file. ReceiverError SBX-RCV-003 names the first mistake."""
    try:
        found = tomllib.loads(path.read_bytes().decode("utf-8"))
    except OSError as error:
        raise _wrong(path, error.strerror or "not readable") from error
    except ValueError as error:  # also TOML and UTF-8 mistakes
        raise _wrong(path, str(error)) from error
    return _config(path, found)


def _config(path: Path, found: Mapping[str, Any]) -> Config:
    _check(path, "", found, _KEYS)
    broker = found["broker"]
    _check(path, "broker.", broker, _BROKER)
    if not is_word(AUTHORITY, found["authority"]):
        raise _wrong(path, "authority: letters, digits, dot and hyphen, at most 32")
    if not 0 < broker.get("port", 8883) < 65536:
        raise _wrong(path, "broker.port: 1 to 65535")
    if _SHARE.fullmatch(broker.get("share", "")) is None:
        raise _wrong(path, "broker.share: letters, digits and hyphen, at most 32")
    return Config(
        found["authority"],
        Path(found["state"]),
        Path(found["boxes"]),
        Broker(**broker),
        found.get("headers_only", False),
    )


def _check(path: Path, prefix: str, found: Mapping[str, Any], known: Mapping[str, type]) -> None:
    for name in found:
        if name not in known:
            raise _wrong(path, f"{prefix}{name}: unknown key")
    for name, kind in known.items():
        if name not in found and name not in _MAY_MISS:
            raise _wrong(path, f"{prefix}{name}: missing")
        if name in found and type(found[name]) is not kind:
            raise _wrong(path, f"{prefix}{name}: not of type {kind.__name__}")


def _wrong(path: Path, problem: str) -> ReceiverError:
    return ReceiverError("SBX-RCV-003", EX_CONFIG, path=path, problem=problem)
