"""The agent's pages in the logbook: alarm latches, the start of the day, what meters were seen to support.

Each page says as of which block it was written; the journal's later blocks are read on top of it, and without
any page everything is found again from the journal alone (DESIGN 6). So a page that cannot be written (a full
card) stops nothing: it waits in memory, `fault` says why, and `again` tries once more.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tinydb import Query
from tinydb.table import Table

from agent.rules.alarms import Alarm
from agent.rules.page import back, plain
from buffer.logbook import Logbook


@dataclass(frozen=True, slots=True)
class Page:
    """The alarms that were up as of block ``n`` (-1: nothing is known), and the engine's memory as of block
    ``engine_n``."""

    n: int
    up: Mapping[str, Alarm]
    engine: Mapping[str, Any] | None = None
    engine_n: int = -1


NO_PAGE = Page(-1, {})
_ALARM = tuple(field.name for field in dataclasses.fields(Alarm))


class Latches:
    """Written by the recorder's thread alone. ``stamp`` names a broken file when it is moved aside."""

    def __init__(self, logbook: Logbook, stamp: str) -> None:
        self._alarms = logbook.table("alarms", stamp)
        self._engine = logbook.table("engine", stamp)
        self._day = logbook.table("day", stamp)
        self._learnt = logbook.table("learnt", stamp)
        self._gaps = logbook.table("gaps", stamp)
        self._clocks = logbook.table("clocks", stamp)
        self.orders = Sheet(logbook.table("orders", stamp), "book", self._put)
        self._waiting: dict[tuple[str, str], tuple[Table, Mapping[str, Any]]] = {}
        self.fault = ""  # why the newest pages are not on the card

    def alarms(self, up: tuple[Alarm, ...], n: int) -> None:
        """Replace the latches by those up as of block ``n``: one document, so one atomic write."""
        rows = [{name: plain(getattr(alarm, name)) for name in _ALARM} for alarm in up]
        self._put(self._alarms, "up", {"n": n, "alarms": rows})

    def engine(self, page: Mapping[str, Any], n: int) -> None:
        """Keep the engine's memory as of block ``n``."""
        self._put(self._engine, "engine", {"n": n, "page": page})

    def page(self) -> Page:
        """The latches as they were written last; a page that cannot be understood counts as none."""
        kept, memory = _get(self._alarms, "up"), _get(self._engine, "engine")
        try:
            page = NO_PAGE
            if kept is not None:
                page = Page(kept["n"], {row["key"]: _alarm(row) for row in kept["alarms"]})
            return page if memory is None else replace(page, engine=memory["page"], engine_n=memory["n"])
        except (KeyError, TypeError):
            return NO_PAGE

    def load(self) -> Mapping[str, Any] | None:
        """The start of the running day."""
        return _get(self._day, "day")

    def store(self, document: Mapping[str, Any]) -> None:
        """Keep the start of the running day."""
        self._put(self._day, "day", document)

    def learnt(self) -> dict[str, frozenset[str]]:
        """Blocks and items that each meter was seen not to support."""
        return {row["name"]: frozenset(row["unsupported"]) for row in self._learnt.all()}

    def learn(self, meter: str, unsupported: frozenset[str]) -> None:
        """Remember what a meter does not support."""
        self._put(self._learnt, meter, {"unsupported": sorted(unsupported)})

    def gap_pages(self) -> list[Mapping[str, Any]]:
        """The open gaps of all meters."""
        return [gap for row in self._gaps.all() for gap in row.get("gaps", ())]

    def keep_gaps(self, meter: str, documents: Sequence[Mapping[str, Any]]) -> None:
        """Write the page of a meter's open gaps."""
        self._put(self._gaps, meter, {"gaps": list(documents)})

    def clock_pages(self) -> dict[str, Mapping[str, Any]]:
        """What was last measured of each meter's clock."""
        return {row["name"]: row for row in self._clocks.all()}

    def keep_clock(self, meter: str, document: Mapping[str, Any]) -> None:
        """Write what was last measured of a meter's clock."""
        self._put(self._clocks, meter, document)

    def again(self) -> None:
        """Write the pages that could not be written."""
        for table, document in tuple(self._waiting.values()):
            self._put(table, document["name"], document)

    def _put(self, table: Table, name: str, document: Mapping[str, Any]) -> None:
        page = {**document, "name": name}
        try:
            table.upsert(page, Query().name == name)
        except OSError as error:
            self._waiting[table.name, name] = table, page
            self.fault = str(error)
            return
        self._waiting.pop((table.name, name), None)
        self.fault = self.fault if self._waiting else ""


class Sheet:
    """One page, for a part that keeps its own form in it: the book of orders and declarations."""

    def __init__(self, table: Table, name: str, put: Callable[[Table, str, Mapping[str, Any]], None]) -> None:
        self._table, self._name, self._put = table, name, put

    def load(self) -> Mapping[str, Any] | None:
        """As it was written last."""
        return _get(self._table, self._name)

    def store(self, document: Mapping[str, Any]) -> None:
        """Write it."""
        self._put(self._table, self._name, document)


def _get(table: Table, name: str) -> Mapping[str, Any] | None:
    found = table.get(Query().name == name)
    return found if isinstance(found, dict) else None


def _alarm(row: Mapping[str, Any]) -> Alarm:
    kept = back(row)
    return Alarm(**{**kept, "subjects": tuple(kept["subjects"])})
