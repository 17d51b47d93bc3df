"""Run a function as another user, in a forked child; only root can."""

from __future__ import annotations

import json
import os
import traceback
from collections.abc import Callable
from typing import Any

DAEMON = (52_001, 52_100)  # uid, gid: no account needed
READER = (52_002, 52_100)  # a member of the daemon's group
STRANGER = (52_003, 52_999)


def become(who: tuple[int, int]) -> None:
    """Drop root for good, in this process."""
    uid, gid = who
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)
    os.umask(0o027)


def run_as(who: tuple[int, int], task: Callable[[], Any]) -> Any:
    """What ``task`` gives (as JSON) when that user runs it. AssertionError with the trace when it raises."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        _answer(who, task, writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        text = pipe.read()
    os.waitpid(child, 0)
    answer = json.loads(text)
    assert "error" not in answer, answer["error"]
    return answer["value"]


def _answer(who: tuple[int, int], task: Callable[[], Any], writing: int) -> None:
    """The child's part; it never returns."""
    answer: dict[str, Any] = {}
    try:
        become(who)
        answer = {"value": task()}
    finally:
        os.write(writing, json.dumps(answer or {"error": traceback.format_exc()}).encode())
        os._exit(0)
