"""The counter: where orders and declarations are handed in, over the control socket. Waits for the clerk.

::

    {"verb":"orders-add","args":{"name":"red.toml","text":"[[order]]..."}}
      -> {"ok":true,"result":{"done":[{"kind":"order","op":"put","id":"2026-031","record":5184},...],
                              "problems":[{"code":"SBX-ORD-017","file":"red.toml","line":3,...}]}}

Decides nothing: it names the user and passes on.
"""

from __future__ import annotations

import pwd
from collections.abc import Callable, Mapping
from dataclasses import asdict
from queue import Empty, SimpleQueue
from typing import Any, Final

from agent.control import Verb
from agent.errors import AgentError
from agent.orders.asked import Answer, Asked, Wish
from config.errors import Problem

PATIENCE_S: Final = 15.0  # less than the command line's own
_WORDS: Final = ("id", "kind", "points", "from", "to", "reason")


class Counter:
    """``put`` hands an item to the recorder; False: its queue is full."""

    def __init__(self, put: Callable[[Asked], bool], patience_s: float = PATIENCE_S) -> None:
        self._put = put
        self._patience_s = patience_s

    def verbs(self) -> dict[str, Verb]:
        """The verbs of the socket; all of them need the right to act, and their use is on record."""
        return {
            "orders-add": Verb(self._add, act=True, named=True),
            "orders-cancel": Verb(self._cancel, act=True, named=True),
            "declare": Verb(self._declare, act=True, named=True),
            "declare-end": Verb(self._end, act=True, named=True),
        }

    def _add(self, args: Mapping[str, Any]) -> dict[str, Any]:
        """A file: orders and declarations in TOML, or a signed command."""
        try:
            data = str(args.get("text", "")).encode("utf-8", "surrogateescape")
        except UnicodeEncodeError:  # no bytes become such a text
            raise AgentError("SBX-CTL-001", 64) from None
        name = "".join(c if c.isprintable() else "?" for c in str(args.get("name", ""))[:80])
        return self._ask("file", name, args, data=data)

    def _cancel(self, args: Mapping[str, Any]) -> dict[str, Any]:
        return self._ask("order-cancel", "orders cancel", args)

    def _declare(self, args: Mapping[str, Any]) -> dict[str, Any]:
        return self._ask("declaration-put", "declare", args)

    def _end(self, args: Mapping[str, Any]) -> dict[str, Any]:
        return self._ask("declaration-end", "declare end", args)

    def _ask(self, wish: Wish, called: str, args: Mapping[str, Any], data: bytes = b"") -> dict[str, Any]:
        told: SimpleQueue[Answer] = SimpleQueue()
        values = {name: args[name] for name in _WORDS if name in args}
        asked = Asked(wish, called, user(args.get("uid", -1)), told.put, data, values)
        if not self._put(asked):
            raise AgentError("SBX-ORD-045", 75)
        try:
            answer = told.get(timeout=self._patience_s)
        except Empty:
            raise AgentError("SBX-ORD-045", 75) from None
        return {
            "done": [asdict(one) for one in answer.done],
            "problems": [plain(one) for one in answer.problems],
        }


def user(uid: int) -> str:
    """A user's name, or his number where he has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except (KeyError, OverflowError):
        return f"uid {uid}"


def plain(problem: Problem) -> dict[str, Any]:
    """A problem as JSON; ``problem_of`` takes it back."""
    return {
        "code": problem.code,
        "file": problem.file,
        "line": problem.line,
        "key": problem.key,
        "args": dict(problem.args),
    }


def problem_of(found: Mapping[str, Any]) -> Problem:
    """The problem that the daemon told of."""
    return Problem(found["code"], found["file"], found["line"], found["key"], found["args"])
