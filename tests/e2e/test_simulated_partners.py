"""The simulated meters read by masters that know nothing of this project: mbpoll (libmodbus), PyPI's dlt645.

What they are told must be what the truth log says was served. Known limits of dlt645 3.2.0: it accepts too
much (a wrong DI, a foreign address), so it proves single items of our meters and nothing about a reader.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from tests.support import partners
from tests.support.simulator import Simulator, simulator

pytestmark = pytest.mark.slow

PLANT = """
[plant]
seed = 11
anchor = "start"
period_s = 600
[[bus]]
id = "b1"
link = "bus1"
[[bus]]
id = "b2"
link = "bus2"
[[bus]]
id = "t1"
kind = "tcp"
[[load]]
id = "kiln"
kw = 180
[[meter]]
id = "kiln"
bus = "b1"
protocol = "dlt645-2007"
address = "112233445566"
model = "dlt645-2007"
line = "2400 8E1"
loads = ["kiln"]
ct = "400/5"
energy_kwh = 112280.26
[[meter]]
id = "chint"
bus = "b2"
protocol = "modbus-rtu"
address = "1"
model = "chint-dtsu666"
loads = ["kiln"]
ct = "400/5"
[[meter]]
id = "acrel"
bus = "b2"
protocol = "modbus-rtu"
address = "2"
model = "acrel-adl400"
loads = ["kiln"]
ct = "400/5"
[[meter]]
id = "eastron"
bus = "t1"
protocol = "modbus-tcp"
address = "7"
model = "eastron-sdm630"
loads = ["kiln"]
"""

# Runs under the partner's own interpreter: prints {DI or "address": what it read}.
DLT645_MASTER = """
import json, sys
from dlt645 import MeterClientService
port, address, items = sys.argv[1], sys.argv[2], sys.argv[3:]
client = MeterClientService.new_rtu_client(port, 2400, 8, 1, "N", 1.0)
client.set_address(address)
read = {0: client.read_00, 2: client.read_02, 3: client.read_03, 4: client.read_04}
got = {}
for item in items:
    found = client.read_address() if item == "address" else read[int(item[:2], 16)](int(item, 16))
    value = None if found is None else found.value
    raw = isinstance(value, (bytes, bytearray))
    got[item] = None if value is None else value.hex() if raw else str(value)
