"""Programs of the plant, as real processes: what they get, how they end, and that nobody waits for them."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.clock import mono_ms
from agent.notices import Outcome, program
from agent.notices.command import CommandNotice
from agent.notices.program import Ended, Limits
from config.messages import text
from config.site import NotifyCommand
from tests.support.notices import PLANT, change

PYTHON = sys.executable


def limits(timeout_s: float = 20.0, stop: threading.Event | None = None) -> Limits:
    return Limits(timeout_s, stop or threading.Event(), mono_ms)


def script(source: str, *words: str) -> tuple[str, ...]:
    return (PYTHON, "-c", source, *words)


def gone(pid: int) -> bool:
    """Whether a process has ended; one that nobody has waited for yet counts as ended."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return True
    return state in ("Z", "X")


def until(fact: Callable[[], bool], seconds: float = 10.0) -> bool:
    pause = threading.Event()
    for _ in range(int(seconds * 50)):
        if fact():
            return True
        pause.wait(0.02)
    return fact()


def test_it_gets_the_bytes_and_nothing_else(tmp_path: Path) -> None:
    out = tmp_path / "out"
    source = (
        "import json,os,sys; json.dump({'in': sys.stdin.buffer.read().decode(), 'env': dict(os.environ),"
        " 'cwd': os.getcwd(), 'tty': sys.stdout.isatty(), 'argv': sys.argv[1:],"
        " 'fds': os.listdir('/proc/self/fd'), 'leads': os.getpid() == os.getsid(0)}, open(sys.argv[1], 'w'))"
    )
    os.environ["SITEBOX_SECRET"] = "x"
    try:
        ended = program.run(script(source, str(out), "$HOME; echo"), b'{"a":1}\n', limits())
    finally:
        del os.environ["SITEBOX_SECRET"]
    assert ended == Ended("ended")
    found = json.loads(out.read_text())
    assert found["in"] == '{"a":1}\n'
    assert set(found["env"]) - {"LC_CTYPE"} == {"PATH", "LANG"}
    assert (found["cwd"], found["tty"], found["argv"][1]) == ("/", False, "$HOME; echo")
    assert set(found["fds"]) - {"3", "4"} == {"0", "1", "2"}  # and its own file and folder
    assert found["leads"]


@pytest.mark.parametrize(
    ("source", "ended"),
    [
        ("raise SystemExit(3)", Ended("ended", 3)),
        ("import sys; sys.exit('\\n  no siren \\x07\\nsecond')", Ended("ended", 1, "no siren ?")),
        ("import os,signal; os.kill(os.getpid(), signal.SIGTERM)", Ended("ended", -15)),
        ("import sys; sys.stderr.write('x' * 3_000_000)", Ended("ended", 0, "x" * 120)),
        ("import os; os.close(0); os.close(2)", Ended("ended")),
        ("import sys; sys.stdout.write('y' * 3_000_000)", Ended("ended")),
    ],
)
def test_how_it_ended_is_known(source: str, ended: Ended) -> None:
    assert program.run(script(source), b"{}\n" * 20_000, limits()) == ended


@pytest.mark.parametrize(
    ("command", "reason"),
    [(("/no/such/siren",), "No such file or directory"), (("/etc",), "Permission denied")],
)
def test_what_cannot_be_started_says_why(command: tuple[str, ...], reason: str) -> None:
    assert program.run(command, b"{}\n", limits()) == Ended("unstartable", 0, reason)


SLEEPER = (
    "import subprocess,sys,threading; c = subprocess.Popen([sys.executable, '-c',"
    " 'import threading; threading.Event().wait()']); open(sys.argv[1], 'w').write(str(c.pid) + '\\n');"
    " sys.stderr.write('waiting\\n'); sys.stderr.flush(); threading.Event().wait()"
)


