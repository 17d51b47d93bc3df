"""``sitebox export``: the evidence, and beside it the verifier that any PC can run."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from agent.cli import main
from buffer.block import hash_text
from buffer.bundle import read_bundle
from buffer.fs import DISK
from buffer.note import VerifierKey
from buffer.receipt import Receipt, encode_receipt
from tests.arch.tree import ROOT
from tests.support.alone import OPENSSL, SOURCE, alone_elsewhere
from tests.support.life import BOX, UTC0, Box

pytestmark = pytest.mark.skipif(not OPENSSL, reason="NOT TESTED: the second verifier needs openssl")


def test_export_puts_the_verifier_beside_the_evidence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    box = Box(DISK, 1, tmp_path / "state")
    for slot in range(6):
        box.read(slot)
        if slot % 2:
            box.seal()
    box.close()
    key = box.keys.identity.verifier
    where = ["--config", str(tmp_path), "--state", str(tmp_path / "state"), "--runtime", str(tmp_path)]
    path, beside = tmp_path / "out" / "e.zip", tmp_path / "out" / "verify_sitebox.py"
    path.parent.mkdir()
    assert main(["export", str(path), *where, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["verifier"], said["verifier_sha256"]) == (str(beside), hash_text(beside.read_bytes()))
    assert beside.read_text(encoding="utf-8") == SOURCE
    assert (alone_elsewhere(path, key).exit, main(["verify", str(path), "--key", str(key), *where])) == (0, 0)
    second = path.with_name("second.zip")
    assert main(["export", str(second), *where, "--lang", "en"]) == 0, "the same verifier may stand there"
    assert "--key" in " ".join(capsys.readouterr().out.split())
    beside.write_text("something else")
    third = path.with_name("third.zip")
    assert main(["export", str(third), *where]) == 73
    assert not third.exists()


def test_a_damaged_member_is_said_and_not_a_defect(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    box = Box(DISK, 1, tmp_path / "state")
    box.read(0)
    box.seal()
    box.close()
    where = ["--config", str(tmp_path), "--state", str(tmp_path / "state"), "--runtime", str(tmp_path)]
    path = tmp_path / "e.zip"
    assert main(["export", str(path), *where]) == 0
    data = bytearray(path.read_bytes())
    at = data.index(b"blocks/0000000000000001.rows") + 40
    data[at] ^= 0x41
    path.write_bytes(data)
    assert main(["verify", str(path), *where, "--lang", "en"]) == 66
    assert "SBX-VFY-900" in capsys.readouterr().err


def test_what_a_start_put_aside_is_evidence_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """ADR 0011: a restored card ends an epoch; what it had not sent is exported by hand and verifies."""
    box = Box(DISK, 1, tmp_path / "state")
    for slot in range(4):
        box.read(slot)
        box.seal()
    head = box.journal.head
    word = Receipt("city", BOX, head.epoch, head.n, "ab" * 32, (), (), (), UTC0)
    assert box.journal.ending.mark(encode_receipt(word) + "\n— city AAAAAAA=\n".encode())
    box.close()
    anew = Box(DISK, 2, tmp_path / "state")
    assert anew.journal.head.epoch != head.epoch
    anew.close()
    key = str(box.keys.identity.verifier)
    where = ["--config", str(tmp_path), "--state", str(tmp_path / "state"), "--runtime", str(tmp_path)]
    (name,) = [
        p.name for p in (tmp_path / "state" / "journal").glob("journal.db.bad-*") if "-wal" not in p.name
    ]
    path = tmp_path / "aside.zip"
    assert main(["export", str(path), "--aside", name, *where]) == 0
    assert len(list(read_bundle(path).blocks)) == head.n + 1
    capsys.readouterr()
    assert main(["verify", str(path), "--key", key, *where, "--json"]) == 0
    assert alone_elsewhere(path, box.keys.identity.verifier).exit == 0
    for wrong in ("journal.db", "../state/journal/journal.db", "journal.db.bad-1"):
        assert main(["export", str(tmp_path / "x.zip"), "--aside", wrong, *where]) == 66


@pytest.fixture
def holed(tmp_path: Path) -> tuple[Path, list[str], str]:
    """A journal whose card lost one block whole and rotted the body of another; options, and its key."""
    box = Box(DISK, 1, tmp_path / "state")
    for slot in range(8):
        box.read(slot)
        box.seal()
    box.close()
    with closing(sqlite3.connect(tmp_path / "state" / "journal" / "journal.db", isolation_level=None)) as db:
        db.execute("DELETE FROM blocks WHERE n = 3")
        db.execute("UPDATE blocks SET body = ? WHERE n = 5", (b"no zlib stream",))
    where = ["--config", str(tmp_path), "--state", str(tmp_path / "state"), "--runtime", str(tmp_path)]
    return tmp_path, where, str(box.keys.identity.verifier)


def test_a_hole_is_no_end(holed: tuple[Path, list[str], str], capsys: pytest.CaptureFixture[str]) -> None:
    """What is missing in the middle is named, and what lies behind it is judged and exported."""
    folder, where, key = holed
    assert main(["verify", "--key", key, "--json", *where]) == 65
    report = json.loads(capsys.readouterr().out)
    assert (report["first_wrong"], report["wrong_kind"]) == (3, "unreadable")
    assert report["blocks"] == 8, "the genesis and seven more"
    assert report["chain"]["status"] != "pass"
    assert report["completeness"]["status"] != "pass"
    path = folder / "e.zip"
    assert main(["export", str(path), *where, "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["missing"] == 1
    written = list(read_bundle(path).blocks)
    assert len(written) == 8
    assert [one.body is None for one in written] == [False] * 4 + [True] + [False] * 3
    ours = main(["verify", str(path), "--key", key, "--json", *where])
    report = json.loads(capsys.readouterr().out)
    assert (ours, report["first_wrong"], report["wrong_kind"]) == (65, 3, "removed block")
    theirs = alone_elsewhere(path, VerifierKey.parse(key))
    assert (theirs.exit, theirs.kind, theirs.first_wrong) == (ours, report["wrong_kind"], 3)


def test_the_list_shows_what_can_be_read(
    holed: tuple[Path, list[str], str], capsys: pytest.CaptureFixture[str]
) -> None:
    _, where, _ = holed
    assert main(["journal", "list", "--last", "20", "--json", *where]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["n"] for row in rows] == [str(n) for n in range(9)]
    assert rows[3]["records"] == "?"


def test_evidence_is_never_written_over_and_never_left_half(
    holed: tuple[Path, list[str], str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, where, _ = holed
    path = folder / "e.zip"
    path.write_text("mine")
    assert main(["export", str(path), *where, "--lang", "en"]) == 73
    assert "SBX-JNL-920" in capsys.readouterr().err
    assert path.read_text() == "mine"
    monkeypatch.setattr("buffer.bundle.MAX_BLOCKS", 2)
    other = folder / "other.zip"
    assert main(["export", str(other), *where]) != 0
    assert [one.name for one in folder.glob("other*")] == []
    assert main(["export", str(other), "--from", "2026-11-25", *where]) == 64
    assert "SBX-JNL-921" in capsys.readouterr().err


@pytest.mark.parametrize("reader", ["gone", "full", "cp1252"])
@pytest.mark.parametrize("judge", ["first", "second"])
def test_the_verdict_is_the_exit_code_whoever_reads_the_words(
    holed: tuple[Path, list[str], str], judge: str, reader: str
) -> None:
    """1 means authentic with gaps, 0 that all is well: no trouble with the output says so of a forgery."""
    folder, where, key = holed
    path = folder / "e.zip"
    main(["export", str(path), *where])
    first = [sys.executable, "-m", "agent.cli", "verify", str(path), "--key", key, *where]
    second = [sys.executable, str(path.with_name("verify_sitebox.py")), str(path), "--key", key]
    words = [*(first if judge == "first" else second), "--lang", "zh"]
    env = {**os.environ, "PYTHONIOENCODING": "cp1252"} if reader == "cp1252" else None
    read, write = os.pipe()
    os.close(read)
    with open("/dev/full", "w") as full, os.fdopen(write, "w") as gone:
        out: Any = {"full": full, "gone": gone, "cp1252": subprocess.PIPE}[reader]
        ran = subprocess.run(words, stdout=out, stderr=subprocess.PIPE, env=env, check=False, cwd=ROOT)
    assert ran.returncode in (65, 74), ran.stderr
    assert ran.returncode == 65 or reader == "full", "the first says that the output cannot be written"
