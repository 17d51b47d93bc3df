"""A card rots under the running daemon; what the platform has is put back by file, and all is whole."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from agent.demo import plant
from agent.demo.stage import Stage
from buffer.note import VerifierKey
from buffer.verify import verify
from tests.support.stages import local_blocks, records

pytestmark = pytest.mark.slow


def test_a_platform_gives_back_what_the_card_lost(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "en", ("city",), seed=8)
    try:
        stage.start_plant()
        stage.start_broker("city")
        stage.start_receiver("city")
        stage.start_daemon()
        assert stage.wait_for(lambda: stage.look.confirmed("city") >= 2, 40)
        ask, places = stage.processes.ask, stage.scenery.places
        whole = local_blocks(stage)[:3]
        database = tmp_path / "state" / "journal" / "journal.db"
        with closing(sqlite3.connect(database, isolation_level=None, timeout=10)) as db:
            db.execute("UPDATE blocks SET body = x'00' WHERE n = 1")
        checked = ask("agent.cli", "journal", "check", *places, good=(2,))
        assert "SBX-JNL-017" in checked.stdout.decode() or "block 1" in checked.stdout.decode()
        config, file = str(tmp_path / "city" / "receiver.toml"), str(tmp_path / "city.zip")
        words = ("export", "--config", config, "--box", plant.BOX, "--file", file)
        ask("receiver.service", *words, good=(0,))
        refilled = ask("agent.cli", "journal", "refill", file, *places, good=(0,))
        assert "1 blocks" in refilled.stdout.decode()
        assert stage.wait_for(lambda: _refilled(stage), 20)
        ask("agent.cli", "journal", "check", *places, good=(0,))
        stage.processes.stop("daemon")
    finally:
        stage.close()
    blocks = local_blocks(stage)
    assert [block.body for block in blocks[:3]] == [block.body for block in whole]
    report = verify(blocks, identity=VerifierKey.parse(stage.scenery.identity))
    assert report.exit_code() in (0, 1), report.findings
    assert report.signatures.status == report.chain.status == "pass"


def _refilled(stage: Stage) -> bool:
    return any(
        one["k"] == "audit" and one["what"] == "refill" and 1 in one["blocks"] for one in records(stage)
    )
