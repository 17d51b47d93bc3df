"""The search on a simulated line, as a technician runs it: meters of both protocols, and two that collide."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from agent.cli import main
from agent.demo.stage import Stage
from tests.support.simulator import simulator
from tests.support.stages import real_periods, records

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


def test_scan_through_the_daemon(tmp_path: Path) -> None:
    """A meter that nobody declared is found by the daemon itself, between the polls, which lose nothing."""
    stage = Stage(tmp_path, "en", (), seed=5)
    spare = METER.format(address="9", protocol="modbus-rtu", model="chint-dtsu666", line="9600 8N1")
    text = (tmp_path / "plant.toml").read_text()
    plant = tomllib.loads(text)
    line = next(bus["id"] for bus in plant["bus"] if bus.get("link") == "bus1")
    spare = spare.replace('"b1"', f'"{line}"').replace('"fan"', f'"{plant["load"][0]["id"]}"')
    (tmp_path / "plant.toml").write_text(text + spare)
    real_periods(stage)
    try:
        stage.start_plant()
        stage.start_daemon()
        ask, places = stage.processes.ask, stage.scenery.places
        assert stage.wait_for(lambda: (stage.look.status() or {}).get("level") != "fail", 20)
        words = ("--protocol", "modbus-rtu", "--line", "9600 8N1", "--addresses", "8-10")
        # by the port, too, a person finds the daemon that owns it
        found = ask(
            "agent.cli", "scan", "--port", str(tmp_path / "bus1"), *words, "--json", *places, good=(0,)
        )
        assert [one["address"] for one in json.loads(found.stdout)["found"]] == ["9"]
        assert json.loads(found.stdout)["found"][0]["profile"] == "chint-dtsu666"
        counted = ask("agent.cli", "status", "--buses", *places, good=(0, 1, 2)).stdout.decode()
        rows = {line.split()[0]: line.split()[1:] for line in counted.splitlines() if len(line.split()) == 9}
        assert int(rows["kiln-1"][0]) > 0, counted
        assert {"b1", "net", "scrubber-1", "fan-1"} <= rows.keys()
        again = ask("agent.cli", "scan", "--bus", "nothing", *places, good=(64,))
        assert "SBX-BUS-010" in again.stderr.decode()
        assert ask("agent.cli", "config", "add", "1", *places, good=(0,)).stdout
        (added,) = (tmp_path / "etc" / "conf.d").iterdir()
        assert tomllib.loads(added.read_text())["meter"][0]["address"] == "9"
        assert tomllib.loads(added.read_text())["meter"][0]["bus"] == "b1"
        assert ask("agent.cli", "config", "check", *places, good=(0, 1)).stdout
        stage.processes.stop("daemon")
        readings = [record for record in records(stage) if record["k"] == "reading"]
        assert readings
        first = {(r["m"], r["s"][0]): r["s"] for r in reversed(readings)}  # begun just before a border
        later = [r for r in readings if r["s"] != first[r["m"], r["s"][0]]]
        assert later
        assert [r for r in later if r.get("e") in ("overrun", "no_reply", "garbled")] == []
    finally:
        stage.close()
