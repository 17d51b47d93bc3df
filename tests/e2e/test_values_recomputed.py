"""``sitebox verify`` recomputes what a whole plant of simulated meters said, in every protocol of the demo.

A value that somebody with both keys changed, while its frames stayed, is named.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agent.demo import plant
from agent.demo.stage import Stage
from buffer.keys import Keys
from buffer.rows import decode_body
from buffer.verify import Wrong
from tests.attacks.honest import Evidence, Rewriting, rewrite
from tests.support.alone import evidence_file
from tests.support.journals import Row
from tests.support.stages import local_blocks, records

pytestmark = pytest.mark.slow


def lie(rows: list[Row]) -> None:
    """The last good reading of the block shows nothing."""
    row = [row for row in rows if row["k"] == "reading" and "p" in row["v"]][-1]
    row["v"] = {**row["v"], "p": "0.0001"}


def test_a_plant_verifies_down_to_its_frames_and_a_lie_is_named(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "en", ("city",), seed=11)
    try:
        stage.start_plant()
        stage.start_daemon()
        enough = stage.wait_for(lambda: stage.look.head() >= 2, 90)
        assert enough, (tmp_path / "daemon.log").read_text()
        stage.processes.stop("daemon")
        ask, places = stage.processes.ask, stage.scenery.places
        key = ["--key", stage.scenery.identity]

        def said(*words: str, good: tuple[int, ...]) -> dict[str, Any]:
            found: dict[str, Any] = json.loads(
                ask("agent.cli", "verify", *words, "--json", *places, good=good).stdout
            )
            return found

        whole = said(*key, good=(0, 1))
        values = whole["values"]
        good = [one for one in records(stage) if one["k"] == "reading" and one["v"]]
        print(f"{values['args']} of {len(good)} readings, meters {sorted({one['m'] for one in good})}")
        assert values["status"] == "pass", values
        assert int(values["args"]["same"]) == len(good)

        blocks = local_blocks(stage)
        keys = Keys.open(tmp_path / "state" / "keys", plant.BOX)
        given = Evidence(tuple(blocks), (), keys.identity.verifier, lambda n: (keys.identity, keys.ratchet))
        bodies = [list(decode_body(block.body or b"")) for block in blocks]
        n = max(n for n, rows in enumerate(bodies) if any("p" in row.get("v", {}) for row in rows))
        forged = rewrite(given, n, Rewriting(rows=lie))
        file = evidence_file(tmp_path / "forged.zip", forged.blocks, keys.identity.verifier)
        told = said(str(file), *key, good=(65,))
        assert (told["wrong_kind"], told["first_wrong"]) == (Wrong.VALUE_DIFFERS, n)
        assert told["signatures"]["status"] == "pass", "both keys were on the card"
        bare = evidence_file(
            tmp_path / "bare.zip", [replace(one, raw=None) for one in blocks], keys.identity.verifier
        )
        assert said(str(bare), *key, good=(0, 1))["values"]["status"] == "not-checked"
    finally:
        stage.close()