def test_a_late_one_is_killed_with_all_that_it_started(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    ended = program.run(script(SLEEPER, str(pids)), b"{}\n", limits(timeout_s=1.5))
    assert ended == Ended("late", 0, "waiting")
    child = int(pids.read_text())
    assert until(lambda: gone(child)), "the child of the child lives on"


def test_a_stop_ends_it_at_once(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    stop = threading.Event()
    found: list[Ended] = []
    thread = threading.Thread(
        target=lambda: found.append(program.run(script(SLEEPER, str(pids)), b"", limits(600, stop)))
    )
    thread.start()
    assert until(lambda: pids.exists() and pids.read_text().endswith("\n"))
    stop.set()
    thread.join(10)
    assert found[0].how == "stopped"
    child = int(pids.read_text())
    assert until(lambda: gone(child))


def test_one_that_never_reads_holds_up_nobody() -> None:
    source = "import os,signal; os.kill(os.getppid(), 0); raise SystemExit(0)"
    assert program.run(script(source), b"x" * 10_000_000, limits()) == Ended("ended")


def test_a_child_left_behind_that_holds_the_pipe_is_not_waited_for(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    source = SLEEPER.replace(" sys.stderr.flush(); threading.Event().wait()", " sys.stderr.flush()")
    try:
        assert program.run(script(source, str(pids)), b"", limits()) == Ended("ended", 0, "waiting")
        assert not gone(int(pids.read_text())), "what it leaves running is its own business"
    finally:
        os.kill(int(pids.read_text()), signal.SIGKILL)


# The notice around it


class Siren:
    """A command notice whose program appends what it gets to a file."""

    def __init__(self, folder: Path, source: str | None = None, **more: float) -> None:
        self.out = folder / "out"
        self.out.touch()
        take = "import sys; open(sys.argv[1], 'ab').write(sys.stdin.buffer.read())"
        config = NotifyCommand(
            id="siren",
            command=script(source or take, str(self.out)),
            **more,  # type: ignore[arg-type]  # two of its numbers
        )
        self.said: list[Outcome] = []
        self.notice = CommandNotice(config, PLANT, self.said.append, mono_ms)
        self.stop = threading.Event()

    def heard(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.out.read_text().splitlines()]


def test_each_change_comes_as_one_line_of_json(tmp_path: Path) -> None:
    siren = Siren(tmp_path)
    siren.notice.tell(change("a"))
    siren.notice.tell(change("a", "cleared"))
    siren.notice.step(siren.stop)
    siren.notice.step(siren.stop)
    first, last = siren.heard()
    assert first["alarm"] == {**change("a")["alarm"]}
    assert (first["plant"], first["up"]) == ("三号厂", {"alarm": 0, "warning": 0})  # cleared while it waited
    assert last["alarm"] == {**change("a", "cleared")["alarm"]}
    assert [outcome.code for outcome in siren.said] == ["SBX-NTF-003"] * 2
    assert siren.notice.checks() == ()
    assert siren.notice.row()["state"] == "idle"


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("import sys; sys.exit('no power')", "SBX-NTF-005"),
        ("import threading; threading.Event().wait()", "SBX-NTF-006"),
    ],
)
def test_a_failure_is_coded_and_the_next_success_ends_it(tmp_path: Path, source: str, code: str) -> None:
    mended = tmp_path / "mended"
    siren = Siren(
        tmp_path, f"import os\nif not os.path.exists({str(mended)!r}):\n    {source}", timeout_s=1.0
    )
    siren.notice.tell(change("a"))
    siren.notice.step(siren.stop)
    (check,) = siren.notice.checks()
    assert check.code == code == siren.said[0].code
    for lang in ("en", "zh"):
        said = text(check.code, lang, **check.args)
        assert "{" not in said.what + said.why + said.next
    mended.touch()
    siren.notice.tell(change("a", "cleared"))
    siren.notice.step(siren.stop)
    assert siren.notice.checks() == ()


def test_what_the_hour_has_no_room_for_waits_and_is_said(tmp_path: Path) -> None:
    siren = Siren(tmp_path, most_per_hour=1)
    for name in ("a", "b", "c"):
        siren.notice.tell(change(name))
    siren.notice.step(siren.stop)
    siren.notice.step(siren.stop)
    assert [found["held"] for found in siren.heard()] == [2]
    siren.notice.tell(change("d"))
    siren.notice.step(siren.stop)
    assert len(siren.heard()) == 1
    (check,) = siren.notice.checks()
    assert (check.code, check.args["count"], check.args["most"]) == ("SBX-NTF-008", "1", "1")


def test_telling_never_waits_for_a_program_that_hangs(tmp_path: Path) -> None:
    """The program hangs until the stop; a thousand changes are taken meanwhile and stay bounded."""
    started = tmp_path / "started"
    siren = Siren(
        tmp_path,
        f"import threading; open({str(started)!r}, 'w').close(); threading.Event().wait()",
        timeout_s=600,
    )
    thread = threading.Thread(target=siren.notice.run, args=(siren.stop,))
    thread.start()
    siren.notice.tell(change("first"))
    assert until(started.exists)
    for n in range(1000):
        siren.notice.tell(change(f"a{n}"))
    assert siren.notice.row()["state"] == "running"
    assert siren.notice._course.waiting == 1000
    siren.stop.set()
    thread.join(10)
    assert not thread.is_alive()
    assert siren.said[0].code == "SBX-NTF-009"


def test_a_test_runs_it_at_once_and_costs_no_run_of_the_hour(tmp_path: Path) -> None:
    siren = Siren(tmp_path, most_per_hour=1)
    thread = threading.Thread(target=siren.notice.run, args=(siren.stop,))
    thread.start()
    try:
        for _ in range(2):
            outcome = siren.notice.test()
            assert outcome is not None
            assert (outcome.ok, outcome.code) == (True, "SBX-NTF-003")
        siren.notice.tell(change("a"))
        assert until(lambda: len(siren.heard()) == 3)
    finally:
        siren.stop.set()
        thread.join(10)
    states = [found["alarm"]["state"] for found in siren.heard()]  # type: ignore[index]  # an object
    assert states == ["test", "test", "raised"]


def test_a_test_that_nobody_runs_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.notices.command.PATIENCE_S", 0.01)
    assert Siren(tmp_path, timeout_s=0.01).notice.test() is None
