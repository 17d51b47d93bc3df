"""The control socket: bad input is answered with a code, rights are kept, one client harms no other."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from agent.control import MAX_CLIENTS, ControlServer, Verb, answer, ask
from agent.errors import AgentError


def _echo(args: Mapping[str, Any]) -> dict[str, Any]:
    return {"args": dict(args)}


def _fails(args: Mapping[str, Any]) -> dict[str, Any]:
    raise AgentError("SBX-MTR-015", 64, meter="x")


VERBS = {"echo": Verb(_echo), "act": Verb(_echo, act=True), "fails": Verb(_fails)}


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"", "SBX-CTL-001"),
        (b"\xff\xfe", "SBX-CTL-001"),
        (b"[]", "SBX-CTL-001"),
        (b'{"v":2,"verb":"echo"}', "SBX-CTL-001"),
        (b"[" * 100_000, "SBX-CTL-001"),
        (b'{"v":1,"verb":"nothing"}', "SBX-CTL-002"),
        (b'{"v":1,"verb":["echo"]}', "SBX-CTL-002"),
        (b'{"v":1,"verb":"echo","args":7}', "SBX-CTL-002"),
        (b'{"v":1,"verb":"act"}', "SBX-CTL-003"),
        (b'{"v":1,"verb":"fails"}', "SBX-MTR-015"),
    ],
)
def test_bad_requests_are_answered_with_a_code(line: bytes, code: str) -> None:
    reply = answer(line, VERBS, may_act=False)
    assert reply["ok"] is False
    assert reply["code"] == code


def test_the_use_of_the_right_to_act_is_told_before_it_is_used() -> None:
    told: list[str] = []
    answer(b'{"v":1,"verb":"act"}', VERBS, True, told.append)
    answer(b'{"v":1,"verb":"act"}', VERBS, False, told.append)
    assert told == ["act"]


def test_a_verb_that_is_told_who_asks_believes_no_request() -> None:
    verbs = {"who": Verb(_echo, act=True, named=True)}
    reply = answer(b'{"v":1,"verb":"who","args":{"uid":0,"x":1}}', verbs, True, uid=1234)
    assert reply["result"] == {"args": {"uid": 1234, "x": 1}}


def test_acting_verbs_need_the_right() -> None:
    assert answer(b'{"v":1,"verb":"act"}', VERBS, may_act=True)["ok"] is True


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    server = ControlServer(tmp_path / "run" / "control.sock", VERBS)
    thread = threading.Thread(target=server.run)
    thread.start()
    yield tmp_path / "run" / "control.sock"
    server.stop()
    thread.join(5)
    assert not thread.is_alive()
    assert not (tmp_path / "run" / "control.sock").exists()


def test_ask_and_answer(path: Path) -> None:
    assert path.stat().st_mode & 0o777 == 0o660
    assert ask(path, "echo", {"meter": "焦炉"}) == {"args": {"meter": "焦炉"}}
    with pytest.raises(AgentError) as caught:
        ask(path, "fails")
    assert caught.value.code == "SBX-MTR-015"
    assert caught.value.args_ == {"meter": "x"}


def test_clients_that_say_nothing_do_not_block_others(path: Path) -> None:
    idle = [socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) for _ in range(3)]
    for sock in idle:
        sock.connect(str(path))
    assert ask(path, "echo") == {"args": {}}
    for sock in idle:
        sock.close()


def test_more_clients_than_allowed_are_sent_away_not_queued(path: Path) -> None:
    socks = [socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) for _ in range(MAX_CLIENTS + 4)]
    for sock in socks:
        sock.settimeout(5)
        sock.connect(str(path))
    for sock in socks[MAX_CLIENTS:]:
        assert sock.recv(1) == b""
    for sock in socks:
        sock.close()


def test_the_exit_status_is_that_of_the_one_who_refused(path: Path) -> None:
    for verb, status, code in (("fails", 64, "SBX-MTR-015"), ("nothing", 69, "SBX-CTL-002")):
        with pytest.raises(AgentError) as caught:
            ask(path, verb)
        assert (caught.value.code, caught.value.status) == (code, status)


def test_an_endless_line_is_cut_and_refused(path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(5)
        sock.connect(str(path))
        sock.sendall(b"x" * 70_000 + b"\n")
        with sock.makefile("rb") as lines:
            assert json.loads(lines.readline())["code"] == "SBX-CTL-001"


def test_without_a_daemon_the_code_says_so(tmp_path: Path) -> None:
    with pytest.raises(AgentError) as caught:
        ask(tmp_path / "none.sock", "status")
    assert caught.value.code == "SBX-CTL-010"
