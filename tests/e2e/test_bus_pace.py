"""The short form of ``./run bench bus``: nine tenths of what a line at real pace allows, and what an exchange
costs against other clients on the same line. The bench's goals are 0.6 and 0.3; here with slack."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench.bus import cost
from tests.bench.line import OnLine, dlt, measure, modbus

pytestmark = pytest.mark.slow

LINES = {
    "modbus 9600": (modbus("9600 8N1"),),
    "dlt645 9600": (dlt("9600 8N1"),),
    "modbus 2400": (modbus("2400 8E1"),),
    "dlt645 2400": (dlt("2400 8E1"),),
    "mixed": (dlt("2400 8E1", delay_ms=50), modbus("9600 8N1", delay_ms=50)),
}


@pytest.mark.parametrize("name", LINES)
def test_a_line_is_used_and_its_silences_are_kept(name: str, tmp_path: Path) -> None:
    meters: tuple[OnLine, ...] = LINES[name]
    figures = measure(tmp_path, meters, 20)
    assert figures.exchanges == 20
    assert (figures.broken, figures.failed) == (0, 0), figures
    assert figures.typical >= 0.90, figures
    assert figures.wakeups <= 8, figures


@pytest.mark.alone
@pytest.mark.parametrize(("peer", "most"), [("pymodbus sync", 0.8), ("dlt645", 0.4)])
def test_an_exchange_costs_less_than_a_bare_read_of_others(peer: str, most: float) -> None:
    spent = cost(peer, 10, 9)  # single rounds scatter: 0.22 to 0.47 against dlt645
    assert spent.ratio <= most, spent
