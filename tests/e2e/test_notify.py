"""The plant is warned by the real daemon: a LED's files, a real program, the verb, over a SIGKILL."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.demo.stage import Stage
from tests.support.notices import led_folder, led_state

pytestmark = pytest.mark.slow

SIREN = """#!{python}
import sys
line = sys.stdin.read()
with open({out!r}, "a") as file:
    file.write(line)
"""


def site(folder: Path) -> str:
    """A meter that nobody answers for, so that "monitoring lost" comes by itself, as a warning."""
    return f"""
[site]
id = "SB-DEMO-01"
name = "三号厂"
lang = "en"
[[bus]]
id = "b1"
kind = "tcp"
host = "127.0.0.1"
port = 9
[[meter]]
id = "kiln"
bus = "b1"
protocol = "modbus-tcp"
address = "1"
profile = "eastron-sdm630"
every_s = 1
slow_every_s = 60
[[rule]]
id = "silent"
kind = "meter-silent"
after_s = 2
level = "warning"
[[notify]]
id = "lamp"
kind = "led"
led = "red:alarm"
[[notify]]
id = "gone"
kind = "led"
led = "nowhere"
[[notify]]
id = "siren"
kind = "command"
command = ["{folder}/siren"]
[[notify]]
id = "alarms-only"
kind = "command"
command = ["{folder}/quiet"]
levels = ["alarm"]
[[notify]]
id = "hangs"
kind = "command"
command = ["/bin/sleep", "600"]
timeout_s = 600
"""


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.setenv("SITEBOX_SYSFS", str(tmp_path / "sys"))
    made = Stage(tmp_path, "en", (), seed=1)
    (tmp_path / "etc" / "sitebox.toml").write_text(site(tmp_path))
    for name in ("siren", "quiet"):
        script = tmp_path / name
        script.write_text(SIREN.format(python=sys.executable, out=str(tmp_path / f"{name}.jsonl")))
        script.chmod(0o755)
    try:
        yield made
    finally:
        made.close()


def heard(stage: Stage, name: str = "siren") -> list[dict[str, Any]]:
    path = stage.folder / f"{name}.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def notify(stage: Stage, *words: str, good: tuple[int, ...] = (0,)) -> dict[str, Any]:
    done = stage.processes.ask("agent.cli", "notify", *words, "--json", *stage.scenery.places, good=good)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_led_program_verb_and_restart(stage: Stage) -> None:
    folder = led_folder(stage.folder / "sys", "red:alarm")
    (folder / "brightness").write_text("99")
    stage.start_daemon()
    assert stage.wait_for(lambda: led_state(folder)[:2] == ("timer", "0"), 20), led_state(folder)
    assert stage.wait_for(lambda: len(heard(stage)) == 1, 10)
    (told,) = heard(stage)
    assert (told["alarm"]["state"], told["alarm"]["level"], told["again"]) == ("raised", "warning", False)
    assert told["up"] == {"alarm": 0, "warning": 1}
    assert told["plant"] == "三号厂"
    assert stage.look.alarm_up(told["alarm"]["id"])

    rows = {row["id"]: row for row in notify(stage, "list", good=(1,))["notices"]}
    assert {name: (row["state"], row["ok"]) for name, row in rows.items()} == {
        "lamp": ("blink", True),
        "gone": (None, False),
        "siren": ("idle", True),
        "alarms-only": ("idle", True),
        "hangs": ("running", True),
    }
    status = stage.look.status()
    assert status is not None
    assert [c["code"] for c in status["checks"] if c["topic"] == "notify"] == ["SBX-NTF-001"]
    assert status["journal"]["records"] > 0, "a program that hangs holds up no record"

    assert notify(stage, "test", "siren")["code"] == "SBX-NTF-003"
    assert heard(stage)[-1]["alarm"]["state"] == "test"
    assert notify(stage, "test", "lamp")["ok"]
    assert led_state(folder)[:2] == ("none", "255"), "it blinked, so a test is steady"
    assert notify(stage, "test", "gone", good=(1,))["code"] == "SBX-NTF-001"
    assert notify(stage, "test", "horn", good=(64,))["code"] == "SBX-NTF-011"

    stage.kill_daemon()
    for name, word in (("trigger", "none"), ("brightness", "0")):
        (folder / name).write_text(word)  # as a reboot leaves it
    stage.start_daemon()
    assert stage.wait_for(lambda: led_state(folder)[:2] == ("timer", "0"), 10)
    assert stage.wait_for(lambda: len(heard(stage)) == 3, 10)
    again = heard(stage)[-1]
    assert (again["alarm"]["id"], again["again"], again["held"]) == (told["alarm"]["id"], True, 0)
    assert stage.processes.stop("daemon") == 0
    assert led_state(folder)[:2] == ("none", "0")
    assert heard(stage, "quiet") == [], "no alarm of its level was ever up"
    log = (stage.folder / "daemon.log").read_text()
    assert "SBX-NTF-003" in log
    assert "SBX-NTF-009" in log, "the one that hung was ended with the daemon"
