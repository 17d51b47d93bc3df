"""``sitebox journal check`` and ``salvage``: rot is located, what is sound is rescued, nothing is changed."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from agent.cli import main
from buffer.block import decode_header
from buffer.bundle import read_bundle
from buffer.errors import StoreFull
from buffer.fs import DISK
from buffer.keys import Keys
from buffer.note import decode
from buffer.reader import JournalReader
from buffer.verify import verify
from tests.support.life import BOX, Box

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
    assert main(["journal", "salvage", str(lived / "rescued"), "--json", *places(lived)]) == 2
    said = json.loads(capsys.readouterr().out)
    assert (said["last"], said["lost"], said["behind"]) == (5, 1, 2)
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


def rescued(folder: Path, *words: str) -> list[str]:
    return ["journal", "salvage", str(folder / "rescued"), *words, *places(folder)]


def numbers(path: Path) -> list[int]:
    blocks = list(read_bundle(path).blocks)
    assert all(block.body for block in blocks)
    assert verify(blocks, identity=read_bundle(path).identity).exit_code() == 0
    return [decode_header(decode(block.note).text).n for block in blocks]


def test_what_stands_behind_a_hole_is_evidence_beside_the_new_store(
    lived: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spoil(lived, "UPDATE blocks SET note = x'00' WHERE n = 3")
    assert main(rescued(lived, "--lang", "en")) == 2
    said = " ".join("".join(capsys.readouterr()).split())
    assert "blocks 0..2" in said
    assert "5 blocks with 5 records stand behind one that cannot be read" in said
    assert "at least 1 blocks cannot be read at all" in said
    assert sorted(path.name for path in (lived / "rescued").iterdir()) == ["blocks-4.zip", "journal.db"]
    assert numbers(lived / "rescued" / "blocks-4.zip") == [4, 5, 6, 7, 8]


def test_a_hole_without_a_row_is_one_too(lived: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spoil(lived, "DELETE FROM blocks WHERE n = 6")
    assert main(rescued(lived, "--json")) == 2
    said = json.loads(capsys.readouterr().out)
    assert (said["last"], said["behind"], said["unreadable"], said["files"]) == (5, 2, 1, ["blocks-7.zip"])


def test_many_blocks_behind_a_hole_are_several_files(
    lived: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("agent.salvage.MAX_BLOCKS", 2)
    spoil(lived, "UPDATE blocks SET note = x'00' WHERE n IN (3, 6)")
    assert main(rescued(lived, "--json")) == 2
    said = json.loads(capsys.readouterr().out)
    assert said["files"] == ["blocks-4.zip", "blocks-7.zip"]


@pytest.mark.parametrize("witness", ["keys", "--key"])
def test_a_rotten_genesis(witness: str, lived: Path, capsys: pytest.CaptureFixture[str]) -> None:
    key = str(Keys.open(lived / "keys", BOX).identity.verifier)
    spoil(lived, "UPDATE blocks SET note = x'00' WHERE n = 0")
    named = [] if witness == "keys" else ["--key", key]
    if named:
        (lived / "keys").rename(lived / "elsewhere")
        assert main(["journal", "check", *places(lived)]) == 66
        assert "SBX-JNL-931" in capsys.readouterr().err
    assert main(["journal", "check", "--json", *named, *places(lived)]) == 2
    assert json.loads(capsys.readouterr().out)["rot"] == [{"n": 0, "part": "header", "records": 0}]
    assert main(rescued(lived, "--json", *named)) == 2
    said = json.loads(capsys.readouterr().out)
    assert (said["last"], said["behind"], said["files"]) == (-1, BLOCKS, ["blocks-1.zip"])
    assert [path.name for path in (lived / "rescued").iterdir()] == ["blocks-1.zip"]


def test_durable_records_of_the_tail_are_rescued(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    box = Box(DISK, 1, tmp_path)
    box.read(0)
    box.seal()
    i = box.read(1)
    box.commit()
    box.journal._release()
    assert main(rescued(tmp_path, "--json")) == 0
    assert json.loads(capsys.readouterr().out)["tail"] == 1
    (row,) = (tmp_path / "rescued" / "tail.jsonl").read_text().splitlines()
    assert (json.loads(row)["i"], json.loads(row)["s"]) == (i, "f1")


@pytest.mark.parametrize(("part", "status"), [("note", 2), ("body", 1)])
def test_the_tail_stands_in_for_a_block_that_rotted(
    part: str, status: int, lived: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The last blocks still stand in its halves."""
    spoil(lived, f"UPDATE blocks SET {part} = x'00' WHERE n = {BLOCKS}")
    assert main(rescued(lived, "--lang", "zh")) == status
    assert "尾部有 1 条记录" in capsys.readouterr().out
    assert json.loads((lived / "rescued" / "tail.jsonl").read_text())["s"] == f"f{BLOCKS - 1}"


@pytest.mark.parametrize("tail", [True, False])
def test_a_database_that_is_none_any_more(
    tail: bool, lived: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with (lived / "journal" / "journal.db").open("r+b") as file:
        file.write(bytes(4096))
    if not tail:
        (lived / "journal" / "tail").unlink()
    assert main(rescued(lived, "--lang", "en")) == (2 if tail else 65)
    said = " ".join(capsys.readouterr().err.split())
    assert ("SBX-JNL-932" if tail else "SBX-JNL-916") in said
    assert "sitebox-receiver export" in said
    assert (lived / "rescued" / "tail.jsonl").exists() is tail


def test_a_newest_block_that_rotted_is_located(lived: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spoil(lived, f"UPDATE blocks SET note = x'00' WHERE n = {BLOCKS}")
    assert main(["journal", "check", "--json", *places(lived)]) == 2
    found = json.loads(capsys.readouterr().out)
    assert (found["blocks"], found["tail"]) == (BLOCKS + 1, None)
    assert [(one["n"], one["part"]) for one in found["rot"]] == [(BLOCKS, "header")]
    assert len(found["epoch"]) == 16


def test_a_missing_tail_hides_no_block(lived: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (lived / "journal" / "tail").unlink()
    assert main(["journal", "check", "--json", *places(lived)]) == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["blocks"], found["tail"], found["level"]) == (BLOCKS + 1, None, "warn")
    assert main(rescued(lived, "--json")) == 0


def test_a_salvage_that_had_no_room_says_so(
    lived: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object) -> None:
        raise StoreFull("SBX-JNL-003", path="x", reason="full")

    monkeypatch.setattr("buffer.store.Store.copy", full)
    assert main(rescued(lived)) == 74
    assert "SBX-JNL-936" in capsys.readouterr().err
