"""``sitebox key rotate`` beside a running daemon: two platforms follow, and so does a restart."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agent.demo import plant
from agent.demo.stage import Stage
from buffer.note import VerifierKey
from buffer.reader import JournalReader, handovers
from buffer.verify import verify
from tests.support.stages import local_blocks, records

pytestmark = pytest.mark.slow


def test_platforms_follow_a_box_to_its_new_identity(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "en", ("city", "county"), seed=9)
    try:
        stage.start_plant()
        for name in ("city", "county"):
            stage.start_broker(name)
            stage.start_receiver(name)
        stage.start_daemon()
        ask, places = stage.processes.ask, stage.scenery.places
        assert stage.wait_for(lambda: min(map(stage.look.confirmed, ("city", "county"))) >= 1, 40)
        said = json.loads(ask("agent.cli", "key", "rotate", "--json", *places, good=(0,)).stdout)
        new = said["verifier"]
        assert new != stage.scenery.identity
        head = len(local_blocks(stage))
        assert stage.wait_for(lambda: min(map(stage.look.confirmed, ("city", "county"))) > head, 60)
        stage.processes.stop("daemon")
        stage.start_daemon()
        head = len(local_blocks(stage))
        assert stage.wait_for(lambda: min(map(stage.look.confirmed, ("city", "county"))) > head, 60)
        shown = ask("agent.cli", "key", *places, good=(0,)).stdout.decode().strip()
        assert shown == new
        config = str(tmp_path / "city" / "receiver.toml")
        judged = ask("receiver.service", "verify", "--config", config, "--box", plant.BOX, good=(0, 1))
        assert "pass" in judged.stdout.decode().splitlines()[0]
        stage.processes.stop("daemon")
    finally:
        stage.close()
    reader = JournalReader(tmp_path / "state" / "journal")
    report = verify(
        reader.blocks(),
        identity=VerifierKey.parse(stage.scenery.identity),
        handovers=handovers(tmp_path / "state" / "journal"),
    )
    reader.close()
    assert report.signatures.status == report.chain.status == "pass", report.findings
    audited = [one for one in records(stage) if one["k"] == "audit" and one.get("verb") == "rotate"]
    assert len(audited) == 1
