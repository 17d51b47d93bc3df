"""``sitebox rules explain ALARM``: why it fired, the numbers, the readings, the blocks that prove it."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

from agent.accepted import accept
from agent.cli.alarms import FAULTS, LEVELS, duration
from agent.cli.orders import measure, span
from agent.cli.shell import Shell
from agent.cli.table import table
from agent.errors import AgentError
from agent.explaining import SHOWN, Explained, explain
from agent.offline import open_reader
from agent.orders.opening import look
from config.quantities import QUANTITIES

PART = SUB = "explain"
ORDER = 20
HELP = "SBX-ALM-030"
REASONS = MappingProxyType(
    {
        "acknowledged": "SBX-ALM-090",
        "expired": "SBX-ALM-091",
        "order over": "SBX-ALM-092",
        "rule gone": "SBX-ALM-093",
        "not judged": "SBX-ALM-094",
    }
)


def add(parser: argparse.ArgumentParser) -> None:
    """``ALARM``: its id as ``sitebox alarms`` shows it, the newest of that id, or the number of one of its
    records."""
    parser.add_argument("alarm", metavar="ALARM")


def run(args: argparse.Namespace, shell: Shell) -> int:
    """Reads the journal beside the daemon."""
    config = accept(shell.paths.config, shell.paths.accepted).loaded.config
    found = explain(open_reader(shell.paths), config, args.alarm, look(shell.paths))
    if found is None:
        raise AgentError("SBX-ALM-031", 64, alarm=args.alarm)
    if shell.json:
        shell.data(asdict(found))
        return 0
    for line in _lines(found, config.site.timezone, shell):
        shell.tell(line)
    for line in (*_numbers(found, shell), *_readings(found, config.site.timezone, shell)):
        shell.put(line)
    return 0


def _lines(found: Explained, zone: str, shell: Shell) -> Iterator[str]:
    record = found.record
    what = shell.say(record["code"], **record["facts"], alarm=record["id"])
    yield f"{record['id']}  {record['code']} {what}"
    since = shell.when(record.get("since_t", record["t"]), zone)
    level = shell.say(LEVELS[record["level"]])
    yield shell.say("SBX-ALM-032", since=since, raised=shell.when(record["t"], zone), level=level)
    if record.get("declared"):
        yield shell.say("SBX-ALM-007", declared=record["declared"])
    if found.escalated is not None:
        worse = shell.say(LEVELS[found.escalated["level"]])
        yield shell.say("SBX-ALM-044", time=shell.when(found.escalated["t"], zone), level=worse)
    if found.ended is None:
        yield shell.say("SBX-ALM-045")
    else:
        yield shell.say("SBX-ALM-033", **_end(found.ended))
        if found.ended.get("reason") in REASONS:
            yield shell.say(REASONS[found.ended["reason"]])
    yield shell.say("SBX-ALM-034", fault=shell.say(FAULTS[record.get("fault", "plant")]))
    first, last = found.blocks
    proof = {"from": found.records[0], "to": found.records[1], "first": first, "last": last}
    yield shell.say("SBX-ALM-037", **proof)
    yield f"sitebox export evidence.zip --from-block {first} --to-block {last}"
    if found.order is not None:
        yield _order(found.order, zone, shell)


def _end(ended: Mapping[str, Any]) -> dict[str, str]:
    measured = ended.get("measured")
    return {
        "duration": duration(ended["dur_ms"]) if "dur_ms" in ended else "-",
        "kwh": ended.get("kwh", "-"),
        "measured": "-" if measured is None else str(measured),
    }


def _order(order: Mapping[str, Any], zone: str, shell: Shell) -> str:
    said = {"order": order["id"], "demand": measure(order, shell), "span": span(order, ZoneInfo(zone), shell)}
    grace = duration(order["grace_s"] * 1000)
    return shell.say("SBX-ALM-046", **said, grace=grace, exempt=order["exempt_kw"])


def _numbers(found: Explained, shell: Shell) -> Iterator[str]:
    """The rule's parameters, and what was read against the thresholds of the points."""
    if found.rule is None:
        yield shell.say("SBX-ALM-035", rule=found.record["rule"])
    else:
        yield shell.say("SBX-ALM-036", rule=found.record["rule"])
        yield from (f"  {name} = {_shown(value)}" for name, value in found.rule.items() if name != "id")
    if found.points:
        rows = [
            [
                one.point,
                f"{one.read or '?'} {one.unit}",
                f"> {one.on_above} {one.unit}",
                f"< {one.off_below} {one.unit}",
                str(one.hold_s),
                "-" if one.i is None else str(one.i),
            ]
            for one in found.points
        ]
        yield ""
        yield from table(shell.say("SBX-ALM-047").split(";"), rows, right=range(1, 6))


def _shown(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _readings(found: Explained, zone: str, shell: Shell) -> Iterator[str]:
    """A small table a meter: what it read from the beginning of the violation to the alarm."""
    if not found.whole:
        yield shell.say("SBX-ALM-038")
    elif not found.readings:
        yield shell.say("SBX-ALM-048")
    for meter, rows in found.readings.items():
        names = sorted({name for row in rows for name in row["v"]}, key=lambda name: (name != "p", name))[:5]
        failed = ["e"] if any("e" in row for row in rows) else []
        units = (f"{name} {QUANTITIES[name].unit.strip('-')}".rstrip() for name in names)
        cells = [
            [
                shell.when(row["t"], zone)[5:19],
                str(row["i"]),
                *(row["v"].get(name, "-") for name in names),
                *(row.get(name, "") for name in failed),
            ]
            for row in rows
        ]
        yield ""
        lines = table([meter, "i", *units, *failed], cells, right=range(1, 2 + len(names)))
        if found.left_out[meter]:  # behind the head and the first half
            lines.insert(1 + SHOWN // 2, shell.say("SBX-ALM-039", count=found.left_out[meter]))
        yield from lines
