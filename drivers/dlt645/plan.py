"""What a DL/T 645 meter is asked in one class, and how its items are taken from what it answers. Pure.

What differs between the editions stands in an `Edition`. The same from poll to poll, so it is planned once. A
length that does not fit is INVALID, never cut or filled up.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from types import MappingProxyType
from typing import Final, Protocol

from config.profile import DltBlock, DltItem, PollClass, Profile, data_bytes
from drivers.dlt645.fetch import Dialect, MeterLine, Outcome
from drivers.dlt645.format import Taker, bit_taker, taker
from drivers.exchange import MeterSpec
from drivers.samples import Quality, Sample
from drivers.scaling import factor, scaled

_GOOD: Final = Quality.GOOD  # a member of an enum by its name costs a search each time


class Edition(Hashable, Protocol):
    """What a poll must know of an edition of DL/T 645. There are two, each equal to itself alone."""

    @property
    def dialect(self) -> Dialect:
        """Its reading functions."""

    @property
    def probes(self) -> tuple[str, ...]:
        """DIs that are short, and nearly everywhere, best first."""

    def size(self, di: str, item: DltItem | None) -> int | None:
        """Bytes of data of a single DI, None if neither profile nor table knows it."""

    def fits(self, di: str, data: bytes, sizes: Sequence[int]) -> bool:
        """Whether ``data`` may be that of block ``di`` whose wanted items, its first, have these sizes."""

    def masked(self, di: str) -> bool:
        """Whether the top bit of an item is no part of its number, whatever its profile says."""

    def own(self, di: str) -> Callable[[bytes], bytes] | None:
        """How the item's own bytes are cut from its data where some meters put others behind; None: they do
        not."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """An item, its DI in capitals, how it is taken from its data, and its factor."""

    quantity: str
    di: str
    take: Taker
    factor: Decimal | None


@dataclass(frozen=True, slots=True)
class Plan:
    """What one class of a meter needs: its items, the sizes of all single DIs, the blocks that may serve, and
    the single DIs that are not asked for."""

    line: MeterLine
    wanted: tuple[Wanted, ...]
    sizes: Mapping[str, int]
    blocks: tuple[DltBlock, ...]
    skipped: frozenset[str]
    slow: bool


@lru_cache(maxsize=512)
def plan(edition: Edition, spec: MeterSpec, wanted: PollClass, unsupported: frozenset[str]) -> Plan:
    """The same from poll to poll, so it is made once."""
    return plan_of(edition, spec, [item for item in spec.profile.dlt if item.poll == wanted], unsupported)


def plan_of(edition: Edition, spec: MeterSpec, items: Sequence[DltItem], unsupported: frozenset[str]) -> Plan:
    """For these items."""
    sizes = _sizes(edition, spec.profile)
    known = [
        block
        for block in spec.profile.blocks
        if block.di not in unsupported and {di.upper() for di in block.items} <= sizes.keys()
    ]
    wanted = [
        Wanted(item.quantity, item.di.upper(), _taker(edition, item), factor(item, spec.meter))
        for item in items
    ]
    skipped = unsupported & {one.di for one in wanted}
    if len(skipped) == len({one.di for one in wanted}):  # a meter that has nothing is asked for everything
        skipped = frozenset()
    slow = bool(items) and all(item.poll == "slow" for item in items)
    line = MeterLine(spec.meter.address, edition.dialect)
    return Plan(line, tuple(wanted), sizes, tuple(known), skipped, slow)


def _taker(edition: Edition, item: DltItem) -> Taker:
    """How the number of an item is taken from the data behind its DI."""
    if item.bit is not None:
        take = bit_taker(item.bit)
    else:
        take = taker(item.format, signed=item.signed, masked=edition.masked(item.di))
        take = _nth(item, take) if item.of > 1 else take
    own = edition.own(item.di)
    return take if own is None else lambda data: take(own(data))


def _nth(item: DltItem, take: Taker) -> Taker:
    """Of an item that is one of several under its DI."""
    whole, size = data_bytes(item), data_bytes(item) // item.of
    cut = slice((item.nth - 1) * size, item.nth * size)
    return lambda data: take(data[cut] if len(data) == whole else b"")  # what does not fit is no number


def members(names: Sequence[str], sizes: Mapping[str, int], data: bytes) -> dict[str, bytes]:
    """The data of a block's members."""
    found: dict[str, bytes] = {}
    at = 0
    for di in names:
        found[di] = data[at : at + sizes[di]]
        at += sizes[di]
    return found


def sample(wanted: Wanted, outcome: Outcome) -> Sample:
    """What was read of an item, times its factor."""
    value = wanted.take(outcome) if isinstance(outcome, bytes) else outcome
    if isinstance(value, Decimal):
        by = wanted.factor
        return Sample(wanted.quantity, value if by is None else scaled(value, by), _GOOD)
    return Sample(wanted.quantity, None, value)


def _sizes(edition: Edition, profile: Profile) -> Mapping[str, int]:
    """Single DI -> bytes on the wire, of all items and all block members."""
    items = {item.di.upper(): item for item in profile.dlt}
    members = {di.upper() for block in profile.blocks for di in block.items}
    sizes = {di: edition.size(di, items.get(di)) for di in items.keys() | members}
    return MappingProxyType({di: size for di, size in sizes.items() if size is not None})
