"""Uplinks: one destination each, with a thread and a cursor of its own. A dead one never holds another.

::

    journal (read-only) --> Uplink --> platform            receipt --> on_receipt --> recorder --> new cursor

A kind is a file of this folder with ``KIND`` and ``build(config, box, hooks)``; it is found by itself. An
uplink moves no cursor, writes no journal and is never waited for: the recorder judges its receipts.
"""

from __future__ import annotations

import importlib
import pkgutil
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType, ModuleType
from typing import Any, Literal, Protocol

from agent.errors import AgentError
from buffer.head import Cursor, Head
from buffer.instant import Instant
from buffer.note import VerifierKey
from buffer.receipt import Receipt
from buffer.verify import BlockData
from config import site

State = Literal["offline", "connecting", "online"]


class BlockSource(Protocol):
    """What an uplink reads; ``buffer.reader.JournalReader`` is one. Used by the uplink's thread alone."""

    def head(self) -> Head:
        """The newest sealed block."""

    def block(self, n: int) -> BlockData | None:
        """Block ``n``, None when it is not there."""

    def alarm_blocks(self, after_n: int) -> tuple[int, ...]:
        """Numbers of the blocks behind ``after_n`` that hold an alarm record, rising."""

    def close(self) -> None:
        """Let go of it."""


@dataclass(frozen=True, slots=True)
class Box:
    """Who sends: its identity at this start. ``clean``: the last stop was clean."""

    id: str
    identity: VerifierKey
    clean: bool = True


@dataclass(frozen=True, slots=True)
class Hooks:
    """What an uplink is given to reach the rest.

    ``open_source`` is called in the uplink's own thread. ``on_receipt(uplink, receipt, note)``: a receipt
    with the platform's good signature, for this box and epoch; with PUBACK only, the note is empty.
    ``on_event(code, args)``: something a person should know, at most one a minute and code. ``handovers``:
    the notes by which one identity of the box names the next, oldest first. ``on_rot(n)``: block ``n`` cannot
    be read.
    """

    open_source: Callable[[], BlockSource]
    cursor: Callable[[], Cursor | None]
    on_receipt: Callable[[str, Receipt, bytes], None]
    on_event: Callable[[str, Mapping[str, str]], None]
    handovers: Callable[[], tuple[bytes, ...]] = lambda: ()
    on_rot: Callable[[int], None] = lambda n: None


@dataclass(frozen=True, slots=True)
class UplinkStatus:
    """What status shows; replaced as a whole. Numbers are blocks, -1 for none; times are mono ms."""

    state: State = "offline"
    code: str | None = None  # why it is not well, None when it is
    args: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    since_ms: int = 0  # of this state
    sent_n: int = -1
    acked_n: int = -1  # the broker took it
    confirmed_n: int = -1  # the platform stored it, signed
    backlog: int = 0
    last_receipt_ms: int | None = None


class Uplink(Protocol):
    """``step``, ``run`` and ``close`` belong to one thread; ``status``, ``wake`` and ``tell`` to any."""

    def step(self, now: Instant) -> int:
        """One round; waits at most half a second for the network. Gives the mono ms when it is next due."""

    def run(self, stop: threading.Event, clock: Callable[[], Instant]) -> None:
        """Rounds until ``stop``, then ``close``."""

    def close(self) -> None:
        """Say goodbye and let go of the connection."""

    def status(self) -> UplinkStatus:
        """How it stands."""

    def wake(self) -> None:
        """A block was sealed: look now."""

    def tell(self, document: Mapping[str, Any]) -> None:
        """An alarm changed (``agent.notices.document``): said at once where the uplink has ``levels``. Never
        waits."""


def kinds() -> Mapping[str, ModuleType]:
    """Kind -> module, for each file of this folder that declares one."""
    modules = [importlib.import_module(f"{__name__}.{info.name}") for info in pkgutil.iter_modules(__path__)]
    return MappingProxyType({module.KIND: module for module in modules if hasattr(module, "KIND")})


def build(config: site.Uplink, box: Box, hooks: Hooks) -> Uplink:
    """The uplink of that configuration. AgentError SBX-UPL-060 for a kind that nobody declares, SBX-UPL-061
    for a platform key that is none."""
    module = kinds().get(config.kind)
    if module is None:
        raise AgentError("SBX-UPL-060", 78, uplink=config.id, kind=config.kind)
    built: Uplink = module.build(config, box, hooks)
    return built
