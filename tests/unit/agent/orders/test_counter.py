"""The counter: who asks is named, what came of it is passed on, and silence is not taken for a yes."""

from __future__ import annotations

import os
import pwd
from collections.abc import Mapping
from typing import Any

import pytest

from agent.control import answer
from agent.errors import AgentError
from agent.orders.asked import Answer, Asked, Outcome
from agent.orders.counter import Counter, problem_of, user
from config.errors import Problem

PROBLEM = Problem("SBX-ORD-017", "a.toml", 3, "order.a.id", {"other": "b"})
ANSWER = Answer((Outcome("order", "put", "a", 7),), (PROBLEM,))


def counter(asked: list[Asked], reply: Answer | None = ANSWER, room: bool = True) -> Counter:
    def put(item: Asked) -> bool:
        asked.append(item)
        if reply is not None:
            item.reply(reply)
        return room

    return Counter(put, patience_s=0.01)


@pytest.mark.parametrize(
    ("verb", "args", "wish", "values"),
    [
        ("orders-add", {"name": "a.toml", "text": "[[order]]\n"}, "file", {}),
        ("orders-cancel", {"id": "a", "reason": "r"}, "order-cancel", {"id": "a", "reason": "r"}),
        ("declare", {"kind": "stop", "to": "x", "points": ["k"]}, "declaration-put", None),
        ("declare-end", {"id": "d1"}, "declaration-end", {"id": "d1"}),
    ],
)
def test_each_verb_is_a_wish(
    verb: str, args: Mapping[str, Any], wish: str, values: Mapping[str, Any] | None
) -> None:
    asked: list[Asked] = []
    verbs = counter(asked).verbs()
    assert verbs[verb].act
    assert verbs[verb].audited
    result = verbs[verb].run({**args, "uid": os.getuid(), "other": 1})
    assert (asked[0].wish, asked[0].who) == (wish, pwd.getpwuid(os.getuid()).pw_name)
    assert asked[0].values == (args if values is None else values)
    assert result["done"] == [{"kind": "order", "op": "put", "id": "a", "record": 7, "repeated": False}]
    assert [problem_of(one) for one in result["problems"]] == [PROBLEM]


def test_the_bytes_of_a_file_arrive_as_they_are() -> None:
    asked: list[Asked] = []
    raw = "报备\n".encode() + b"\xb1\xa8\xff"
    text = raw.decode("utf-8", "surrogateescape")
    counter(asked).verbs()["orders-add"].run({"name": "a", "text": text, "uid": 0})
    assert asked[0].data == raw


def test_texts_that_no_bytes_become() -> None:
    asked: list[Asked] = []
    add = counter(asked).verbs()["orders-add"].run
    with pytest.raises(AgentError, match="SBX-CTL-001"):
        add({"name": "a", "text": "\ud800", "uid": 0})
    add({"name": "a\ud800\n" + "b" * 100, "text": "", "uid": 0})
    assert asked[0].called == "a??" + "b" * 77


@pytest.mark.parametrize(("reply", "room"), [(None, True), (None, False)])
def test_silence_is_no_yes(reply: Answer | None, room: bool) -> None:
    with pytest.raises(AgentError) as caught:
        counter([], reply, room).verbs()["declare-end"].run({"id": "d1", "uid": 0})
    assert (caught.value.code, caught.value.status) == ("SBX-ORD-045", 75)


def test_all_of_them_need_the_right_to_act() -> None:
    for verb in counter([]).verbs():
        reply = answer(f'{{"v":1,"verb":"{verb}"}}'.encode(), counter([]).verbs(), may_act=False)
        assert reply["code"] == "SBX-CTL-003"


def test_a_user_without_a_name_is_a_number() -> None:
    assert user(4_000_000_000) == "uid 4000000000"
    assert user(-1).startswith("uid")
