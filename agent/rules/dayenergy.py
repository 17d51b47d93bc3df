"""Energy by hour and shift: what each meter's running sum grew by between two borders. Pure.

::

    reading     *         *    |    *                 | border: an hour or shift ends, or the clock was set
    power sum  10        12    |   14                 the sum at the border is drawn between its neighbours
    cell           earlier     |  later               nothing is lost there and nothing counted twice

A border is known before it comes (the cell says when it ends), so that a reading behind it is split, however
late the engine is asked. Power is kW and work kW ms; times are ms of the axis.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

from agent.rules.metering import MeterView, Sum
from agent.rules.page import plain

Credit = Callable[["Cell", str, Decimal, int], None]


class Cell(NamedTuple):
    """Where energy is booked: the day by its serial number, its hour (-1: the clock was not to be trusted, so
    no hour and no shift can be named) and the shifts that are worked."""

    day: int
    hour: int = -1
    shifts: tuple[str, ...] = ()


@dataclass(slots=True)
class _Account:
    """``base``: the sum up to which is booked; ``last``: the newest; ``ended``: cells that have ended, and
    when, that are waiting for the reading behind them."""

    base: Sum
    last: Sum
    ended: list[tuple[int, Cell]] = field(default_factory=list)


class Energy:
    """``credit`` is told the cell, the meter, and what was drawn in how many ms."""

    def __init__(self, meters: Mapping[str, MeterView], credit: Credit) -> None:
        self._accounts = {name: _Account(view.sum, view.sum) for name, view in meters.items()}
        self._credit = credit

    def observe(self, view: MeterView) -> None:
        """A meter's sum has grown."""
        account = self._accounts[view.id]
        if account.ended and view.sum.at_ms >= account.ended[0][0]:
            self._settle(view.id, account, view.sum)
        account.last = view.sum

    def end(self, cell: Cell, at_ms: int) -> None:
        """A cell is over."""
        for account in self._accounts.values():
            account.ended.append((at_ms, cell))

    def close(self, day: int) -> None:
        """A day is summed up: what was read so far is booked, and what its cells still wait for is not."""
        for name, account in self._accounts.items():
            if account.ended and account.ended[0][1].day <= day:
                self._book(account.ended[0][1], name, account, account.last)

    def page(self) -> Mapping[str, Any]:
        """For the logbook."""
        return {
            name: [plain(one.base), plain(one.last), plain(one.ended)] for name, one in self._accounts.items()
        }

    def turn_to(self, page: Mapping[str, Sequence[Any]]) -> None:
        """As a page says, its numbers brought back already; meters that are no more are left out."""
        for name, (base, last, ended) in page.items():
            if name in self._accounts:
                cells = [(at_ms, Cell(day, hour, tuple(shifts))) for at_ms, (day, hour, shifts) in ended]
                self._accounts[name] = _Account(Sum(*base), Sum(*last), cells)

    def _settle(self, name: str, account: _Account, new: Sum) -> None:
        while account.ended and account.ended[0][0] <= new.at_ms:
            at_ms, cell = account.ended.pop(0)
            between = _between(account.last, new, at_ms)
            self._book(cell, name, account, between)
            account.last = between

    def _book(self, cell: Cell, name: str, account: _Account, upto: Sum) -> None:
        self._credit(cell, name, upto.work - account.base.work, upto.covered_ms - account.base.covered_ms)
        account.base = upto


def _between(last: Sum, new: Sum, at_ms: int) -> Sum:
    """The sum at a moment between two readings; where the time between them was not measured, the older."""
    length = new.at_ms - last.at_ms
    covered = new.covered_ms - last.covered_ms
    if at_ms <= last.at_ms or length <= 0 or covered <= 0:
        return last._replace(at_ms=max(last.at_ms, at_ms))
    part = at_ms - last.at_ms
    work = last.work + (new.work - last.work) * part / length
    return Sum(at_ms, work, last.covered_ms + covered * part // length)
