"""The real daemon comes back after three hours, and asks real meters (simulated, on a pty) what it missed."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from agent.clock import utc_ms
from agent.demo import plant
from agent.demo.stage import Stage
from buffer.instant import Instant
from buffer.journal import Journal
from buffer.keys import Keys
from buffer.note import VerifierKey
from buffer.verify import verify
from tests.support.stages import Record, local_blocks, real_periods, records

pytestmark = pytest.mark.slow

AWAY_MS = 3 * 3_600_000


def _life_before(stage: Stage, before_ms: int) -> int:
    """The journal as the daemon left it when the machine lost its supply: the number of the last reading."""
    state = stage.folder / "state"
    keys = Keys.open(state / "keys", plant.BOX)
    now = Instant(before_ms, 60_000, "S", 1, "0b" * 16)
    cfg = "ab" * 32
    journal = Journal.open(state / "journal", box=plant.BOX, keys=keys, soft="0", cfg=cfg, now=now)
    values = {"ep_imp": "0.00"}
    fields = {"m": "kiln-1", "s": "s1", "src": "live", "v": values, "x": {}}
    number = journal.append("reading", fields, now)
    journal.close(now)
    return number


def test_the_daemon_fills_the_gap_of_its_absence(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "en", (), seed=11)
    away_ms = utc_ms() - AWAY_MS
    last = _life_before(stage, away_ms)
    real_periods(stage)
    try:
        stage.start_plant()
        stage.start_daemon()
        assert stage.wait_for(lambda: _event(stage, "filled"), 60)
    finally:
        stage.close()
    filled = _event(stage, "filled")
    assert filled is not None
    assert (filled["from_i"], filled["ended"]) == (last, "done")
    stored = [one for one in records(stage) if one["k"] == "reading" and one["src"] != "live"]
    assert filled["load"] == len(stored) == 12, "three hours, one record in a quarter of an hour"
    times = [datetime.fromisoformat(one["mt"]) for one in stored]
    assert times == sorted(set(times))
    energies = [Decimal(one["v"]["ep_imp"]) for one in stored]
    assert energies == sorted(energies)
    assert all({"u_a", "i_a", "p"} <= one["v"].keys() for one in stored)
    assert filled["closes"]
    assert Decimal(filled["total"]) == Decimal(filled["stored"]) + Decimal(filled["rest"])
    shown = [at.replace(tzinfo=ZoneInfo("Asia/Shanghai")).timestamp() * 1000 for at in times]
    assert away_ms < shown[0] < away_ms + 900_000, "in the plant's own time"
    report = verify(local_blocks(stage), identity=VerifierKey.parse(stage.scenery.identity))
    assert report.chain.status == report.signatures.status == "pass"


def _event(stage: Stage, what: str) -> Record | None:
    found = (one for one in records(stage) if one["k"] == "meter-event")
    return next((one for one in found if one["what"] == what and one["m"] == "kiln-1"), None)
