"""What is up, and what a LED shows for it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agent.notices.announcer import Announcer
from agent.notices.board import Board
from agent.notices.document import MAX_BYTES, document, encode, trial
from tests.support.notices import PLANT, change, record

BOTH = ("warning", "alarm")


@pytest.mark.parametrize(
    ("levels", "steps", "pattern"),
    [
        (BOTH, [], "dark"),
        (BOTH, [("a", "raised", "alarm")], "steady"),
        (BOTH, [("a", "raised", "warning")], "blink"),
        (BOTH, [("a", "raised", "warning"), ("b", "raised", "alarm")], "steady"),
        (BOTH, [("a", "raised", "warning"), ("b", "raised", "alarm"), ("b", "cleared", "alarm")], "blink"),
        (BOTH, [("a", "raised", "alarm"), ("a", "acknowledged", "alarm")], "steady"),
        (BOTH, [("a", "raised", "alarm"), ("a", "cleared", "alarm")], "dark"),
        (BOTH, [("a", "raised", "alarm"), ("a", "raised", "warning")], "blink"),
        (BOTH, [("a", "raised", "warning"), ("b", "cleared", "warning")], "blink"),
        (("alarm",), [("a", "raised", "warning")], "dark"),
        (("warning",), [("a", "raised", "alarm")], "dark"),
        (("alarm",), [("a", "raised", "alarm"), ("a", "raised", "warning")], "dark"),
    ],
)
def test_pattern(levels: tuple[str, ...], steps: list[tuple[str, str, str]], pattern: str) -> None:
    board = Board(levels)
    for name, state, level in steps:
        board.take(change(name, state, level))
    assert board.pattern() == pattern


def test_a_change_of_another_level_is_none_of_its_business_unless_it_takes_one_away() -> None:
    board = Board(("alarm",))
    assert not board.take(change("a", level="warning"))
    assert board.take(change("b", level="alarm"))
    assert board.counts() == {"alarm": 1}
    assert board.take(change("b", level="warning")), "its level sank: who was told of it must hear"
    assert board.counts() == {"alarm": 0}
    assert not board.take(change("b", "cleared", "warning"))


def test_a_document_has_the_record_and_both_texts() -> None:
    found = json.loads(encode(document(record("pair", since_i=3), PLANT)))
    assert (found["v"], found["kind"], found["box"], found["plant"]) == (1, "alarm", "SB-1", "三号厂")
    assert found["alarm"] == {name: value for name, value in record("pair").items()}
    assert "since_i" not in found["alarm"]
    assert set(found["text"]) == {"en", "zh"}
    for lang in ("en", "zh"):
        assert found["text"][lang]["what"]
        assert "{" not in found["text"][lang]["what"]


def test_a_code_of_a_newer_version_has_no_words_and_a_long_one_none_either() -> None:
    assert json.loads(encode(document(record("a", code="SBX-RUL-999"), PLANT)))["text"] == {
        "en": {},
        "zh": {},
    }
    long = record("a", facts={"production": "x" * MAX_BYTES, "treatment": "y"})
    assert json.loads(encode(document({**long, "facts": {}}, PLANT)))["text"]["en"]
    assert json.loads(encode(document(long, PLANT)))["text"] == {}


def test_a_test_says_that_it_is_one() -> None:
    found = trial(PLANT, "siren")
    assert (found["alarm"]["state"], found["alarm"]["code"]) == ("test", "SBX-NTF-010")
    assert "siren" in found["text"]["zh"]["what"]


def test_the_announcer_tells_everybody_first_of_what_is_up() -> None:
    heard: list[tuple[str, str, bool]] = []

    class Ear:
        def tell(self, document: Any) -> None:
            heard.append((document["alarm"]["id"], document["alarm"]["state"], document["again"]))

    row = {**record("old"), "record": 41, "since_record": 40}
    announce = Announcer(PLANT, (Ear(), Ear()), (row,))
    announce(record("new"))
    assert heard == [("old", "raised", True)] * 2 + [("new", "raised", False)] * 2
