"""The command line: verbs found by themselves, usage errors 64, both languages, --json alone on stdout."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from agent.cli import main, parser, verbs
from agent.cli.parsing import Parser
from agent.cli.shell import choose_lang
from agent.cli.table import WIDTH, cells, table, wrap
from agent.demo import plant
from config.messages import known_codes

VERBS = (
    "status alarms orders declare notify read trace scan decode journal verify export config profile rules "
    "demo run key help version"
)


def places(folder: Path) -> list[str]:
    etc = folder / "etc"
    etc.mkdir(exist_ok=True)
    (etc / "sitebox.toml").write_text(plant.site("en", "/dev/ttyUSB0", 502, ()))
    return ["--config", str(etc), "--state", str(folder / "state"), "--runtime", str(folder / "run")]


def test_the_verbs_are_found() -> None:
    assert list(verbs()) == VERBS.split()


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("verb", VERBS.split())
def test_each_verb_explains_itself(verb: str, lang: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parser(lang).parse_args([verb, "--help"])
    assert ended.value.code == 0
    assert "SBX" not in capsys.readouterr().out.replace("SBX-...", "")


@pytest.mark.parametrize("verb", ["scan", "read", "trace", "decode", "config"])
def test_each_option_is_explained_in_both_languages(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    told = {}
    for lang in ("en", "zh"):
        grammar = Parser(prog=verb, add_help=False)
        grammar.lang = lang
        verbs(verb)[verb].add(grammar)
        told[lang] = [action.help or "" for action in grammar._actions]
        with pytest.raises(SystemExit):
            parser(lang).parse_args([verb, "--help"])
        shown = "".join(capsys.readouterr().out.split())
        assert all("".join(text.split()) in shown for text in told[lang]), "no % of it is taken for a form"
    for english, chinese in zip(told["en"], told["zh"], strict=True):
        assert english.isascii()
        assert english
        assert not chinese.isascii()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("scan", "必须给出参数 --bus --port 之一"),
        ("scan --bus", "参数 --bus: 需要一个值"),
        ("scan --bus b --port p", "不能与参数"),
        ("scan --bus b --protocol x", "不在可选范围内"),
        ("read", "缺少参数: METER"),
        ("read a b", "无法识别的参数: b"),
        ("read a --raw=1", "此选项不带值"),
        ("decode", "至少需要一个值|缺少参数"),
        ("trace --for x", "不是有效的 float 值"),
        ("trace --f 1", "不明确"),
    ],
)
def test_usage_errors_are_told_in_chinese(words: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*words.split(), "--lang", "zh"])
    assert ended.value.code == 64
    err = capsys.readouterr().err
    assert "用法: sitebox" in err
    assert re.search(said, err), err
    with pytest.raises(SystemExit):
        main([*words.split(), "--lang", "en"])
    assert capsys.readouterr().err.isascii(), "the next call speaks its own language"


@pytest.mark.parametrize(
    "words",
    [
        ["nothing"],
        ["shell"],
        ["rules_try"],
        ["status", "--nothing"],
        ["read"],
        ["--lang", "fr"],
        ["--x", "run"],
    ],
)
def test_usage_errors_are_64(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 64
    assert "usage: sitebox" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words", ["version", "--json version", "--config run version", "--lang=zh version", "--conf run version"]
)
def test_a_verb_is_found_behind_all_options(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words.split()) == 0
    assert "sitebox/block/v1" in capsys.readouterr().out


def test_a_verb_imports_no_other() -> None:
    """A Raspberry Pi takes a second longer for them all, and the daemon ten megabytes more."""
    code = "import sys; from agent.cli import main; main(['version']); print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    found = {name for name in ran.stdout.split() if name.startswith("agent.cli.")}
    assert found == {"agent.cli.parsing", "agent.cli.shell", "agent.cli.table", "agent.cli.version"}


def test_help_of_a_code_speaks_both_languages(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["help", "sbx-mtr-010"]) == 0
    out = capsys.readouterr().out
    assert "无应答" in out
    assert "does not reply" in out
    assert main(["help", "SBX-XXX-999"]) == 64
    assert "SBX-CLI-004" in capsys.readouterr().err


def test_every_code_can_be_explained(capsys: pytest.CaptureFixture[str]) -> None:
    for code in known_codes():
        assert main(["help", code, "--json"]) == 0
        assert set(json.loads(capsys.readouterr().out)) == {"zh", "en"}


@pytest.mark.parametrize(
    ("words", "status", "code"),
    [
        (["status"], 66, "SBX-JNL-007"),
        (["journal"], 66, "SBX-JNL-007"),
        (["verify"], 66, "SBX-JNL-007"),
        (["verify", "/nothing/here.zip"], 66, "SBX-VFY-900"),
        (["verify", "--key", "no key"], 64, "SBX-VFY-901"),
        (["export", "x.zip"], 66, "SBX-JNL-007"),
        (["read", "kiln-1"], 66, "SBX-JNL-007"),
        (["read", "nothing"], 64, "SBX-MTR-015"),
        (["alarms"], 66, "SBX-JNL-007"),
        (["config", "check", "5"], 64, "SBX-CFG-912"),
        (["config", "show", "1", "2"], 64, "SBX-CFG-912"),
        (["trace", "--for", "-1"], 64, "SBX-CLI-173"),
        (["trace", "--for", "0"], 64, "SBX-CLI-173"),
        (["trace", "--for", "nan"], 64, "SBX-CLI-173"),
    ],
)
def test_a_box_that_never_started_says_so(
    words: list[str], status: int, code: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words, *places(tmp_path)]) == status
    captured = capsys.readouterr()
    assert code in captured.err
    assert captured.out == ""
    assert main([*words, *places(tmp_path), "--json"]) == status
    assert json.loads(capsys.readouterr().out)["code"] == code


def test_config_check_shows_the_wire_time_and_what_would_fit(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fresh = [
        "--config",
        str(tmp_path / "etc"),
        "--state",
        str(tmp_path / "s"),
        "--runtime",
        str(tmp_path / "r"),
    ]
    assert main(["config", "init", *fresh]) == 0
    assert main(["config", "check", *fresh, "--json"]) == 0
    *_, whole = capsys.readouterr().out.partition("{")
    plan = {bus["bus"]: bus for bus in json.loads("{" + whole)["buses"]}["rs485"]
    assert {meter["id"]: meter["every_s"] for meter in plan["meters"]} == {
        "pusher": 10,
        "crusher": 10,
        "desulph-fan": 10,
    }
    assert 0 < plan["share"]["least"] < plan["share"]["slow"] < 1
    for path in (tmp_path / "etc").rglob("*.toml"):
        path.write_text(path.read_text().replace("every_s = 10\n", "every_s = 1\n"))
    assert main(["config", "check", *fresh, "--lang", "en"]) == 78
    seen = capsys.readouterr()
    assert "SBX-CFG-090" in seen.err
    row = next(line.split() for line in seen.out.splitlines() if line.split()[:1] == ["pusher"])
    fits = int(row[-1])
    for path in (tmp_path / "etc").rglob("*.toml"):
        path.write_text(path.read_text().replace("every_s = 1\n", f"every_s = {fits}\n"))
    assert main(["config", "check", *fresh]) == 0, "what it says would fit does"


def test_config_check_show_init(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "check", *places(tmp_path)]) == 1
    assert "SBX-CFG-093" in capsys.readouterr().out  # no uplink: said, and not refused
    assert main(["config", "show", *places(tmp_path)]) == 0
    assert json.loads(capsys.readouterr().out)
    fresh = ["--config", str(tmp_path / "fresh")]
    assert main(["config", "init", *fresh]) == 0
    assert main(["config", "check", *fresh]) == 0
    capsys.readouterr()
    assert main(["config", "init", *fresh]) == 73
    assert "SBX-CFG-905" in capsys.readouterr().err
    (tmp_path / "fresh" / "sitebox.toml").write_text('[site]\nid = "S"\nnmae = "x"\n')
    assert main(["config", "check", *fresh]) == 78
    assert "sitebox.toml:3 site.nmae" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("asked", "env", "lang"),
    [
        ("zh", {}, "zh"),
        (None, {"SITEBOX_LANG": "zh", "LANG": "en_US.UTF-8"}, "zh"),
        (None, {"LANG": "zh_CN.UTF-8"}, "zh"),
        (None, {"LANG": "zh_CN.UTF-8", "TERM": "linux"}, "en"),
        (None, {"LC_ALL": "C", "LANG": "zh_CN.UTF-8"}, "en"),
        (None, {}, "en"),
    ],
)
def test_language(asked: str | None, env: dict[str, str], lang: str) -> None:
    assert choose_lang(asked, env) == lang


def test_a_broken_line_keeps_its_indentation() -> None:
    """What stands below a line stands to the right of it, also where it is longer than a terminal."""
    lines = wrap("       " + "kiln " * 20, 7).split("\n")
    assert [len(line) - len(line.lstrip()) for line in lines] == [7, 7]
    assert max(map(cells, lines)) <= WIDTH
    assert wrap("kiln " * 20, 7).startswith("kiln kiln")


def test_tables_align_by_cells() -> None:
    lines = table(["名", "value"], [["电表", "1"], ["meter", "12"]], right=[1])
    assert {cells(line) for line in lines} == {12}


def test_config_add_writes_a_new_file_only_if_all_is_sound(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = places(tmp_path)
    words = ["config", "add", "1", *where]
    assert main(words) == 66
    bus = {"id": "ttyUSB0", "kind": "serial", "port": "/dev/ttyUSB0"}
    meter: dict[str, object] = {
        "protocol": "dlt645-2007",
        "address": "000000000777",
        "profile": "dlt645-2007-3p",
        "line": "9600 8E1",
    }
    meter |= {"others": [], "values": {}}
    kept = {"bus": bus, "found": [meter, {**meter, "address": "7"}, {**meter, "profile": None}]}
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "scan.json").write_text(json.dumps(kept))
    site = tmp_path / "etc" / "sitebox.toml"
    site.write_text(site.read_text().replace("after_s = 7\n", "after_s = 31\n"))
    before = site.read_bytes()
    assert main(["config", "add", "2", *where]) == 78
    assert main(["config", "add", "3", *where]) == 64
    assert not (tmp_path / "etc" / "conf.d").exists()
    assert main(words) == 0
    assert "000000000777" in (tmp_path / "etc" / "conf.d" / "50-scan.toml").read_text()
    assert main(words) == 64, "the same meter twice"
    assert site.read_bytes() == before
    capsys.readouterr()
