"""``sitebox export --point``: the smallest file that proves a stretch, and both verifiers take it."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from agent.cli import main
from buffer.block import decode_header
from buffer.bundle import read_bundle
from buffer.fs import DISK
from buffer.note import Ed25519Signer, decode, encode
from buffer.reader import JournalReader
from buffer.receipt import Receipt, encode_receipt
from buffer.rows import decode_body
from tests.support.journals import CITY
from tests.support.life import BOX, Box

MINUTE_MS = 60_000
POINT = "mill"  # one more on the meter "crusher" of the example


def lived(folder: Path, receipts: bool = True) -> list[int]:
    """Thirty blocks of a minute; the pusher is read in each, the crusher in every second. The times of the
    blocks."""
    box = Box(DISK, 1, folder)
    times = []
    for n in range(30):
        now = box.now(MINUTE_MS)
        for meter in ("pusher", "crusher")[: 1 + (n % 2)]:
            fields = {"m": meter, "s": f"f{n if meter == 'pusher' else n // 2}", "src": "live"}
            box.append("reading", {**fields, "v": {"p": f"{n}.5"}, "x": {}})
        if n == 6:
            box.append("alarm", {"id": "pair", "state": "raised", "subjects": [POINT]})
            box.append("order", {"op": "put", "id": "7"})
        box.seal()
        times.append(now.utc_ms)
        if n == 20 and receipts:
            _receipt(box, CITY)
    box.close()
    return times


def _receipt(box: Box, by: Ed25519Signer) -> None:
    head = box.journal.head
    word = Receipt("city", BOX, head.epoch, head.n, head.hash, (), (), (), box.now(5).utc_ms)
    assert box.journal.advance("city", word, encode(encode_receipt(word), (by,)), box.now(5))


def places(folder: Path) -> list[str]:
    return ["--config", str(folder / "etc"), "--state", str(folder), "--runtime", str(folder / "run")]


@pytest.fixture
def plant(tmp_path: Path) -> Path:
    assert main(["config", "init", *places(tmp_path)]) == 0
    more = f'[[point]]\nid = "{POINT}"\nrole = "production"\nmeter = "crusher"\n'
    (tmp_path / "etc" / "conf.d" / "30-more.toml").write_text(
        more + 'on_above_kw = "5"\noff_below_kw = "4"\n'
    )
    return tmp_path


def local(utc_ms: int) -> str:
    moment = datetime.fromtimestamp(utc_ms / 1000, UTC).astimezone(ZoneInfo("Asia/Shanghai"))
    return moment.replace(tzinfo=None).isoformat()


def test_one_point_and_ten_minutes(plant: Path, capsys: pytest.CaptureFixture[str]) -> None:
    times = lived(plant)
    since, until = local(times[4]), local(times[9])
    capsys.readouterr()
    words = ["export", str(plant / "proof.zip"), "--point", "crusher", "--from", since, "--to", until]
    assert main([*words, "--json", *places(plant)]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["anchored"] is True
    bundle = read_bundle(plant / "proof.zip")
    blocks = list(bundle.blocks)
    headers = [decode_header(decode(block.note).text) for block in blocks]
    assert [header.n for header in headers] == list(range(headers[0].n, headers[-1].n + 1))
    assert headers[0].n == said["from"] - 1, "its key signs the first"
    assert headers[-1].n == 21, "the block that the receipt names"
    bodies = {h.n: b.body for h, b in zip(headers, blocks, strict=True) if b.body is not None}
    assert set(bodies) <= set(range(said["from"], said["to"] + 1))
    about = [record for body in bodies.values() for record in decode_body(body) if record["k"] == "reading"]
    with closing(JournalReader(plant / "journal")) as reader:
        asked = [r for r in reader.records() if r.get("m") == "crusher" and times[4] <= r["t"] <= times[9]]
    assert len(asked) >= 2
    assert all(record in about for record in asked), "all that was read of it is there"
    rest = [record["k"] for body in bodies.values() for record in decode_body(body)]
    assert {"alarm", "order"} <= set(rest), "and what was said of its point, and to the plant"
    assert main(["export", str(plant / "all.zip"), *places(plant)]) == 0
    assert (plant / "proof.zip").stat().st_size < 0.8 * (plant / "all.zip").stat().st_size


def test_both_verifiers_take_it(plant: Path, capsys: pytest.CaptureFixture[str]) -> None:
    times = lived(plant)
    since, until = local(times[4]), local(times[9])
    words = ["export", str(plant / "proof.zip"), "--point", "pusher", "--from", since, "--to", until]
    assert main([*words, *places(plant)]) == 0
    identity = str(read_bundle(plant / "proof.zip").identity)
    keys = ["--key", identity, "--authority", str(CITY.verifier)]
    assert main(["verify", str(plant / "proof.zip"), *keys, *places(plant)]) == 1, "authentic, with gaps"
    capsys.readouterr()
    alone = [sys.executable, str(plant / "verify_sitebox.py"), str(plant / "proof.zip"), *keys]
    told = subprocess.run(alone, capture_output=True, text=True, timeout=120, check=False)
    assert told.returncode == 1, told.stdout + told.stderr


def test_a_stretch_that_no_platform_has_confirmed_says_so(
    plant: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    times = lived(plant, receipts=False)
    words = ["export", str(plant / "proof.zip"), "--point", "pusher", "--from", local(times[25])]
    assert main([*words, "--lang", "en", *places(plant)]) == 0
    assert "no receipt of a platform" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "status", "code"),
    [
        (["--point", "nothing"], 64, "SBX-JNL-908"),
        (["--point", "pusher", "--from", "yesterday"], 64, "SBX-JNL-910"),
        (["--point", "pusher", "--to", "2001-01-01"], 66, "SBX-JNL-909"),
    ],
)
def test_what_cannot_be_proved(
    plant: Path, capsys: pytest.CaptureFixture[str], words: list[str], status: int, code: str
) -> None:
    lived(plant)
    assert main(["export", str(plant / "proof.zip"), *words, *places(plant)]) == status
    assert code in capsys.readouterr().err
    assert not (plant / "proof.zip").exists()
