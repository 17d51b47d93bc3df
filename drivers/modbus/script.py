"""A poll of a Modbus meter that answers each request by its registers: `drivers.exchange.Script`. Pure.

Asks and gives the same as `drivers.modbus.driver` does as long as nothing goes wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from drivers.exchange import Exchange, Polled, Script
from drivers.modbus.ask import Needed, Wanted, blank, filled, sample
from drivers.samples import Quality, Sample

_MISSING: Final = Quality.MISSING  # a member of an enum by its name costs a search each time


@dataclass(frozen=True, slots=True)
class _Script:
    """`drivers.exchange.Script`: each range is answered by its registers."""

    exchanges: tuple[Exchange, ...]
    wanted: tuple[tuple[Wanted, int, slice], ...]  # each item, which reply it is in, and where

    def take(self, at: int, reply: object) -> bytes | None:
        """The registers."""
        del at
        return reply if isinstance(reply, bytes) else None

    def read(self, parts: Sequence[bytes]) -> Polled:
        """All items."""
        samples: list[Sample] = []
        missing = False
        for wanted, at, cut in self.wanted:
            value = wanted.take(parts[at][cut])
            samples.append(sample(wanted.item.quantity, value, wanted.factor))
            if value is _MISSING:
                missing = True
        if missing and blank(parts[at][cut] for _, at, cut in self.wanted):
            return Polled(filled(samples))
        return Polled(tuple(samples))


def script(needed: Needed) -> Script | None:
    """None if nothing is asked, over TCP, where each request has a number of its own, and where the meter's
    own ratios are read along."""
    asked = tuple(ask.request for ask in needed.asks if ask.request is not None)
    if not asked or needed.ratios:
        return None
    places = {where: (at, cut) for at, ask in enumerate(needed.asks) for where, cut in ask.cuts}
    return _Script(asked, tuple((wanted, *places[wanted.place]) for wanted in needed.wanted))
