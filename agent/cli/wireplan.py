"""The wire-time plan of each bus, as ``config check`` shows it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from agent.cli.shell import Shell
from agent.cli.table import table
from config.wiretime import BusPlan, Load


def lines(plans: Sequence[BusPlan], shell: Shell) -> Iterator[str]:
    """A table a bus: time of a poll, intervals, share of the line; of a line too busy, what would fit."""
    head = shell.say("SBX-CLI-193").split("|")
    for bus in plans:
        busy = bus.share.slow > 1
        columns = head if busy else head[:-1]
        rows = []
        for meter in bus.meters:
            row = [
                f"  {meter.meter}",
                f"{_ms(meter.fast)} / {meter.every_s}",
                f"{_ms(meter.slow)} / {meter.slow_every_s}",
                _percent(meter.share),
            ]
            rows.append([*row, str(bus.fitting_s(meter.every_s))] if busy else row)
        if bus.changes.least:
            turns = [f"  {shell.say('SBX-CLI-290')}", "", "", _percent(bus.changes)]
            rows.append([*turns, ""] if busy else turns)
        total = [bus.bus, "", "", _percent(bus.share)]
        yield from table(columns, [*rows, [*total, ""] if busy else total], right=range(1, len(columns)))


def plain(plans: Sequence[BusPlan]) -> list[dict[str, Any]]:
    """As data: ms and shares, each with the least and the slow figure."""
    return [
        {
            "bus": bus.bus,
            "share": _pair(bus.share),
            "changes": _pair(bus.changes),
            "meters": [
                {
                    "id": meter.meter,
                    "fast_ms": _pair(meter.fast),
                    "slow_ms": _pair(meter.slow),
                    "share": _pair(meter.share),
                    "every_s": meter.every_s,
                    "fits_every_s": bus.fitting_s(meter.every_s),
                }
                for meter in bus.meters
            ],
        }
        for bus in plans
    ]


def _pair(load: Load) -> dict[str, float]:
    return {"least": round(load.least, 3), "slow": round(load.slow, 3)}


def _ms(load: Load) -> str:
    return f"{load.least:.0f}-{load.slow:.0f}"


def _percent(load: Load) -> str:
    return f"{100 * load.least:.0f}-{100 * load.slow:.0f} %"
