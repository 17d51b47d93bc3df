"""A sound configuration is kept; a bad one never replaces it; only a box without one refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.accepted import ConfigRefusedError, accept, keep
from agent.demo import plant

SITE = plant.site("en", "/dev/ttyUSB0", 502, ())


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    folder = tmp_path / "etc"
    folder.mkdir()
    (folder / "sitebox.toml").write_text(SITE)
    return folder


def test_sound_files_are_kept_and_carry_over_bad_ones(etc: Path, tmp_path: Path) -> None:
    kept = tmp_path / "state" / "accepted"
    first = accept(etc, kept)
    assert keep(first, kept) == ""
    assert not first.last_good
    (etc / "sitebox.toml").write_text(SITE.replace('kind = "serial"', 'kind = "cereal"'))
    second = accept(etc, kept)
    assert second.last_good
    assert second.loaded == first.loaded
    assert [problem.key for problem in second.problems] != []
    (etc / "sitebox.toml").unlink()
    third = accept(etc, kept)
    assert third.last_good
    assert third.loaded.digest == first.loaded.digest


def test_a_bad_file_never_replaces_what_was_kept(etc: Path, tmp_path: Path) -> None:
    kept = tmp_path / "state" / "accepted"
    keep(accept(etc, kept), kept)
    before = kept.read_bytes()
    (etc / "sitebox.toml").write_bytes(b"\xff\xfe not TOML")
    keep(accept(etc, kept), kept)
    assert kept.read_bytes() == before


def test_looking_keeps_nothing(etc: Path, tmp_path: Path) -> None:
    accept(etc, tmp_path / "state" / "accepted")
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize(
    "kept", [None, b"", b"{}", b'{"files": 7, "profiles": []}', b'{"files": [], "profiles": []}']
)
def test_without_any_good_one_it_refuses_with_78(etc: Path, tmp_path: Path, kept: bytes | None) -> None:
    (etc / "sitebox.toml").write_text("[site]\nid = 5\n")
    path = tmp_path / "accepted"
    if kept is not None:
        path.write_bytes(kept)
    with pytest.raises(ConfigRefusedError) as caught:
        accept(etc, path)
    assert caught.value.status == 78
    assert caught.value.problems


def test_profiles_of_the_site_are_part_of_it(etc: Path, tmp_path: Path) -> None:
    (etc / "profiles").mkdir()
    (etc / "profiles" / "broken.toml").write_text("id = 3\n")
    with pytest.raises(ConfigRefusedError) as caught:
        accept(etc, tmp_path / "accepted")
    assert any("broken.toml" in problem.file for problem in caught.value.problems)


def test_a_card_without_room_stops_no_start(etc: Path, tmp_path: Path) -> None:
    """The configuration counts; that it is not kept is said."""
    (tmp_path / "state").write_text("a file where the folder should be")
    found = accept(etc, tmp_path / "state" / "accepted")
    assert not found.last_good
    assert "state" in keep(found, tmp_path / "state" / "accepted")
