"""The short form of ``./run bench bus``: nine tenths of what a line at real pace allows."""

from __future__ import annotations

from pathlib import Path

import pytest

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
