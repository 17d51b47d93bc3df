"""What stands beside the evidence: verbs, checks, and an offline list."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agent.beside import Beside
from agent.cli import main
from agent.control import answer
from agent.demo import plant
from agent.inbox import Inbox
from agent.log import Log
from agent.paths import Paths
from config.site import NotifyCommand, NotifyLed, Site, SiteConfig
from tests.support.notices import led_folder

LAMP = NotifyLed(id="lamp", led="red")
SIREN = NotifyCommand(id="siren", command=("/bin/true",))


def beside(folder: Path, *notices: NotifyLed | NotifyCommand) -> Beside:
    config = SiteConfig(site=Site(id="T1"), notify=notices)
    paths = Paths(folder, folder, folder, folder / "sys")
    return Beside.of(config, paths, Inbox(), Log("en", plain=True))


def ask(made: Beside, verb: str, acting: bool = True, **args: str) -> dict[str, object]:
    line = json.dumps({"v": 1, "verb": verb, "args": args}).encode()
    return answer(line, made.verbs(), acting)


def test_a_thread_for_each_notice(tmp_path: Path) -> None:
    assert set(beside(tmp_path, LAMP, SIREN).threads()) == {"notice-lamp", "notice-siren"}


def test_everybody_may_list_only_operators_may_test(tmp_path: Path) -> None:
    made = beside(tmp_path, LAMP)
    listed = ask(made, "notices", acting=False)
    assert listed["ok"] is True
    assert ask(made, "notice-test", acting=False, notice="lamp")["code"] == "SBX-CTL-003"
    assert ask(made, "notice-test", notice="horn") == {
        "ok": False,
        "code": "SBX-NTF-011",
        "status": 64,
        "args": {"notice": "horn"},
    }


def test_a_test_that_no_thread_takes_up_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.notices.led.PATIENCE_S", 0.01)
    assert ask(beside(tmp_path, LAMP), "notice-test", notice="lamp")["code"] == "SBX-NTF-012"


def test_checks_are_those_of_the_notices(tmp_path: Path) -> None:
    made = beside(tmp_path, LAMP)
    led = made.notices["lamp"]
    led.step(0)  # type: ignore[attr-defined]  # a LED's own
    assert [check.code for check in made.checks()] == ["SBX-NTF-001"]
    led_folder(tmp_path / "sys", "red")
    led.step(10_000)  # type: ignore[attr-defined]  # a LED's own
    assert made.checks() == ()


def test_the_list_without_a_daemon_says_what_is_configured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    etc = tmp_path / "etc"
    etc.mkdir()
    (etc / "sitebox.toml").write_text(
        plant.site("en", "/dev/ttyUSB0", 502, ())
        + '[[notify]]\nid = "siren"\nkind = "command"\ncommand = ["/bin/siren", "-x"]\nlevels = ["alarm"]\n'
    )
    where = ["--config", str(etc), "--state", str(tmp_path), "--runtime", str(tmp_path)]
    assert main(["notify", "--json", *where]) == 0
    captured = capsys.readouterr()
    (row,) = json.loads(captured.out)["notices"]
    assert (row["id"], row["levels"], row["does"], row["state"]) == (
        "siren",
        ["alarm"],
        "/bin/siren -x",
        None,
    )
    assert "SBX-CTL-010" in captured.err
    assert main(["notify", "test", "siren", *where]) == 69
