"""What others spend on the same read from the same line: pymodbus' sync client, PyPI's dlt645.

Each runs as a process of its own and prints one JSON line: CPU microseconds and milliseconds per read, sleeps
and decoding as its authors made them, nothing of ours around it. Their reads are bare: no quality, no
scaling.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.support.partners import dlt645_python

SETTLED = 12  # reads before counting begins, theirs and ours: Python makes code quicker that it has run often

_FRAME = """
import json, sys, time
port, baud, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
{connect}
for _ in range({settled}):
    read()
cpu, wall = time.process_time_ns(), time.monotonic_ns()
for _ in range(count):
    read()
cpu, wall = time.process_time_ns() - cpu, time.monotonic_ns() - wall
print("RESULT " + json.dumps([cpu / 1e3 / count, wall / 1e6 / count]))
"""
_PYMODBUS = """
from pymodbus import FramerType
from pymodbus.client import ModbusSerialClient
client = ModbusSerialClient(port, framer=FramerType.RTU, baudrate=baud, timeout=1, retries=0)
client.connect()
def read():
    reply = client.read_holding_registers(0x2006, count=10, device_id=3)
    assert not reply.isError() and len(reply.registers) == 10
"""
# dlt645 3.2.0 sends the digits of an address in the order given; its log to stderr is switched off.
_DLT645 = """
from loguru import logger
logger.remove()
from dlt645 import MeterClientService
client = MeterClientService.new_rtu_client(port, baud, 8, 1, "N", 1.0)
client.set_address("120000000000")
def read():
    found = client.read_00(0x00010000)
    assert found is not None and found.value is not None
"""


@dataclass(frozen=True, slots=True)
class Spent:
    """Per read."""

    cpu_us: float
    wall_ms: float


def pymodbus(port: str, baud: int, count: int) -> Spent:
    """Ten holding registers of unit 3."""
    return _read(Path(sys.executable), _PYMODBUS, port, baud, count)


def dlt645(port: str, baud: int, count: int) -> Spent:
    """Forward active energy of meter 000000000012."""
    return _read(dlt645_python(), _DLT645, port, baud, count)


def _read(python: Path, connect: str, port: str, baud: int, count: int) -> Spent:
    script = _FRAME.replace("{connect}", connect).replace("{settled}", str(SETTLED))
    command = [str(python), "-c", script, port, str(baud), str(count)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60 + count, check=False)
    assert ran.returncode == 0, ran.stderr
    cpu_us, wall_ms = json.loads(ran.stdout.partition("RESULT ")[2].splitlines()[0])
    return Spent(cpu_us, wall_ms)
