"""``sitebox rules learn POINT``: idle and running levels from recorded days, thresholds proposed as TOML."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from decimal import Decimal

from agent.accepted import accept, read
from agent.cli.config import add_file, show_problems, show_written
from agent.cli.shell import Shell
from agent.errors import AgentError
from agent.history import records_of
from agent.learning import Learnt, Level, Refused, as_point, as_rule, bands, learn, paired
from agent.offline import open_reader
from agent.rules.drawn import drawn_kw
from buffer.block import is_live
from buffer.reader import JournalReader
from config.errors import ConfigInvalid
from config.rewrite import rewrite
from config.rulekinds import Load, TreatmentOff
from config.site import Point, SiteConfig

PART = SUB = "learn"
ORDER = 50
HELP = "SBX-ALM-070"
DAY_MS = 86_400_000
SLOT_MS = 60_000  # readings of two meters this near are of one moment
EX_CONFIG = 78
_REFUSALS = {"few": "SBX-ALM-072", "gap": "SBX-ALM-073", "side": "SBX-ALM-074"}
_POWERS = ("p", "p_a", "p_b", "p_c")


def add(parser: argparse.ArgumentParser) -> None:
    """``--days N``: how far back (7); ``--write`` puts thresholds where they stand and load bands into a file
    of ``conf.d``, if all files together are sound with it, and only with ``--yes``; the daemon takes it at
    its next reload and chains what it changes."""
    parser.add_argument("point", metavar="POINT")
    parser.add_argument("--days", type=int, default=7, metavar="N")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--yes", action="store_true")


def run(args: argparse.Namespace, shell: Shell) -> int:
    """Reads the journal beside the daemon. Exit 0: proposed; 1: no clear gap, nothing is proposed; 64: no
    such point, or ``--write`` without ``--yes``; 78: it does not fit the other files."""
    config = accept(shell.paths.config, shell.paths.accepted).loaded.config
    point = next((one for one in config.points if one.id == args.point), None)
    if point is None:
        raise AgentError(
            "SBX-ALM-071", 64, point=args.point, known=", ".join(one.id for one in config.points)
        )
    if args.write and not args.yes:
        raise AgentError("SBX-ALM-075", 64)
    powers = _powers(open_reader(shell.paths), max(1, args.days), {one.meter for one in config.points})
    found = learn(powers.get(point.meter, {}).values())
    if isinstance(found, Refused):
        if shell.json:
            shell.data({"proposed": None, "why": found.why, "readings": found.count})
        else:
            shell.fault(_REFUSALS[found.why], point=point.id, count=found.count, days=args.days)
        return 1
    rule = _rule(point, found, powers, config)
    _show(found, (point.id, "\n".join(filter(None, (as_point(point.id, found), rule)))), shell, args.days)
    return _write(point, found, rule, shell) if args.write else 0


def _powers(reader: JournalReader, days: int, meters: Iterable[str]) -> dict[str, dict[int, Decimal]]:
    """Power by meter and minute, of the last days that are kept."""
    head, wanted = reader.head().n, set(meters)
    newest = next((info.utc_ms for info in reader.infos(head, head)), 0)
    found: dict[str, dict[int, Decimal]] = {}
    for n in range(head, -1, -1):
        (info,) = reader.infos(n, n)
        if info.utc_ms < newest - days * DAY_MS:
            break
        rows = records_of(reader.block(n))
        for row in (row for row in rows if row["k"] == "reading" and is_live(row) and row["m"] in wanted):
            power = drawn_kw({name: Decimal(row["v"][name]) for name in _POWERS if name in row["v"]})
            if power is not None:
                found.setdefault(row["m"], {})[row["t"] // SLOT_MS] = power
    return found


def _rule(point: Point, found: Learnt, powers: dict[str, dict[int, Decimal]], config: SiteConfig) -> str:
    """For treatment: the bands by the production it belongs to; nothing where the site has such a rule."""
    pairs = (rule for rule in config.rules if isinstance(rule, TreatmentOff) and point.id in rule.treatment)
    by = next((rule.production for rule in pairs), ())
    known = any(isinstance(rule, Load) and rule.point == point.id for rule in config.rules)
    if not by or known:
        return ""
    meter_of = {one.id: one.meter for one in config.points}
    running = {slot: power for slot, power in powers[point.meter].items() if power > found.on_above_kw}
    rows = paired(running, [powers.get(meter_of[name], {}) for name in by])
    levels = bands(rows)
    return as_rule(point.id, by, levels) if levels else ""


def _show(found: Learnt, proposal: tuple[str, str], shell: Shell, days: int) -> None:
    point, text = proposal
    if shell.json:
        levels = {name: _plain(level) for name, level in (("idle", found.idle), ("running", found.running))}
        shell.data({"proposed": text, "days": days, **levels})
        return
    count = found.idle.count + found.running.count
    shell.tell(shell.say("SBX-ALM-076", point=point, days=days, count=count))
    for code, level in (("SBX-ALM-077", found.idle), ("SBX-ALM-078", found.running)):
        shell.tell(shell.say(code, **_plain(level)))
    shell.put()
    shell.put(text.rstrip("\n"))


def _plain(level: Level) -> dict[str, str]:
    names = ("count", "low", "middle", "high")
    return {name: str(getattr(level, name)) for name in names}


def _write(point: Point, found: Learnt, rule: str, shell: Shell) -> int:
    """Thresholds where they stand, bands into a new file; the daemon chains what changed when it reloads."""
    values = {"on_above_kw": str(found.on_above_kw), "off_below_kw": str(found.off_below_kw)}
    files, _ = read(shell.paths.config)
    changed = rewrite(files, "point", point.id, values)
    data = rule if changed is not None else "\n".join(filter(None, (as_point(point.id, found), rule)))
    try:
        written = add_file(data, "learnt", shell, changed)
    except ConfigInvalid as invalid:
        show_problems(invalid.problems, shell)
        return EX_CONFIG
    if not shell.json:  # what was proposed is the one object
        show_written(written, shell)
    return 0
