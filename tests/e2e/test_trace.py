"""Watching a running daemon's buses and reading a meter with its frames; with the real daemon."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agent.demo.stage import Stage

pytestmark = pytest.mark.slow


def test_trace_and_raw_read(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "en", (), seed=5)
    try:
        stage.start_plant()
        places = stage.scenery.places
        ask = stage.processes.ask
        assert "SBX-CTL-010" in ask("agent.cli", "trace", *places, good=(69,)).stderr.decode()
        stage.start_daemon()
        file = tmp_path / "trace.jsonl"
        seen = ask("agent.cli", "trace", "--for", "6", "--file", str(file), *places, good=(0,))
        rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
        assert {row["way"] for row in rows} >= {">", "<"}
        assert len({row["bus"] for row in rows}) == 2
        texts = [row["text"] for row in rows if row["way"] == "<"]
        assert any(text.startswith("dlt645-2007 reply") for text in texts)
        assert any("modbus-rtu reply" in text and "register 0x" in text for text in texts)
        assert any(text.startswith("modbus-tcp reply") for text in texts)
        assert texts[0] in seen.stdout.decode()
        raw = ask("agent.cli", "read", "kiln-1", "--raw", *places, good=(0,)).stdout.decode()
        assert "dlt645-2007 request" in raw
        assert "dlt645-2007 reply" in raw
        wrong = ask("agent.cli", "trace", "nothing", *places, good=(64, 69))
        assert "SBX-BUS-010" in wrong.stderr.decode()
    finally:
        stage.close()
