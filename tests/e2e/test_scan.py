"""The search on a simulated line, as a technician runs it: meters of both protocols, and two that collide."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agent.cli import main
from tests.support.simulator import simulator

pytestmark = pytest.mark.slow

PLANT = """
[plant]
seed = 3
[[bus]]
id = "b1"
link = "bus1"
[[load]]
id = "fan"
kw = 37
"""
METER = """
[[meter]]
id = "{address}"
bus = "b1"
protocol = "{protocol}"
address = "{address}"
model = "{model}"
line = "{line}"
loads = ["fan"]
ct = "100/5"
"""


def test_scan_finds_both_protocols(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dlt = METER.format(address="000000000012", protocol="dlt645-2007", model="dlt645-2007", line="9600 8E1")
    chint = METER.format(address="3", protocol="modbus-rtu", model="chint-dtsu666", line="9600 8N1")
    with simulator(PLANT + dlt + chint, tmp_path):
        words = [
            "scan",
            "--port",
            str(tmp_path / "bus1"),
            "--line",
            "9600 8E1,9600 8N1",
            "--addresses",
            "2-4",
        ]
        places = ["--config", str(tmp_path), "--runtime", str(tmp_path), "--state", str(tmp_path)]
        assert main([*words, *places, "--json"]) == 0
        found = json.loads(capsys.readouterr().out)["found"]
        assert main([*words, *places, "--protocol", "dlt645-2007"]) == 0
        shown = capsys.readouterr().out
    models = {one["address"]: one["profile"] for one in found}
    assert models == {"000000000012": "dlt645-2007-3p", "3": "chint-dtsu666"}
    assert 'address = "000000000012"' in shown
    assert 'profile = "dlt645-2007-3p"' in shown
