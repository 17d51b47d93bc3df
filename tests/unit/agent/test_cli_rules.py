"""``sitebox rules try``: its words, its width, its JSON and its exit codes."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import pytest

from agent.cli import main
from agent.cli.rules import parts

SCENARIOS = Path(__file__).parents[2] / "scenarios"
GOOD = str(SCENARIOS / "treatment-off-declared-elsewhere.toml")
DIFFERS = "08:25  raise pair", "08:26  raise pair"


@pytest.fixture
def differing(tmp_path: Path) -> str:
    """A copy that expects the alarm a minute late."""
    path = tmp_path / "differs.toml"
    path.write_text(Path(GOOD).read_text().replace(*DIFFERS))
    return str(path)


def width(text: str) -> int:
    return max(sum(1 + (unicodedata.east_asian_width(c) in "WF") for c in line) for line in text.split("\n"))


def test_the_parts_are_found() -> None:
    assert "try" in parts()


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_files_that_agree(lang: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--lang", lang, "rules", "try", GOOD]) == 0
    said = capsys.readouterr().out
    assert "       = 08:25:00  08:25:00  raise pair  SBX-RUL-001 alarm\n" in said
    assert width(said) <= 80


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_file_that_differs(lang: str, differing: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--lang", lang, "rules", "try", GOOD, differing]) == 1
    said = capsys.readouterr().out
    assert "       - 08:26:00            raise pair  alarm\n" in said
    assert "       +           08:25:00  raise pair  SBX-RUL-001 alarm\n" in said
    assert width(said) <= 80


def test_a_file_with_mistakes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text(Path(GOOD).read_text().replace("08:20  scrubber 0", "08:20  scrubber off"))
    assert main(["--lang", "en", "rules", "try", str(path)]) == 65
    assert "wrong.toml:9 timeline: SBX-SCN-011" in " ".join(capsys.readouterr().err.split())
    assert main(["rules", "try", "--json", GOOD, str(path)]) == 65
    found = json.loads(capsys.readouterr().out)
    assert [one["ok"] for one in found["files"]] == [True, False]
    (problem,) = found["files"][1]["problems"]
    assert (problem["code"], problem["line"], problem["key"]) == ("SBX-SCN-011", 9, "timeline")


def test_a_file_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--lang", "en", "rules", "try", str(tmp_path / "none.toml")]) == 66
    assert "SBX-SCN-901" in capsys.readouterr().err


def test_json_says_both_sides(differing: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rules", "try", "--json", differing]) == 1
    found = json.loads(capsys.readouterr().out)
    assert not found["ok"]
    rows = found["files"][0]["rows"]
    assert [(row["expected"] is None, row["actual"] is None) for row in rows] == [
        (True, False),
        (False, True),
        (False, False),
    ]
    assert rows[1]["expected"] == {
        "time": "08:26:00",
        "at_ms": 1_560_000,
        "verb": "raise",
        "key": "pair",
        "level": "alarm",
    }


def test_without_a_part_it_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["rules"])
    assert ended.value.code == 64
    assert "PART" in capsys.readouterr().err
