"""The DL/T 645-2007 driver: its edition for `drivers.dlt645.plan`, and the search for an address.

Nothing here writes to a meter. A length that does not fit is INVALID; the one exception is `Layout.spared`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Final

from config.profile import DltItem, PollClass, data_bytes
from drivers.dlt645 import reading
from drivers.dlt645.clock import CLOCK_2007, read_clock
from drivers.dlt645.eventlog import events
from drivers.dlt645.fetch import DIALECT_2007, Dialect, MeterLine
from drivers.dlt645.format import take_digits
from drivers.dlt645.frame import (
    OVERHEAD,
    WILDCARD,
    Frame,
    Function,
    address_bytes,
    encode_read_address,
)
from drivers.dlt645.item import lookup
from drivers.dlt645.recall import recall
from drivers.dlt645.reply import Awaited
from drivers.dlt645.script import script
from drivers.exchange import Answer, ClockRead, Exchange, MeterSpec, Poll, Recall, Script
from drivers.memory import Span, Tell, TellEvent

_DEMAND: Final = "01"  # DI3 of the items that carry a time behind their value


class _Edition2007:
    """`drivers.dlt645.plan.Edition`."""

    dialect: Dialect = DIALECT_2007
    probes: tuple[str, ...] = ("02010100", "00010000")  # voltage A, forward active total

    def size(self, di: str, item: DltItem | None) -> int | None:
        """By the table; the profile's format counts where the table has no time behind the value."""
        layout = lookup(di)
        if item is not None and (layout is None or di[:2] != _DEMAND):
            return data_bytes(item)
        return None if layout is None else sum(f.size for f in layout.fields[: layout.least])

    def fits(self, di: str, data: bytes, sizes: Sequence[int]) -> bool:
        """A block is believed only in exactly its own length; a tariff block (energy and demand with DI1 FF)
        may go on behind the items wanted, because it holds as many tariffs as the meter has set up."""
        wanted, length = sum(sizes), len(data)
        if di[:2] in ("00", "01") and di[4:6].upper() == "FF":
            layout = lookup(di)
            return length >= wanted and layout is not None and layout.count(length) is not None
        return length == wanted

    def masked(self, di: str) -> bool:
        """Of apparent power."""
        layout = lookup(di)
        return layout is not None and layout.fields[0].masked

    def own(self, di: str) -> Callable[[bytes], bytes] | None:
        """Without the spare byte of a voltage, without the time of a demand."""
        layout = lookup(di)
        if layout is None:
            return None
        if di.startswith(_DEMAND):
            size = layout.fields[0].size
            return lambda data: data[:size] if layout.count(len(data)) is not None else data
        return (lambda data: data[:-1] if layout.spared(data) else data) if layout.spare else None


_EDITION: Final = _Edition2007()


def find_address(address: str = WILDCARD) -> Generator[Exchange, Answer, str | None]:
    """13H: the address of the meter that ``address`` (AA for any byte) selects; None without a sound reply.

    Two meters that answer at once garble each other: that too is None.
    """
    request = encode_read_address(address)
    awaited = Awaited(request, address_bytes(address), Function.READ_ADDRESS)
    answer = yield Exchange(
        request=request,
        scan=awaited.scan,
        reply_bytes=OVERHEAD + 6,
        wildcard=True,
        label="address",
    )
    reply = answer.reply
    if not isinstance(reply, Frame) or reply.refusal:
        return None
    return take_digits(reply.data)[0]


class Dlt645:
    """`drivers.exchange.Driver` for DL/T 645-2007."""

    protocols: tuple[str, ...] = ("dlt645-2007",)
    default_gap_ms: int = 20  # a meter's reply delay Td is 20 ms at least (DL/T 645-2007, reply delay)

    def poll(self, spec: MeterSpec, poll: PollClass, unsupported: frozenset[str]) -> Poll:
        """Read all items of one class, blocks first; samples in the profile's order."""
        return reading.poll(_EDITION, spec, poll, unsupported)

    def script(self, spec: MeterSpec, poll: PollClass, unsupported: frozenset[str]) -> Script | None:
        """All blocks and single items that are known to be asked for."""
        return script(_EDITION, spec, poll, unsupported)

    def probe(self, spec: MeterSpec) -> Poll:
        """One short read: voltage A, else the energy total, else the first item."""
        return reading.probe(_EDITION, spec)

    def recall(self, spec: MeterSpec, span: Span, tell: Tell) -> Recall | None:
        """Load records, then hourly, then daily freezes."""
        return recall(spec, span, tell)

    def clock(self, spec: MeterSpec) -> ClockRead | None:
        """Date and time in one item, or in two."""
        return read_clock(MeterLine(spec.meter.address), CLOCK_2007)

    def events(self, spec: MeterSpec, counts: Mapping[str, int], tell: TellEvent) -> Recall | None:
        """The records behind the counters of DI3 03."""
        return events(spec, counts, tell)


DRIVER: Final = Dlt645()
