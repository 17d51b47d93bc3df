"""Yesterday's image is put back into the box: the platform knows better, and no number is sent twice."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from agent.demo import plant
from agent.demo.stage import Stage
from buffer.block import decode_header, hash_text
from buffer.note import VerifierKey, decode
from buffer.verify import verify
from receiver.query import Query
from tests.support.stages import records

pytestmark = pytest.mark.slow


def _held(stage: Stage) -> dict[str, dict[int, str]]:
    """Epoch -> number -> hash, of all that the platform holds."""
    path = stage.folder / "city" / "state" / "receiver.db"
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as db:
        epochs = [epoch for (epoch,) in db.execute("SELECT epoch FROM chains WHERE box=?", (plant.BOX,))]
    query = Query(path)
    held: dict[str, dict[int, str]] = {}
    for epoch in epochs:
        notes = [decode(block.note) for block in query.blocks(plant.BOX, epoch, 0, 2**40)]
        held[epoch] = {decode_header(note.text).n: hash_text(note.text) for note in notes}
    query.close()
    return held


def test_a_restored_card_goes_on_in_a_new_epoch(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "en", ("city",), seed=3)
    state = tmp_path / "state"
    try:
        stage.start_plant()
        stage.start_broker("city")
        stage.start_receiver("city")
        stage.start_daemon()
        assert stage.wait_for(lambda: stage.look.confirmed("city") >= 1, 40)
        stage.processes.stop("daemon")
        shutil.copytree(state, tmp_path / "image")
        stage.start_daemon()
        image = stage.look.head()
        assert stage.wait_for(lambda: stage.look.confirmed("city") >= image + 2, 40)
        stage.processes.stop("daemon")
        before = _held(stage)
        (old,) = before
        shutil.rmtree(state)
        shutil.copytree(tmp_path / "image", state)
        stage.start_daemon()
        assert stage.wait_for(lambda: len(_held(stage)) == 2, 60), (tmp_path / "daemon.log").read_text()
        assert stage.wait_for(lambda: stage.look.confirmed("city") >= 1, 60)
        stage.processes.stop("daemon")
        after = _held(stage)
        assert after[old] == before[old], "what the platform had is as it was: no number was sent twice"
        (new,) = after.keys() - before.keys()
        losses = [record for record in records(stage) if record["k"] == "loss"]
        (loss,) = [record for record in losses if record["reason"] in ("restored-or-lost", "two histories")]
        assert (loss["by"], loss["epoch"], loss["n"]) == ("city", old, max(before[old]))
        query = Query(tmp_path / "city" / "state" / "receiver.db")
        identity = VerifierKey.parse(stage.scenery.identity)
        report = verify(list(query.blocks(plant.BOX, new, 0, 2**40)), identity=identity)
        query.close()
        assert report.exit_code() in (0, 1), report.findings
        assert "SBX-JNL-016" in (tmp_path / "daemon.log").read_text()
    finally:
        stage.close()
