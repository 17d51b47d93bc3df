"""``sitebox journal check`` and ``salvage``: rot is located, what is sound is rescued, nothing is changed."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from agent.cli import main
from buffer.fs import DISK
from buffer.reader import JournalReader
from buffer.verify import verify
from tests.support.life import Box

BLOCKS = 8


def places(folder: Path) -> list[str]:
    return ["--config", str(folder / "etc"), "--state", str(folder), "--runtime", str(folder / "run")]


@pytest.fixture
def lived(tmp_path: Path) -> Path:
    box = Box(DISK, 1, tmp_path)
    for slot in range(BLOCKS):
        box.read(slot, frames=2)
        box.seal()
    box.close()
    return tmp_path


def spoil(folder: Path, sql: str) -> None:
    with closing(sqlite3.connect(folder / "journal" / "journal.db", isolation_level=None)) as db:
        db.execute(sql)


def digests(folder: Path) -> dict[str, str]:
    files = (folder / "journal").iterdir()
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_a_sound_journal(lived: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["journal", "check", "--json", *places(lived)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["blocks"], found["bodies"], found["level"]) == (BLOCKS + 1, BLOCKS + 1, "ok")
    assert found["frames"] == BLOCKS
    assert main(["journal", "check", "--lang", "zh", *places(lived)]) == 0
    assert "所有区块与写入时一致" in capsys.readouterr().out


def test_rot_is_located(lived: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spoil(lived, "UPDATE blocks SET body = x'00' WHERE n = 3")
    spoil(lived, "UPDATE blocks SET note = x'00' WHERE n = 6")
    assert main(["journal", "check", "--json", *places(lived)]) == 2
    rot = json.loads(capsys.readouterr().out)["rot"]
    assert [(one["n"], one["part"]) for one in rot] == [(3, "body"), (6, "header")]


def test_what_was_set_aside_is_named(lived: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (lived / "journal" / "journal.db.bad-1795000000000").write_bytes(b"old")
    assert main(["journal", "check", "--lang", "en", *places(lived)]) == 1
    assert "journal.db.bad-1795000000000 was set aside" in capsys.readouterr().out


def test_a_salvage_takes_what_is_sound_and_changes_nothing(
    lived: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spoil(lived, "UPDATE blocks SET body = x'00' WHERE n = 3")
    spoil(lived, "UPDATE blocks SET note = x'00' WHERE n = 6")
    before = digests(lived)
    assert main(["journal", "salvage", str(lived / "rescued"), "--json", *places(lived)]) == 1
    said = json.loads(capsys.readouterr().out)
    assert (said["last"], said["lost"]) == (5, 1)
    after = digests(lived)
    assert {name: after[name] for name in before if not name.endswith("-shm")} == {
        name: digest for name, digest in before.items() if not name.endswith("-shm")
    }
    (lived / "rescued" / "tail").write_bytes((lived / "journal" / "tail").read_bytes())
    with closing(JournalReader(lived / "rescued")) as reader:
        blocks = list(reader.blocks())
    report = verify(blocks, identity=None)
    assert len(blocks) == 6
    assert report.exit_code() == 1, report.findings
    assert [block.body is None for block in blocks].index(True) == 3


@pytest.mark.parametrize(
    ("words", "status", "code"),
    [([], 64, "SBX-JNL-915"), (["full"], 73, "SBX-JNL-911")],
)
def test_a_salvage_needs_a_folder_of_its_own(
    lived: Path, capsys: pytest.CaptureFixture[str], words: list[str], status: int, code: str
) -> None:
    (lived / "full").mkdir()
    (lived / "full" / "something").touch()
    named = [str(lived / word) for word in words]
    assert main(["journal", "salvage", *named, *places(lived)]) == status
    assert code in capsys.readouterr().err
