"""The DL/T 645-1997 driver: its edition for `drivers.dlt645.reading`. Functions 01H and 02H, nothing else.

Voltage is whole volts or tenths as the profile's format says, and what B660 means is said by the profile
alone. A meter of this edition is silent on requests of 2007, and the reverse.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from config.profile import DltItem, PollClass, data_bytes
from drivers.dlt645 import reading
from drivers.dlt645.clock import CLOCK_1997, read_clock
from drivers.dlt645.fetch import DIALECT_1997, Dialect, MeterLine
from drivers.dlt645.script import script
from drivers.dlt645_1997.item import ENDS, is_block, lookup
from drivers.exchange import ClockRead, MeterSpec, Poll, Recall, Script
from drivers.memory import Span, Tell, TellEvent

_TARIFFS: Final = ("9", "A")  # blocks of as many registers as the meter has tariffs
_LIMITS: Final = ("B63F", 4)  # bytes of limits that some meters append


class _Edition1997:
    """`drivers.dlt645.plan.Edition`."""

    dialect: Dialect = DIALECT_1997
    probes: tuple[str, ...] = ("9010", "B611")  # forward active total, voltage A

    def size(self, di: str, item: DltItem | None) -> int | None:
        """By the profile's format: makes differ; else by the table."""
        if item is not None:
            return data_bytes(item)
        layout = lookup(di)
        return None if layout is None else sum(field.size for field in layout.fields[: layout.least])

    def fits(self, di: str, data: bytes, sizes: Sequence[int]) -> bool:
        """A block is believed in exactly its own length, with one AA or DD behind it or not; a block of
        tariffs may go on behind the items wanted."""
        wanted = sum(sizes)
        name, limits = _LIMITS
        if di.upper() == name and len(data) == wanted + limits:
            return True
        for length in (len(data), len(data) - 1 if data[-1:] and data[-1] in ENDS else len(data)):
            if length == wanted or (length > wanted and self._tariffs(di, length)):
                return True
        return False

    def _tariffs(self, di: str, length: int) -> bool:
        layout = lookup(di) if is_block(di) and di[:1].upper() in _TARIFFS else None
        return layout is not None and layout.count(length) is not None

    def masked(self, di: str) -> bool:
        """Of none: no such bit is documented."""
        return False

    def own(self, di: str) -> None:
        """All of them: a single item of another length is INVALID."""
        del di


_EDITION: Final = _Edition1997()


class Dlt645Of1997:
    """`drivers.exchange.Driver` for DL/T 645-1997."""

    protocols: tuple[str, ...] = ("dlt645-1997",)
    default_gap_ms: int = 20  # as the edition of 2007: a meter's reply delay is 20 ms at least

    def poll(self, spec: MeterSpec, poll: PollClass, unsupported: frozenset[str]) -> Poll:
        """Read all items of one class, blocks first; samples in the profile's order."""
        return reading.poll(_EDITION, spec, poll, unsupported)

    def script(self, spec: MeterSpec, poll: PollClass, unsupported: frozenset[str]) -> Script | None:
        """All blocks and single items that are known to be asked for."""
        return script(_EDITION, spec, poll, unsupported)

    def probe(self, spec: MeterSpec) -> Poll:
        """One short read: the energy total, else voltage A, else the first item."""
        return reading.probe(_EDITION, spec)

    def recall(self, spec: MeterSpec, span: Span, tell: Tell) -> Recall | None:
        """None: the edition of 1997 has no load records, and its months say nothing of hours."""
        return None

    def clock(self, spec: MeterSpec) -> ClockRead | None:
        """Date and time, each an item of its own."""
        return read_clock(MeterLine(spec.meter.address, DIALECT_1997), CLOCK_1997)

    def events(self, spec: MeterSpec, counts: Mapping[str, int], tell: TellEvent) -> Recall | None:
        """None: of the edition of 1997 only counts are documented."""
        return None


DRIVER: Final = Dlt645Of1997()