print("RESULT " + json.dumps(got))
"""


@pytest.fixture
def sim(tmp_path: Path) -> Iterator[Simulator]:
    with simulator(PLANT, tmp_path) as one:
        yield one


@pytest.fixture(scope="session")
def mbpoll() -> str:
    found = shutil.which("mbpoll")
    assert found, "mbpoll is not installed: apt-get install mbpoll (Debian package mbpoll)"
    return found


@pytest.fixture(scope="session")
def dlt645_python() -> Path:
    return partners.dlt645_python()


def poll(mbpoll: str, *options: str) -> dict[int, str]:
    """Run mbpoll once: register -> text it prints."""
    ran = subprocess.run(
        [mbpoll, "-0", "-1", "-B", *options], capture_output=True, text=True, timeout=30, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return {int(key): text for key, text in re.findall(r"^\[(\d+)\]:\s+(\S+)", ran.stdout, re.MULTILINE)}


def rtu(mbpoll: str, sim: Simulator, unit: int, kind: str, start: int, count: int) -> dict[int, str]:
    line = ["-m", "rtu", "-b", "9600", "-P", "none", "-o", "2"]
    return poll(
        mbpoll,
        *line,
        "-a",
        str(unit),
        "-t",
        kind,
        "-r",
        str(start),
        "-c",
        str(count),
        sim.ready["buses"]["b2"],
    )


def shown(sim: Simulator) -> dict[str, str]:
    """Values of the newest line of the truth log."""
    values: dict[str, str] = sim.served()[-1]["shown"]
    return values


def near(text: str, value: Decimal) -> bool:
    """mbpoll prints six digits of a float."""
    return abs(Decimal(text) - value) <= abs(value) * Decimal("0.00001")


def test_mbpoll_reads_scaled_floats(mbpoll: str, sim: Simulator) -> None:
    got = rtu(mbpoll, sim, 1, "4:float", 0x2006, 10)
    truth = shown(sim)
    names = ("u_a", "u_b", "u_c", "i_a", "i_b", "i_c", "p", "p_a", "p_b", "p_c")
    scales = ("0.1",) * 3 + ("0.001",) * 3 + ("0.0001",) * 4
    assert list(got) == [0x2006 + 2 * at for at in range(10)]
    for text, name, scale in zip(got.values(), names, scales, strict=True):
        assert near(text, Decimal(truth[name]) / Decimal(scale)), name
    assert 2100 < float(got[0x2006]) < 2500
    assert float(got[0x2012]) == pytest.approx(180 / 80 * 10_000, rel=0.05)


def test_mbpoll_reads_integers(mbpoll: str, sim: Simulator) -> None:
    got = rtu(mbpoll, sim, 2, "4", 0x0061, 6)
    truth = shown(sim)
    expected = [int(Decimal(truth[f"u_{phase}"]) * 10) for phase in "abc"]
    expected += [int(Decimal(truth[f"i_{phase}"]) * 100) for phase in "abc"]
    assert [int(text) for text in got.values()] == expected
    wide = rtu(mbpoll, sim, 2, "4:int", 0x0164, 4)
    truth = shown(sim)
    assert [int(text) for text in wide.values()] == [
        int(Decimal(truth[name]) * 1000) for name in ("p_a", "p_b", "p_c", "p")
    ]
    assert rtu(mbpoll, sim, 2, "4", 0x008D, 2) == {0x008D: "1", 0x008E: "80"}


def test_mbpoll_reads_tcp(mbpoll: str, sim: Simulator) -> None:
    host, port = sim.ready["buses"]["t1"].split(":")
    got = poll(mbpoll, "-m", "tcp", "-p", port, "-a", "7", "-t", "3:float", "-r", "0", "-c", "20", host)
    truth = shown(sim)
    assert near(got[0], Decimal(truth["u_a"]))
    assert near(got[12], Decimal(truth["p_a"]) * 1000)
    assert near(got[30], Decimal(truth["pf_a"]))


def test_mbpoll_is_told_of_refusals_and_silence(mbpoll: str, sim: Simulator) -> None:
    with pytest.raises(AssertionError, match="Illegal data address"):
        rtu(mbpoll, sim, 1, "4", 0x5000, 2)
    with pytest.raises(AssertionError, match="Illegal function"):
        rtu(mbpoll, sim, 1, "3", 0x2006, 2)
    sim.command({"set": "unplug", "meter": "chint"})
    with pytest.raises(AssertionError, match="timed out"):
        rtu(mbpoll, sim, 1, "4:float", 0x2006, 1)
    sim.command({"set": "unplug", "meter": "chint", "on": False})
    assert rtu(mbpoll, sim, 1, "4:float", 0x2006, 1)


def test_dlt645_reads_single_items(dlt645_python: Path, sim: Simulator) -> None:
    sim.command({"set": "reversed-ct", "meter": "kiln", "phase": "c"})
    asked = {
        "02010100": "u_a",
        "02010300": "u_c",
        "02020100": "i_a",
        "02030000": "p",
        "02030300": "p_c",
        "02040000": "q",
        "02060100": "pf_a",
        "02800002": "f",
        "00010000": "ep_imp",
        "00020000": "ep_exp",
    }
    script = [
        str(dlt645_python),
        "-c",
        DLT645_MASTER,
        sim.ready["buses"]["b1"],
        "665544332211",
        "address",
        *asked,
    ]
    ran = subprocess.run(script, capture_output=True, text=True, timeout=90, check=False)
    assert ran.returncode == 0, ran.stderr
    got = json.loads(ran.stdout.partition("RESULT ")[2].splitlines()[0])
    truth = {line["ask"]: line["shown"] for line in sim.served()}
    assert set(truth) == {"address", *asked}
    for di, name in asked.items():
        assert got[di] is not None, f"{di}: {ran.stderr}"
        assert Decimal(got[di]) == Decimal(truth[di][name]), di
    assert Decimal(got["02030300"]) < 0
    assert Decimal(got["00010000"]) >= Decimal("112280.26")
    assert "112233445566" in (got["address"], got["address"][::-1], bytes.fromhex(got["address"])[::-1].hex())
