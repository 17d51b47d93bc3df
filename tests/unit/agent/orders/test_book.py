"""The book: a fold of records; what is over goes first, what holds never goes."""

from __future__ import annotations

from typing import Any

import pytest

from agent.orders import book as book_module
from agent.orders.book import RECENT_MS, Book, fold
from agent.orders.opening import page

NOW = 1_795_000_000_000


def put(i: int, name: str, begin: int = NOW, end: int | None = NOW + 1000, **more: Any) -> dict[str, Any]:
    """The record of a stop order."""
    ends = {} if end is None else {"to_ms": end}
    fields = {"id": name, "kind": "stop", "source": "city", "from_ms": begin, **ends, **more}
    return record(i, name, "put", order=fields)


def record(i: int, name: str, op: str, **more: Any) -> dict[str, Any]:
    own = {"k": "order", "i": i, "t": NOW, "by": "city", "number": i, "note": f"note {i}", "boot": 1}
    return {**own, "id": name, "op": op, **more}


def names(book: Book, utc_ms: int) -> list[str]:
    return [order.id for order in book.orders(utc_ms)]


def test_the_rules_hear_of_what_ended_lately() -> None:
    book = fold([put(1, "b"), put(2, "a", begin=NOW - 1), put(3, "open", begin=NOW + 5, end=None)])
    assert names(book, NOW) == ["a", "b", "open"]
    assert names(book, NOW + 1000 + RECENT_MS - 1) == ["a", "b", "open"]
    assert names(book, NOW + 1000 + RECENT_MS) == ["open"]


def test_in_force_is_from_the_first_moment_and_not_in_the_last() -> None:
    book = fold([put(1, "a"), put(2, "open", end=None)])
    found = [[order.id for order in book.in_force(NOW + ms)] for ms in (-1, 0, 999, 1000, 10**12)]
    assert found == [[], ["a", "open"], ["a", "open"], ["open"], ["open"]]


def test_a_record_that_is_known_changes_nothing() -> None:
    records = [put(1, "a"), record(2, "a", "cancel")]
    book = fold(records)
    assert fold(records, book) is book
    assert len(book.held["order"]["a"].records) == 2


def test_a_cancel_of_what_is_not_known_counts_its_number() -> None:
    book = fold([record(9, "gone", "cancel")])
    assert (dict(book.numbers), dict(book.held["order"]), dict(book.done)) == ({"city": 9}, {}, {})


def test_a_lower_number_never_lowers_it() -> None:
    assert fold([put(5, "a"), {**put(6, "b"), "number": 2}]).numbers == {"city": 5}


def test_the_oldest_that_are_over_go_first_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(book_module, "MOST", 3)
    over = [put(i, f"o{i}", begin=NOW - 9, end=NOW - 1) for i in (1, 2, 3, 4)]
    book = fold([over[0], put(10, "live"), *({**one, "i": one["i"] + 10} for one in over[1:])])
    assert list(book.held["order"]) == ["live", "o3", "o4"]
    assert {done.id for done in book.done.values()} == {"live", "o3", "o4"}
    assert book.numbers == {"city": 10}
    many = fold([put(i, f"l{i}") for i in range(1, 6)])
    assert len(many.held["order"]) == 5, "what holds never goes"


@pytest.mark.parametrize(
    ("given", "heard_ms"),
    [
        ({"t": NOW + 999, "order": {"replaces": "a"}}, NOW),
        ({"t": NOW + 1000, "order": {"replaces": "a"}}, NOW + 1000),  # the plant may have begun again
        ({"t": NOW + 999, "order": {}}, NOW + 999),
        ({"t": NOW + 999, "order": {"replaces": "lost", "heard_ms": NOW - 5}}, NOW - 5),  # carried over
    ],
)
def test_an_order_counts_from_when_a_plant_could_know_of_it(given: dict[str, Any], heard_ms: int) -> None:
    later = put(2, "b", begin=NOW + 1000, end=None, **given["order"])
    (held,) = (one for one in fold([put(1, "a"), {**later, "t": given["t"]}]).orders(NOW) if one.id == "b")
    assert held.heard_ms == heard_ms


def test_a_page_gives_the_same_book() -> None:
    book = fold(
        [put(1, "a"), put(2, "b", begin=NOW + 10, replaces="a"), record(3, "b", "cancel", reason="x")]
    )
    kept = page(book, "e", 7)
    assert (kept["epoch"], kept["n"], kept["numbers"]) == ("e", 7, {"city": 3})
    assert fold(kept["records"]) == book
    assert [(order.id, order.to_ms) for order in book.orders(NOW)] == [("a", NOW + 10)]
