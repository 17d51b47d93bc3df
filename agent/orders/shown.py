"""Orders and declarations as facts for people and programs: state, times, history. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from zoneinfo import ZoneInfo

from agent.orders.book import Book, Held, Record
from config.calendar import holding
from config.orders import Declaration, Order

STATES: Final = {
    "coming": "SBX-ORD-920",
    "in force": "SBX-ORD-921",
    "over": "SBX-ORD-922",
    "cancelled": "SBX-ORD-923",
    "replaced": "SBX-ORD-924",
    "ended": "SBX-ORD-925",
    "holds": "SBX-ORD-926",
    "outside its hours": "SBX-ORD-927",
}


def state(held: Held, utc_ms: int, zone: ZoneInfo) -> str:
    """One of ``STATES``."""
    what = held.what
    if what is None or held.end_ms <= utc_ms:
        return held.fate or "over"
    if utc_ms < what.from_ms:
        return "coming"
    if not isinstance(what, Order):
        return "holds"
    return "in force" if what.daily is None or holding(what.daily, utc_ms, zone) else "outside its hours"


def listed(book: Book, kind: str, utc_ms: int, zone: ZoneInfo, everything: bool) -> list[dict[str, Any]]:
    """Those of a kind, order or declaration, that hold or will, by beginning; with ``everything`` also what
    is over."""
    held = [one for one in book.held[kind].values() if everything or not one.is_over(utc_ms)]
    held.sort(key=lambda one: (one.given.from_ms, one.given.id))
    return [facts(one, utc_ms, zone) for one in held]


def facts(held: Held, utc_ms: int, zone: ZoneInfo) -> dict[str, Any]:
    """All that is known of one; ``from`` and ``to`` in UTC ms, of what holds of it."""
    first = held.records[0]
    given, what = held.given, held.what or held.given
    found = {name: value for name, value in given.fields().items() if name not in ("from_ms", "to_ms")}
    found |= {"state": state(held, utc_ms, zone), "from": what.from_ms, "to": what.to_ms, "by": held.by}
    found |= {"record": first["i"], "time": first["t"], "number": first["number"]}
    if isinstance(given, Declaration):
        found |= {"who": given.by, "late_ms": given.late_ms, "overlaps": list(first.get("overlaps", ()))}
    return found | {"history": [_change(record) for record in held.records]}


def _change(record: Record) -> Mapping[str, Any]:
    names = {"op": "op", "i": "record", "t": "time", "by": "by", "who": "who", "number": "number"}
    more = ("reason", "carried_i", "note")
    return {
        **{called: record[name] for name, called in names.items() if name in record},
        **{name: record[name] for name in more if name in record},
    }
