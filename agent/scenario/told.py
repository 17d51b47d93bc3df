"""What the box of a scenario has been told: orders and declarations, as the book of a real one holds them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from agent.scenario.model import Event, Heard
from config.orderchecks import cut, heard
from config.orders import Declaration, Order


class Told:
    """Changes with each line that brings or takes back one."""

    def __init__(
        self, orders: Iterable[Order], declarations: Iterable[Declaration], events: Iterable[Event]
    ) -> None:
        later = {event.act.id for event in events if isinstance(event.act, Heard) and not event.act.cancel}
        self._all: dict[str, Order | Declaration] = {one.id: one for one in orders}
        self._all |= {one.id: one for one in declarations}
        self._held = {name: one for name, one in self._all.items() if name not in later}

    def hear(self, told: Heard, utc_ms: int) -> None:
        """One came or was taken back; a declaration that is ended held until now."""
        one = self._all[told.id]
        if not told.cancel:
            self._held[told.id] = self._heard(one, utc_ms)
        elif isinstance(one, Declaration) and told.id in self._held:
            self._held[told.id] = replace(one, to_ms=min(one.to_ms, utc_ms))
        else:
            self._held.pop(told.id, None)

    def _heard(self, one: Order | Declaration, utc_ms: int) -> Order | Declaration:
        """With the moment of it."""
        if not isinstance(one, Order):
            return replace(one, declared_ms=utc_ms)
        before = self._held.get(one.replaces or "")
        return heard(one, before if isinstance(before, Order) else None, utc_ms)

    def known(self) -> tuple[tuple[Order, ...], tuple[Declaration, ...]]:
        """What the engine is to know. An order that another replaces ends where that one begins."""
        orders = [one for one in self._held.values() if isinstance(one, Order)]
        begun = {one.replaces: one.from_ms for one in orders if one.replaces is not None}
        kept = [cut(one, begun[one.id]) if one.id in begun else one for one in orders]
        declarations = tuple(one for one in self._held.values() if isinstance(one, Declaration))
        return tuple(one for one in kept if one is not None), declarations
