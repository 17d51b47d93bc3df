"""``sitebox rules explain ALARM``: why it fired, the numbers, the readings, the blocks that prove it."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from types import MappingProxyType
from typing import Any

from agent.accepted import accept
from agent.cli.alarms import FAULTS, duration
from agent.cli.shell import Shell
from agent.cli.table import table
from agent.errors import AgentError
from agent.explaining import Explained, explain
from agent.offline import open_reader

PART = SUB = "explain"
ORDER = 20
HELP = "SBX-ALM-030"
REASONS = MappingProxyType(
    {
        "acknowledged": "SBX-ALM-084",
        "expired": "SBX-ALM-085",
        "order over": "SBX-ALM-086",
        "rule gone": "SBX-ALM-087",
        "not judged": "SBX-ALM-088",
    }
)


def add(parser: argparse.ArgumentParser) -> None:
    """``ALARM``: its id as ``sitebox alarms`` shows it, the newest of that id, or its record number."""
    parser.add_argument("alarm", metavar="ALARM")


def run(args: argparse.Namespace, shell: Shell) -> int:
    """Reads the journal beside the daemon."""
    config = accept(shell.paths.config, shell.paths.accepted, keep=False).loaded.config
    found = explain(open_reader(shell.paths), config, args.alarm)
    if found is None:
        raise AgentError("SBX-ALM-031", 64, alarm=args.alarm)
    if shell.json:
        shell.data(asdict(found))
        return 0
    for line in _lines(found, config.site.timezone, shell):
        shell.tell(line)
    for line in _readings(found, config.site.timezone, shell):
        shell.put(line)
    return 0


def _lines(found: Explained, zone: str, shell: Shell) -> Iterator[str]:
    record = found.record
    what = shell.say(record["code"], **record["facts"], alarm=record["id"])
    yield f"{record['id']}  {record['code']} {what}"
    since = shell.when(record.get("since_t", record["t"]), zone)
    raised = shell.when(record["t"], zone)
    yield shell.say("SBX-ALM-032", since=since, raised=raised, level=record["level"])
    if found.ended is not None:
        yield shell.say("SBX-ALM-033", **_end(found.ended))
        if found.ended.get("reason") in REASONS:
            yield shell.say(REASONS[found.ended["reason"]])
    yield shell.say("SBX-ALM-034", fault=shell.say(FAULTS[record.get("fault", "plant")]))
    if found.rule is None:
        yield shell.say("SBX-ALM-035", rule=record["rule"])
    else:
        yield shell.say("SBX-ALM-036", rule=record["rule"])
        yield from (f"  {name} = {_shown(value)}" for name, value in found.rule.items() if name != "id")
    first, last = found.blocks
    proof = {"from": record["since_i"], "to": record["i"], "first": first, "last": last}
    yield shell.say("SBX-ALM-037", **proof)
    yield f"  sitebox export evidence.zip --from-block {first} --to-block {last}"


def _end(ended: Mapping[str, Any]) -> dict[str, str]:
    measured = ended.get("measured")
    return {
        "duration": duration(ended["dur_ms"]) if "dur_ms" in ended else "-",
        "kwh": ended.get("kwh", "-"),
        "measured": "-" if measured is None else str(measured),
    }


def _shown(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _readings(found: Explained, zone: str, shell: Shell) -> Iterator[str]:
    """A small table a meter: what it read from the beginning of the violation to the alarm."""
    if not found.readings:
        yield shell.say("SBX-ALM-038")
    for meter, rows in found.readings.items():
        names = sorted({name for row in rows for name in row["v"]}, key=lambda name: (name != "p", name))[:5]
        head = [meter, "i", *names, "e"]
        cells = [
            [
                shell.when(row["t"], zone)[11:19],
                str(row["i"]),
                *(row["v"].get(name, "-") for name in names),
                row.get("e", ""),
            ]
            for row in rows
        ]
        yield ""
        yield from table(head, cells, right=range(1, len(head) - 1))
        if found.left_out[meter]:
            yield shell.say("SBX-ALM-039", count=found.left_out[meter])
