"""The receiver's file, keys and command line: each mistake is named, each verb says its exit code."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from buffer.note import VerifierKey
from buffer.verify import BlockData
from buffer.wire import pack_block, topic
from receiver.config import read
from receiver.core import Arrival, Core
from receiver.errors import ReceiverError
from receiver.keys import Registry, open_key
from receiver.service import main
from receiver.store import Store
from tests.support.journals import BOX, CITY, IDENTITY, T0, Life, make, resign, signer

GOOD = """
authority = "city"
state = "{folder}/state"
boxes = "{folder}/boxes"
[broker]
host = "localhost"
ca = "ca.crt"
cert = "receiver.crt"
key = "receiver.key"
"""
BLOCKS = make(Life(blocks=9))


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "boxes").mkdir()
    (tmp_path / "boxes" / f"{BOX}.vkey").write_text(f"{IDENTITY.verifier}\n")
    path = tmp_path / "receiver.toml"
    path.write_text(GOOD.format(folder=tmp_path))
    return path


def fill(config: Path, blocks: list[BlockData]) -> None:
    """Let a core take these blocks, as the service does."""
    settings = read(config)
    store = Store(settings.store)
    core = Core(store, Registry(settings.boxes), CITY, lambda code, args: None)
    store.begin()
    for block in blocks:
        core.take(Arrival(topic(BOX, "up", "block"), pack_block(block.note, block.body)), T0)
    store.commit()
    store.close()


# Configuration


def test_defaults(config: Path) -> None:
    found = read(config)
    assert (found.broker.port, found.broker.share, found.headers_only) == (8883, "", False)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('authority = "city"\n', "", "authority: missing"),
        ('"city"', '"two words"', "authority"),
        ('"city"', "7", "authority: not of type str"),
        ('host = "localhost"\n', "", "broker.host: missing"),
        ("[broker]", '[broker]\nhots = "x"', "broker.hots: unknown key"),
        ("[broker]", "[broker]\nport = 0", "broker.port"),
        ("[broker]", "[broker]\nport = true", "broker.port: not of type int"),
        ("[broker]", '[broker]\nshare = "a/b"', "broker.share"),
        ("authority", "= authority", "receiver.toml"),
    ],
)
def test_each_mistake_is_named(config: Path, old: str, new: str, said: str) -> None:
    config.write_text(config.read_text().replace(old, new, 1))
    with pytest.raises(ReceiverError) as caught:
        read(config)
    assert caught.value.code == "SBX-RCV-003"
    assert said in caught.value.args_["problem"] + caught.value.args_["path"]


def test_a_missing_file_is_a_configuration_mistake(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["status", "--config", str(tmp_path / "none")]) == 78
    assert "SBX-RCV-003" in capsys.readouterr().err


def test_an_unknown_verb_is_a_usage_mistake(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["statsu", "--config", str(config)])
    assert caught.value.code == 64


# Keys


def test_the_key_is_made_once_and_kept_for_itself(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = []
    for _ in range(2):
        assert main(["key", "--config", str(config)]) == 0
        lines.append(capsys.readouterr().out.strip())
    assert lines[0] == lines[1]
    assert VerifierKey.parse(lines[0]).name == "city"
    seed = read(config).key
    assert seed.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in seed.parent.iterdir()] == ["receiver.seed"]


def test_a_key_that_others_can_read_is_not_used(config: Path) -> None:
    settings = read(config)
    open_key(settings.key, "city")
    settings.key.chmod(0o644)
    with pytest.raises(ReceiverError) as caught:
        open_key(settings.key, "city")
    assert caught.value.code == "SBX-RCV-004"


def test_a_damaged_key_is_not_replaced(config: Path) -> None:
    settings = read(config)
    open_key(settings.key, "city")
    settings.key.write_bytes(b"short")
    with pytest.raises(ReceiverError) as caught:
        open_key(settings.key, "city")
    assert caught.value.code == "SBX-RCV-004"
    assert settings.key.read_bytes() == b"short"


def test_the_registry_follows_the_folder(config: Path) -> None:
    folder = read(config).boxes
    registry = Registry(folder)
    assert registry.key(BOX) == IDENTITY.verifier
    assert registry.key("SB-0000-00") is None
    other = signer("SB-0000-00").verifier
    (folder / "SB-0000-00.vkey").write_text(f"{other}\n")
    assert registry.key("SB-0000-00") == other
    (folder / "SB-0000-00.vkey").unlink()
    assert registry.key("SB-0000-00") is None


@pytest.mark.parametrize("text", ["", "junk", str(signer("another").verifier), "x" * 10_000, "\x00é"])
def test_a_file_that_is_no_key_of_the_box_registers_nothing(config: Path, text: str) -> None:
    folder = read(config).boxes
    (folder / f"{BOX}.vkey").write_text(text)
    assert Registry(folder).key(BOX) is None


# Verbs


def test_everything_well(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(config, BLOCKS)
    assert main(["status", "--config", str(config), "--json"]) == 0
    row = json.loads(capsys.readouterr().out)["boxes"][0]
    assert (row["box"], row["stored"], row["gaps"], row["pending"]) == (BOX, 8, [], 0)
    assert main(["verify", "--config", str(config), "--box", BOX]) == 0
    assert "signatures" in capsys.readouterr().out
    assert main(["gaps", "--config", str(config)]) == 0
    assert main(["alarms", "--config", str(config), "--json"]) == 0
    alarms = json.loads(capsys.readouterr().out)["alarms"]
    assert [(one["id"], one["state"], one["facts"]) for one in alarms] == [("a1", "raised", {"name": "窑"})]


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_people_can_read_it(config: Path, lang: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--config", str(config), "--lang", lang]) in (0, 66)
    fill(config, BLOCKS)
    for verb in ("status", "alarms", "gaps"):
        assert main([verb, "--config", str(config), "--lang", lang]) == 0
    said = capsys.readouterr().out
    assert BOX in said
    assert "{" not in said


def test_gaps_are_a_warning(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(config, [BLOCKS[0], BLOCKS[3], BLOCKS[4]])
    assert main(["status", "--config", str(config)]) == 1
    assert main(["gaps", "--config", str(config), "--json"]) == 1
    assert json.loads(capsys.readouterr().out.split("\n", 1)[1])["gaps"] == {BOX: [[1, 2]]}


def test_two_histories_are_a_failure(config: Path) -> None:
    fill(config, [*BLOCKS[:4], resign(BLOCKS[2], cfg="ee" * 32)])
    assert main(["status", "--config", str(config)]) == 2


def test_records_come_as_the_box_wrote_them(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(config, BLOCKS)
    words = ["records", "--config", str(config), "--box", BOX, "--from", "2", "--to", "3"]
    assert main(words) == 0
    said = capsys.readouterr().out.encode()
    assert said == (BLOCKS[2].body or b"") + (BLOCKS[3].body or b"")


def test_a_store_that_somebody_changed_is_found_out(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(config, BLOCKS)
    db = sqlite3.connect(read(config).store)
    db.execute("UPDATE blocks SET body = (SELECT body FROM blocks WHERE n = 3) WHERE n = 4")
    db.commit()
    db.close()
    assert main(["verify", "--config", str(config), "--box", BOX, "--json"]) == 65
    report = json.loads(capsys.readouterr().out)
    assert report["verdicts"]["chain"]["status"] == "fail"


def test_a_box_never_heard_of(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(config, BLOCKS[:1])
    assert main(["verify", "--config", str(config), "--box", "SB-0000-00"]) == 66
    assert "SBX-RCV-030" in capsys.readouterr().err
    assert main(["records", "--config", str(config)]) == 64


def test_no_store_yet(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--config", str(config), "--json"]) == 66
    assert json.loads(capsys.readouterr().out)["code"] == "SBX-RCV-005"


def test_a_store_of_newer_software_is_left_alone(config: Path) -> None:
    fill(config, BLOCKS[:1])
    db = sqlite3.connect(read(config).store)
    db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(ReceiverError) as caught:
        Store(read(config).store)
    assert caught.value.code == "SBX-RCV-005"
