"""``sitebox profile``: built-in and own profiles, each result with its exit status."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

import pytest

from agent.cli import main
from config.profiles import builtin_profiles

SDM120 = files("config").joinpath("profiles", "eastron-sdm120.toml").read_text(encoding="utf-8")
VECTOR = files("config").joinpath("profiles", "vectors", "eastron-sdm120.toml").read_text(encoding="utf-8")


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A site with a profile of its own: an SDM120 under another name."""
    (tmp_path / "profiles" / "vectors").mkdir(parents=True)
    (tmp_path / "profiles" / "ours.toml").write_text(SDM120.replace('"eastron-sdm120"', '"ours"'), "utf-8")
    vector = VECTOR.replace('"eastron-sdm120"', '"ours"')
    (tmp_path / "profiles" / "vectors" / "ours.toml").write_text(vector, "utf-8")
    return tmp_path


def told(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, object]]:
    status = main(["profile", *words, "--json"])
    return status, json.loads(capsys.readouterr().out)


def test_list_has_built_in_and_own(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["profile", "--config", str(own)]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in (*builtin_profiles(), "ours"))
    status, found = told(capsys, "list", "--config", str(own))
    assert status == 0
    assert isinstance(found["profiles"], list)
    assert len(found["profiles"]) == len(builtin_profiles()) + 1


@pytest.mark.parametrize("name", ["acrel-adl400-ratio", "dlt645-2007-3p", "siemens-pac1600"])
def test_show(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    profile = builtin_profiles()[name]
    assert main(["profile", "show", name]) == 0
    out = capsys.readouterr().out
    assert all(item.quantity in out for item in (*profile.dlt, *profile.modbus))
    assert all(source.title in out for source in profile.sources)
    assert profile.note in out
    status, found = told(capsys, "show", name)
    assert (status, found["ratios"]) == (0, profile.ratio_source)


def test_every_profile_passes_its_vectors(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, found = told(capsys, "test", "--config", str(own))
    assert isinstance(found["profiles"], list)
    bad = [one["id"] for one in found["profiles"] if not one["ok"]]
    assert (status, bad) == (0, [])


def test_an_own_profile_by_id_and_by_file(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["profile", "test", "ours", "--config", str(own)]) == 0
    assert main(["profile", "test", str(own / "profiles" / "ours.toml")]) == 0
    assert "[ OK ]" in capsys.readouterr().out


def test_a_slip_is_2_and_says_what(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = own / "profiles" / "ours.toml"
    text = path.read_text("utf-8")
    path.write_text(text.replace('address = 0x0000, type = "f32"', 'address = 0x0000, type = "u32"'), "utf-8")
    assert main(["profile", "test", "ours", "--config", str(own)]) == 2
    out = capsys.readouterr().out
    assert "SBX-PRF-012" in out
    assert "SBX-PRF-020" in out  # and it is implausible as well
    status, found = told(capsys, "test", "ours", "--config", str(own))
    assert (status, found["ok"]) == (2, False)


def test_what_cannot_be_tested_says_so(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = own / "profiles"
    (folder / "vectors" / "ours.toml").write_text("profile = 1", "utf-8")
    assert main(["profile", "test", "ours", "--config", str(own)]) == 65
    assert "SBX-PRF-005" in capsys.readouterr().err
    (folder / "vectors" / "ours.toml").unlink()
    assert main(["profile", "test", "ours", "--config", str(own)]) == 1
    assert "vectors" in capsys.readouterr().out
    assert main(["profile", "test", "nothing", "--config", str(own)]) == 64
    assert main(["profile", "show"]) == 64
    assert main(["profile", "show", "nothing"]) == 64
    (folder / "ours.toml").write_text("id = 1", "utf-8")
    assert main(["profile", "test", "ours", "--config", str(own)]) == 78
    assert main(["profile", "show", str(folder / "absent.toml")]) == 78
