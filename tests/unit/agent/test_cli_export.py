"""``sitebox export``: the evidence, and beside it the verifier that any PC can run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agent.cli import main
from buffer.block import hash_text
from buffer.bundle import read_bundle
from buffer.fs import DISK
from buffer.receipt import Receipt, encode_receipt
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
