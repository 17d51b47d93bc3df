"""What an uplink with levels says: its own levels only, in order, and what is up on each connection."""

from __future__ import annotations

from agent.notices import Document
from agent.uplinks.livenews import NEWS, LiveNews
from tests.support.notices import change


def short(documents: tuple[Document, ...]) -> list[object]:
    """ids of an "up", or (id, state, again) of an alarm."""
    return [
        one["ids"] if one["kind"] == "up" else (one["alarm"]["id"], one["alarm"]["state"], one["again"])
        for one in documents
    ]


def test_changes_of_its_levels_in_order() -> None:
    news = LiveNews(("warning",))
    assert news.tell(change("a", level="warning"))
    assert not news.tell(change("b", level="alarm"))
    assert news.tell(change("a", "cleared", "warning"))
    assert short(news.take()) == [("a", "raised", False), ("a", "cleared", False)]
    assert news.take() == ()


def test_a_level_that_changes_is_said_to_those_who_knew_it() -> None:
    news = LiveNews(("warning",))
    news.tell(change("a", level="warning"))
    assert news.tell(change("a", level="alarm")), "it left the warnings"
    assert [one["up"] for one in news.take()] == [{"warning": 1}, {"warning": 0}]
    assert short(news.connected()) == [[]]


def test_a_connection_begins_with_what_is_up() -> None:
    news = LiveNews(("warning", "alarm"))
    assert short(news.connected()) == [[]]
    news.tell(change("a", level="warning"))
    news.tell(change("b"))
    news.tell(change("b", "acknowledged"))
    news.tell(change("c"))
    news.tell(change("c", "cleared"))
    assert short(news.connected()) == [["a", "b"], ("a", "raised", True), ("b", "acknowledged", True)]
    assert news.take() == (), "what happened meanwhile is in it"


def test_without_levels_there_is_nothing_to_say() -> None:
    news = LiveNews(())
    assert not news.tell(change("a"))
    assert (news.connected(), news.take()) == ((), ())


def test_more_changes_than_are_kept_become_one_list() -> None:
    news = LiveNews(("alarm",))
    for n in range(NEWS):
        news.tell(change(f"a{n}"))
        news.tell(change(f"a{n}", "cleared"))
    news.tell(change("last"))
    assert short(news.take()) == [["last"], ("last", "raised", True)]
    assert news.take() == ()
