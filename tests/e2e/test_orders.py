"""Orders and declarations on a real daemon: by file and by a platform's note, over SIGKILL and no logbook."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from agent.demo import plant
from agent.demo.stage import Stage
from buffer.command import Command, sign_command
from buffer.note import Signer, VerifierKey
from buffer.reader import JournalReader
from buffer.verify import verify
from tests.support.journals import CITY
from tests.support.stages import local_blocks, records

pytestmark = pytest.mark.slow

FAR_MS = 4_102_444_800_000  # 2100-01-01
FILE = """\
[[order]]
id = "2026-031"
kind = "limit"
from = "2026-11-18 24:00"
to = "2099-11-28 24:00"
points = ["kiln"]
reduce_percent = "30"
"""


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    made = Stage(tmp_path, "en", (), seed=5)
    folder = tmp_path / "etc" / "conf.d"
    folder.mkdir()
    verbs = '["order-put", "order-cancel"]'
    (folder / "city.toml").write_text(f'[[issuer]]\nid = "city"\nkey = "{CITY.verifier}"\nverbs = {verbs}\n')
    try:
        made.start_plant()
        made.start_daemon()
        yield made
    finally:
        made.close()


def say(stage: Stage, *words: str, good: int = 0) -> Any:
    """One verb with --json; its object."""
    done = stage.processes.ask("agent.cli", *words, "--json", *stage.scenery.places, good=(good,))
    return json.loads(done.stdout)


def refusals(answer: Any) -> list[str]:
    return [problem["code"] for problem in answer["problems"]]


def order(stage: Stage, number: int, name: str, signer: Signer = CITY, verb: str = "order-put") -> bytes:
    """A platform's order, quoting what the box has sealed."""
    with closing(JournalReader(stage.folder / "state" / "journal")) as reader:
        head = reader.head()
    value: dict[str, Any] = {"id": name}
    if verb == "order-put":
        value |= {"kind": "stop", "from_ms": 1_795_000_000_000, "to_ms": FAR_MS, "points": ["press"]}
    made = Command(
        by="city",
        box=plant.BOX,
        epoch=head.epoch,
        head_n=head.n,
        head_hash=head.hash,
        number=number,
        time_ms=1_795_000_000_000,
        verb=verb,
        object=value,
    )
    return sign_command(made, signer)


def add(stage: Stage, data: bytes, good: int = 0) -> Any:
    file = stage.folder / "handed-in"
    file.write_bytes(data)
    return say(stage, "orders", "add", str(file), good=good)


def listed(stage: Stage) -> dict[str, str]:
    return {one["id"]: one["state"] for one in say(stage, "orders", "--all")["orders"]}


def test_orders_survive_whatever_happens_to_the_box(stage: Stage) -> None:
    assert [one["id"] for one in add(stage, FILE.encode())["done"]] == ["2026-031"]
    note = order(stage, 1, "7")
    assert [one["id"] for one in add(stage, note)["done"]] == ["city/7"]
    stage.kill_daemon()
    assert listed(stage) == {"2026-031": "in force", "city/7": "in force"}, "without a daemon"
    shutil.rmtree(stage.folder / "state" / "logbook")
    assert listed(stage) == {"2026-031": "in force", "city/7": "in force"}, "without a logbook"
    stage.start_daemon()
    assert refusals(add(stage, FILE.encode(), good=65)) == ["SBX-ORD-022"]
    assert [one["repeated"] for one in add(stage, note)["done"]] == [True]
    assert add(stage, order(stage, 2, "7", verb="order-cancel"))["problems"] == []
    say(stage, "orders", "cancel", "2026-031", "--reason", "lifted")
    stage.kill_daemon()
    stage.start_daemon()
    assert listed(stage) == {"2026-031": "cancelled", "city/7": "cancelled"}
    stage.processes.stop("daemon")
    kept = [(one["op"], one["id"]) for one in records(stage) if one["k"] == "order"]
    assert kept == [("put", "2026-031"), ("put", "city/7"), ("cancel", "city/7"), ("cancel", "2026-031")]
    identity = VerifierKey.parse(stage.scenery.identity)
    report = verify(local_blocks(stage), identity=identity)
    assert (report.signatures.status, report.chain.status) == ("pass", "pass"), report.findings


def test_forged_and_replayed_commands_are_refused(stage: Stage) -> None:
    good = order(stage, 5, "7")
    forged = good.replace(b'"press"', b'"kiln"')
    assert refusals(add(stage, forged, good=65)) == ["SBX-ORD-031"]
    later = order(stage, 6, "8")
    assert add(stage, later)["problems"] == []
    assert refusals(add(stage, good, good=65)) == ["SBX-ORD-037"], "held back, and overtaken"
    # What is done is durable when the answer comes, and all before it; a refusal alone is after commit_s.
    assert add(stage, order(stage, 7, "9"))["problems"] == []
    stage.kill_daemon()
    stage.start_daemon()
    assert refusals(add(stage, good, good=65)) == ["SBX-ORD-037"]
    assert listed(stage) == {"city/8": "in force", "city/9": "in force"}
    stage.processes.stop("daemon")
    acts = [one for one in records(stage) if one["k"] == "audit" and one.get("verb") == "orders-add"]
    assert len(acts) == 5, "each attempt is on record, with the user"


def test_a_late_declaration_is_kept_and_marked(stage: Stage) -> None:
    words = ("--points", "kiln", "--to", "2099-01-01 00:00", "--reason", "换轴承")
    say(stage, "declare", "maintenance", *words)
    say(stage, "declare", "stop", *words, "--from", "2026-11-18 08:00")
    assert refusals(say(stage, "declare", "stop", *words, "--from", "now", good=65)) == ["SBX-ORD-018"]
    in_time, late = sorted(say(stage, "declare", "list")["declarations"], key=lambda one: str(one["id"]))
    assert (in_time["late_ms"], in_time["overlaps"]) == (0, [])
    assert late["late_ms"] > 3_600_000
    assert late["overlaps"] == [in_time["id"]]
    say(stage, "declare", "end", in_time["id"])
    assert [one["id"] for one in say(stage, "declare")["declarations"]] == [late["id"]]
